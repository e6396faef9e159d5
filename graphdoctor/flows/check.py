"""check: everything that stands in the way of the chosen targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphdoctor.errors import InputError
from graphdoctor.findings import Finding, ModelReport, in_order
from graphdoctor.flows.opening import Opened, SignatureOptions, open_model
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import read_raw
from graphdoctor.installed import uff_parser_may_be_here
from graphdoctor.ir import Graph
from graphdoctor.lint import (
    Answers,
    LintOptions,
    LintResult,
    accepted_targets,
    choose,
    counts,
    fingerprinted,
    inline_suppressions,
    lint,
    load_rules,
)
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.targets import Target, all_target_names, load_target
from graphdoctor.words import plural


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What ``check`` was asked for: ``targets`` get findings, every other target a verdict.

    Everything that decides the report stands here by value, what files said included.
    """

    targets: tuple[str, ...]
    lint: LintOptions = field(default_factory=LintOptions)
    signature: SignatureOptions = field(default_factory=SignatureOptions)
    live: bool | None = None
    build: bool | None = None
    answers: Answers = field(default_factory=Answers)
    fingerprints: bool = True


def check_model(path: str, options: CheckOptions) -> ModelReport:
    """Open ``path`` and lint it.

    Raises:
        InputError: the model cannot be read, or a name that was given is not in it.
    """
    raw = read_raw(path)
    if raw.kind is Kind.UFF:
        from graphdoctor.flows.check_uff import check_uff

        return check_uff(path, raw.data, options)
    return check_opened(open_model(path, options.signature, raw), options)


def check_opened(opened: Opened, options: CheckOptions) -> ModelReport:
    """Lint an opened model as it is now."""
    wanted = replace(options.lint, report=options.targets)
    result = lint(opened.graph, opened.specs, every_target(), wanted)
    report = _report(opened, options, result)
    if options.live is not False and any(load_target(name).live for name in options.targets):
        from graphdoctor.flows.live import with_live  # needs onnx, which a plain check does not

        report = with_live(report, opened, options.live, options.build)
    return _chosen(report, opened, options, result)


def _report(opened: Opened, options: CheckOptions, result: LintResult) -> ModelReport:
    """With every finding that was made."""
    model = opened.model
    return ModelReport(
        path=model.path,
        sha256=model.sha256,
        kind=model.kind,
        producer=model.producer,
        nodes=len(opened.graph),
        inputs=tuple(opened.inputs()),
        outputs=tuple(opened.outputs()),
        verdicts=tuple(replace(v, parser=load_target(v.target).parser) for v in result.verdicts),
        findings=(*result.findings, *(h.finding for h in result.concealed)),
        not_checked=(*result.not_checked, *_unread(opened), *_not_asked(options)),
        chosen=options.targets,
        packs=tuple(dict.fromkeys(pack for name in options.targets for pack in load_target(name).packs)),
    )


def _chosen(report: ModelReport, opened: Opened, options: CheckOptions, result: LintResult) -> ModelReport:
    return answered(report, opened.graph, opened.specs, options, result, lambda: _for_every_target(opened, options))


def answered(
    report: ModelReport,
    graph: Graph,
    specs: Specs,
    options: CheckOptions,
    result: LintResult,
    elsewhere: Callable[[], list[Finding]],
) -> ModelReport:
    """``report`` with the findings that are wanted, and what became of the others.

    Args:
        report: with every finding that was made.
        graph: what the findings are about.
        specs: of its values.
        options: what is wanted.
        result: what the rules said.
        elsewhere: what would be found if every target was asked for.
    """
    answers = options.answers
    if answers.inline:
        answers = replace(answers, suppressions=(*answers.suppressions, *inline_suppressions(graph)))
    found = fingerprinted(in_order(report.findings), graph, specs) if options.fingerprints else report.findings
    chosen = choose(found, options.lint, answers, options.targets, elsewhere)
    asked = [v for v in report.verdicts if v.target in options.targets]
    return replace(
        report,
        findings=chosen.shown,
        concealed=chosen.concealed,
        hidden=counts(chosen.concealed),
        accepted=accepted_targets(asked, result.behind, chosen.shown, chosen.concealed),
        stale=chosen.stale,
        spent=chosen.spent,
    )


def _for_every_target(opened: Opened, options: CheckOptions) -> list[Finding]:
    """What would be found if every target was asked for."""
    result = lint(opened.graph, opened.specs, every_target(), replace(options.lint, report=None))
    return [*result.findings, *(h.finding for h in result.concealed)]


def asks_live(options: CheckOptions) -> bool:
    """True if NVIDIA is asked: the report then depends on more than the model and this program."""
    targets = [load_target(name) for name in options.targets]
    if options.live is False or not any(t.live or t.releases for t in targets):
        return False
    if options.live or (any(t.releases for t in targets) and uff_parser_may_be_here()):
        return True
    if not any(t.live for t in targets):
        return False
    from graphdoctor.flows.live import missing_package

    return missing_package() is None


def prepare() -> None:
    """Read the rules and targets: what every check of this process, and of those forked from it, needs."""
    load_rules()
    every_target()


def chosen_targets(names: Sequence[str], places: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """``all`` is every target; each name once, in the order given.

    Args:
        names: of targets.
        places: where a name was written, for the error message.

    Raises:
        InputError: there is no such target.
    """
    wanted = [t for name in names for t in (all_target_names() if name == "all" else (name,))]
    return tuple(dict.fromkeys(_named(n, (places or {}).get(n, "")) for n in wanted))


def _named(target: str, place: str) -> str:
    try:
        return load_target(target).name
    except InputError as e:
        raise InputError(e.message, where=e.where or place, remedy=e.remedy) from e


def every_target() -> list[Target]:
    """All, in release order: the summary line shows every verdict, and with it the nearest that passes."""
    return [load_target(n) for n in all_target_names()]


def _not_asked(options: CheckOptions) -> tuple[str, ...]:
    """Targets whose parser reads UFF, where the command line insists on asking and the model is a graph."""
    named = [name for name in options.targets if options.live and load_target(name).releases]
    return (f"{', '.join(named)}: by the table alone; the UFF parser is asked about .uff files",) if named else ()


def _unread(opened: Opened) -> tuple[str, ...]:
    count = len(opened.model.functions)
    notes = tuple(opened.model.notes)
    if count:
        notes += (f"the bodies of {plural(count, 'function')} in the library were not looked into",)
    return notes
