"""The sentences every text format shares: what a verdict means, which nodes a group names, how to fix it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from graphdoctor.findings import Failed, Finding, Fix, ModelReport, Safety, Verdict
from graphdoctor.render.parts.glyphs import Glyphs
from graphdoctor.render.parts.groups import Group, TargetSummary, fix_packs, is_fixable, nearest_compatible
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import cells
from graphdoctor.words import plural

VERDICT_STYLE = {Verdict.COMPATIBLE: "green", Verdict.INCOMPATIBLE: "red", Verdict.UNKNOWN: "yellow"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "blue"}
_PARSERS = {"uff": "UFF", "onnx": "ONNX", "tftrt": "TF-TRT"}
_HOW = {
    Safety.SAFE: "without changing a result",
    Safety.UNSAFE: "with --unsafe-fixes (may change inputs, outputs, rounding)",
}
_OPS = 12
"""A reason that concerns more kinds of op shows this many."""
UNTOLD_STYLE = VERDICT_STYLE[Verdict.UNKNOWN]


def severity_label(finding: Finding) -> str:
    """``error``, or ``error?`` where the rule could not tell."""
    return finding.severity.label if finding.certain else f"{finding.severity.label}?"


def count_text(groups: Iterable[Group]) -> str:
    """``3 errors, 1 warning, 2 that could not be told``; what is said of several targets counts once."""
    counts: Counter[str] = Counter()
    for g in groups:
        counts[g.head.severity.label if g.head.certain else ""] += g.count
    parts = [plural(counts[x], x, "info" if x == "info" else "") for x in ("error", "warning", "info") if counts[x]]
    if counts[""]:
        parts.append(f"{counts['']:,} that could not be told")
    return ", ".join(parts) or "no findings"


def headline(summary: TargetSummary, *, named: bool = True) -> str:
    """``incompatible: 138 of 142 ops convert on trt8.6; 3 blockers, 2 fixable``; ``named``: with the target."""
    v = summary.verdict
    on = f" on {v.target}" if named else ""
    return f"{v.verdict.value}: {'; '.join([coverage(summary) + on, *facts(summary)])}"


def _converted(supported: int, total: int) -> str:
    if supported == total:
        return f"all {total:,} ops convert" if total > 1 else "the only op converts"
    return f"{supported:,} of {plural(total, 'op')} convert{'s' * (total == 1)}"


def coverage(summary: TargetSummary) -> str:
    """``138 of 142 ops convert``, or the plain word for none and all; with the segments of TF-TRT."""
    v = summary.verdict
    if not v.total:
        return "no op to convert"
    text = _converted(v.supported, v.total)
    if v.segments is None:
        return text
    return f"{text} in {plural(v.segments, 'segment')}" if v.segments else "no op converts: there is no segment"


def facts(summary: TargetSummary, none_fixable: str = ", none fixable") -> list[str]:
    """``3 blockers, 2 fixable`` and what could not be told; that nothing stands in the way is said as well."""
    verdict = summary.verdict.verdict
    found = (
        ["nothing stands in the way"] if verdict is Verdict.COMPATIBLE and not summary.blockers + summary.hidden else []
    )
    if summary.blockers:
        fixable = f", {summary.fixable} fixable" if summary.fixable else none_fixable
        unsafe = f" ({summary.unsafe} unsafe)" if summary.unsafe else ""
        found.append(f"{plural(summary.blockers, 'blocker')}{fixable}{unsafe}")
    if summary.hidden:
        found.append(
            f"{summary.hidden} more not shown" if summary.blockers else f"{plural(summary.hidden, 'blocker')} not shown"
        )
    if verdict is Verdict.UNKNOWN:
        found.append(f"{plural(max(1, summary.untold), 'thing')} could not be told")
    return found


def fact_text(summary: TargetSummary) -> str:
    """The facts of a row in a table, short: the segments of TF-TRT, blockers, what could not be told."""
    segments = summary.verdict.segments
    head = [] if segments is None else [plural(segments, "segment") if segments else "no segment"]
    return "; ".join(head + facts(summary, none_fixable=""))


def reason_text(summary: TargetSummary) -> str:
    """Why the verdict is what it is, where no finding says so."""
    told_by = {Verdict.INCOMPATIBLE: summary.blockers, Verdict.UNKNOWN: summary.untold}
    return "" if told_by.get(summary.verdict.verdict) else summary.verdict.reason


def nearest_text(model: ModelReport, found: Sequence[TargetSummary]) -> str:
    """Which targets pass where those of ``found`` do not; empty when they all do, or when every target is shown."""
    failing = [s.verdict.target for s in found if s.verdict.verdict is not Verdict.COMPATIBLE]
    if not failing or len(model.verdicts) < 2:
        return ""
    near: dict[str, list[str]] = {}
    for target in failing:
        near.setdefault(nearest_compatible(model, target), []).append(target)
    if "" in near:
        return "no target passes as the model is"
    if len(found) == len(model.verdicts):
        passing = sum(v.verdict is Verdict.COMPATIBLE for v in model.verdicts)
        return f"{passing} of {plural(len(found), 'target')} pass"
    if len(near) == 1:
        return f"nearest that passes: {next(iter(near))}"
    return "nearest that passes: " + ", ".join(f"{n} (for {', '.join(failed)})" for n, failed in near.items())


def fix_command(fix: Fix, path: str = "") -> str:
    """The command that removes the finding, as typed in a POSIX shell."""
    return packs_command((fix.pack,), unsafe=fix.safety is Safety.UNSAFE, path=path)


def fix_text(finding: Finding) -> str:
    """``graphdoctor fix --rules tf112 (safe)``; empty where nothing can."""
    fix = finding.fix
    return f"{fix_command(fix)} ({fix.safety.value})" if fix is not None and is_fixable(fix) else ""


def packs_command(packs: tuple[str, ...], *, unsafe: bool = False, path: str = "", target: str = "") -> str:
    """``graphdoctor fix net.pb --rules tf112,fold --target trt3 --unsafe-fixes``."""
    from shlex import quote

    words = ["graphdoctor fix", quote(path) if path else "", f"--rules {','.join(packs)}"]
    words += [f"--target {target}" if target else "", "--unsafe-fixes" if unsafe else ""]
    return " ".join(w for w in words if w)


def accepted_text(model: ModelReport) -> str:
    """Which targets fail without failing the run; empty for none."""
    if not model.accepted:
        return ""
    return f"{', '.join(model.accepted)}: every finding behind the verdict is accepted"


def hidden_notes(model: ModelReport) -> list[str]:
    """``12 findings hidden by the baseline``, for each reason."""
    return [f"{plural(count, 'finding')} hidden {reason}" for reason, count in model.hidden]


def failed_text(failed: Failed) -> str:
    """Why a model could not be checked, and what to do."""
    return f"could not be checked: {failed.message}" + (f". {failed.remedy}" if failed.remedy else "")


def repairs(model: ModelReport, groups: Sequence[Group]) -> Iterator[tuple[str, str]]:
    """How much can be fixed and the command that does it: what is safe, then what goes further."""
    target = model.chosen[0] if len(model.chosen) == 1 else ""
    safe, unsafe = (fix_packs(groups, safety, model.packs) for safety in (Safety.SAFE, Safety.UNSAFE))
    for safety, packs in ((Safety.SAFE, safe), (Safety.UNSAFE, tuple(dict.fromkeys(safe + unsafe)))):
        count = sum(g.count for g in groups if g.head.fix and g.head.fix.safety is safety)
        if count:
            more = "more " if safety is Safety.UNSAFE and safe else ""
            command = packs_command(packs, unsafe=safety is Safety.UNSAFE, path=model.path, target=target)
            yield f"{plural(count, f'{more}finding', f'{more}findings')} can be fixed {_HOW[safety]}", command


def group_place(group: Group, glyphs: Glyphs) -> str:
    """``AddV2 x 48 in 6 scopes``; for one node its op alone; ``the whole model`` without a node."""
    nodes = group.nodes
    if not nodes:
        return "the whole model"
    ops = group.ops
    if len(nodes) == 1:
        return ops[0][0] or "node"
    shown = [f"{op or 'node'} {glyphs.times} {count:,}" for op, count in ops[:_OPS]]
    if len(ops) > _OPS:
        shown.append(f"{plural(len(ops) - _OPS, 'more op')} {glyphs.times} {sum(n for _, n in ops[_OPS:]):,}")
    scopes = group.scopes
    return f"{', '.join(shown)} in {plural(scopes, 'scope')}" if scopes > 1 else ", ".join(shown)


def target_text(targets: Sequence[str], model: ModelReport) -> str:
    """``targets`` in the order of the verdicts; ``every UFF target`` for all of a family; empty for none.

    Targets that have no verdict stand at the end.
    """
    order = [v.target for v in model.verdicts]
    if len(order) > 2 and set(order) <= set(targets):
        return "every target"
    shown = {t: t for t in (*order, *targets) if t in targets and t}
    for parser, name in _PARSERS.items():
        family = [v.target for v in model.verdicts if v.parser == parser]
        if len(family) > 2 and set(family) <= shown.keys():
            shown |= dict.fromkeys(family, f"every {name} target")
    return ", ".join(dict.fromkeys(shown.values()))


def place_nodes(group: Group, options: RenderOptions, room: int = 0) -> tuple[tuple[str, ...], int]:
    """The nodes to show and how many are left out; all of them with ``show_nodes``.

    ``room`` is how many cells they should take; at least one is shown.
    """
    nodes = group.nodes
    if options.show_nodes:
        return nodes, 0
    count = len(nodes) if len(nodes) <= options.examples + 1 else options.examples
    while room and count > 1 and sum(cells(n) + 2 for n in nodes[:count]) > room:
        count -= 1
    return nodes[:count], len(nodes) - count


def place_text(group: Group, options: RenderOptions, glyphs: Glyphs, room: int = 0) -> str:
    """``AddV2 x 48 in 6 scopes: a/add, b/add, c/add and 45 more``, of about ``room`` cells."""
    place = group_place(group, glyphs)
    nodes, left = place_nodes(group, options, max(1, room - cells(place) - 14) if room else 0)
    more = f" and {left:,} more" if left else ""
    return ": ".join(x for x in (place, ", ".join(nodes)) if x) + more


def group_lines(group: Group, options: RenderOptions, glyphs: Glyphs) -> list[str]:
    """What a group says, where, what to do and what does it: a line each, nothing for what there is not."""
    f = group.head
    lines = [
        told(f, group.message),
        place_text(group, options, glyphs),
        group.remedy,
        f"fix: {fix_text(f)}" if fix_text(f) else "",
    ]
    return [line for line in lines if line]


def told(finding: Finding, message: str) -> str:
    """``message`` of a finding, which always says so where it could not be told."""
    doubtful = not finding.certain and not message.startswith("cannot tell")
    return f"cannot be told: {message}" if doubtful else message


def finding_text(f: Finding) -> str:
    """One line that says all of a finding: op and node, message, target, remedy."""
    at = f"{f.op} {f.node}: " if f.op and f.node else f"{f.node}: " if f.node else ""
    message = f.message.removeprefix(f"{f.node}: ") if f.node else f.message
    target = f" ({f.target})" if f.target else ""
    remedy = f". {f.remedy}" if f.remedy else ""
    return f"{at}{told(f, message)}{target}{remedy}"
