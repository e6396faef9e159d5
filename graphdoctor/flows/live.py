"""NVIDIA's own word on a graph, in findings and verdicts: what the table of a target can only remember."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec

from graphdoctor.engines import available_backends
from graphdoctor.errors import MissingExtraError, WorkerError
from graphdoctor.findings import Finding, ModelReport, Severity, TargetVerdict, Verdict, in_order
from graphdoctor.flows.asking import Heard, Refusal, ask_nvidia
from graphdoctor.flows.opening import Opened
from graphdoctor.ir import Graph
from graphdoctor.jobs import FailureKind
from graphdoctor.lint import find_rule, load_rules
from graphdoctor.targets import load_target

PARSER_REFUSES = "GDL001"
NO_ENGINE = "GDL002"
BUILDER_REFUSES = "GDL003"
TIME_IS_UP = "GDL004"
CRASHED = "GDL005"
_BY_TABLES = "GDO"
"""Family of the rules that know the ONNX parser from tables."""
_LOG_LINES = 3
BUILT = "NVIDIA's builder made an engine of it"
"""What is said of a verdict that rests on more than tables."""


def with_live(report: ModelReport, opened: Opened, wanted: bool | None, build: bool | None = None) -> ModelReport:
    """``report`` with NVIDIA's answers for those chosen targets that can be asked live.

    Args:
        report: by the tables.
        opened: the model it is about, unchanged.
        wanted: ``True`` to insist, ``False`` never to ask, ``None`` to ask where the packages are installed.
        build: whether the builder is asked too; ``None``: where that is cheap.

    Raises:
        MissingExtraError: ``wanted`` is True and a package is missing.
        WorkerError: ``wanted`` is True and no builder works here.
    """
    targets = [name for name in report.chosen if load_target(name).live]
    if not targets or wanted is False:
        return report
    missing = missing_package()
    if missing is not None:
        if wanted:
            raise missing
        return noted(report, targets, f"by the table alone; {missing.remedy[0].lower()}{missing.remedy[1:]}")
    try:
        heard = ask_nvidia(opened, build)
    except WorkerError as e:
        if wanted:
            raise
        return noted(report, targets, f"by the table alone; {e.message}")
    for target in targets:
        report = merged(report, opened.graph, target, heard)
    return report


def missing_package() -> MissingExtraError | None:
    """The error that names the extra to install, or ``None`` when NVIDIA can be asked here."""
    if find_spec("onnx") is None:
        return MissingExtraError("onnx", "onnx", "Asking NVIDIA's parser")
    if not any(b.importable for b in available_backends()):
        return MissingExtraError("tensorrt_rtx_bindings", "engine", "Asking NVIDIA's parser")
    return None


def merged(report: ModelReport, graph: Graph, target: str, heard: Heard) -> ModelReport:
    """``report`` on ``graph`` with what was heard of ``target``.

    A refusal decides; an engine that was built of the whole graph answers what the table could not tell.
    """
    report = noted(report, [target], *heard.notes)
    told = list(_findings(graph, target, heard))
    proven = heard.built is True and not heard.left_out and not told
    kept = [f for f in report.findings if not _is_overruled(f, target, heard, told)]
    findings = tuple(in_order([*kept, *told]))
    blocked = any(f.blocks and f.target in ("", target) for f in kept)
    verdicts = tuple(_verdict(v, told, proven and not blocked) if v.target == target else v for v in report.verdicts)
    return replace(report, findings=findings, verdicts=verdicts)


def _is_overruled(finding: Finding, target: str, heard: Heard, told: Sequence[Finding]) -> bool:
    """True for what the tables say, or cannot tell, of a place that NVIDIA itself has said more of."""
    rule = next((r for r in load_rules() if r.code == finding.code), None)
    if finding.target != target or rule is None or not rule.decides:
        return False
    if any(f.certain and f.node and f.node == finding.node for f in told):
        return rule.tables
    if heard.built is not True or told or finding.node in heard.left_out or not (finding.node or not heard.left_out):
        return False
    return not finding.certain or finding.code.startswith(_BY_TABLES)


def _verdict(verdict: TargetVerdict, told: list[Finding], proven: bool) -> TargetVerdict:
    certain = [f for f in told if f.certain]
    if certain:
        first = certain[0]
        place = f"{first.node} ({first.op}): " if first.node else ""
        lost = len({f.node for f in certain if f.node})
        supported = min(verdict.supported, max(0, verdict.total - lost))
        return replace(
            verdict, verdict=Verdict.INCOMPATIBLE, supported=supported, reason=f"NVIDIA: {place}{first.message}"
        )
    if told and verdict.verdict is Verdict.COMPATIBLE:
        return replace(verdict, verdict=Verdict.UNKNOWN, reason=f"NVIDIA: {told[0].message}")
    if proven:
        return replace(verdict, verdict=Verdict.COMPATIBLE, supported=verdict.total, reason=BUILT)
    return verdict


def _findings(graph: Graph, target: str, heard: Heard) -> Iterator[Finding]:
    for refusal in heard.refusals:
        yield _of_refusal(graph, target, refusal)
    if heard.built is False and not heard.refusals:
        yield _finding(NO_ENGINE, target, "NVIDIA's builder made no engine and gave no reason")
    if heard.failure is not None:
        code = TIME_IS_UP if heard.failure.kind is FailureKind.TIMEOUT else CRASHED
        yield _finding(code, target, f"NVIDIA's process {heard.failure.message}{_tail(heard.log)}", certain=False)


def _of_refusal(graph: Graph, target: str, refusal: Refusal) -> Finding:
    code = PARSER_REFUSES if refusal.stage == "parse" else BUILDER_REFUSES if refusal.nodes else NO_ENGINE
    names = [name for name in refusal.nodes if name in graph]
    op = graph.node(names[0]).op if names else ""
    message = f"ONNX {refusal.operator}: {refusal.reason}" if refusal.operator else refusal.reason
    return _finding(code, target, message, refusal.certain, (names[0], op) if names else ("", ""), tuple(names[1:]))


def _finding(
    code: str,
    target: str,
    message: str,
    certain: bool = True,
    place: tuple[str, str] = ("", ""),
    covers: tuple[str, ...] = (),
) -> Finding:
    rule = find_rule(code)
    severity = rule.level if certain else Severity.WARNING
    return Finding(code, rule.name, severity, target, *place, message, certain, None, rule.remedy, covers)


def _tail(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()][-_LOG_LINES:]
    return f"; its last words: {' / '.join(lines)}" if lines else ""


def noted(report: ModelReport, targets: list[str], *notes: str) -> ModelReport:
    """``report`` with what was not asked of ``targets``, and why."""
    name = ", ".join(targets)
    return replace(report, not_checked=(*report.not_checked, *(f"{name}: {note}" for note in notes)))
