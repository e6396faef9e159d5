"""Asking NVIDIA's own parser and builder what the table of a target can only remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from graphdoctor.engines import ParserAnswer, ask_parser, available_backends
from graphdoctor.errors import GraphdoctorError, MissingExtraError, UnsupportedError
from graphdoctor.findings import Finding, ModelReport, Severity, TargetVerdict, Verdict
from graphdoctor.flows.opening import Opened
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, to_bytes
from graphdoctor.lint import find_rule
from graphdoctor.targets import load_target
from graphdoctor.types import Answer

REFUSED = "GDL001"
NOT_BUILT = "GDL002"


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What NVIDIA said of the model: findings, whether an engine was built, and what was not asked."""

    findings: tuple[Finding, ...] = ()
    built: bool | None = None
    note: str = ""


def with_live(report: ModelReport, opened: Opened, wanted: bool | None) -> ModelReport:
    """``report`` with NVIDIA's answers for those chosen targets that can be asked live.

    Args:
        report: by the tables.
        opened: the model it is about, unchanged.
        wanted: ``True`` to insist, ``False`` never to ask, ``None`` to ask where the packages are installed.

    Raises:
        MissingExtraError: ``wanted`` is True and a package is missing.
        WorkerError: NVIDIA's process crashed or ran out of time.
    """
    targets = [name for name in report.chosen if load_target(name).live]
    if not targets or wanted is False:
        return report
    missing = missing_package()
    if missing is not None:
        if wanted:
            raise missing
        return _noted(
            report, f"{', '.join(targets)}: by the table alone; {missing.remedy[0].lower()}{missing.remedy[1:]}"
        )
    for target in targets:
        report = _merged(report, target, ask_live(opened, target))
    return report


def missing_package() -> MissingExtraError | None:
    """The error that names the extra to install, or ``None`` when NVIDIA can be asked here."""
    if find_spec("onnx") is None:
        return MissingExtraError("onnx", "onnx", "Asking NVIDIA's parser")
    if not any(b.importable for b in available_backends()):
        return MissingExtraError("tensorrt_rtx_bindings", "engine", "Asking NVIDIA's parser")
    return None


def ask_live(opened: Opened, target: str) -> LiveAnswer:
    """NVIDIA's answer to the ONNX form of the graph; the builder is asked too where no dimension is open."""
    try:
        model = onnx_from_graph(opened.graph)
    except UnsupportedError as e:
        return LiveAnswer(
            note=f"{target}: NVIDIA's parser was not asked, since {e.message.splitlines()[0].rstrip(':')}"
        )
    except GraphdoctorError as e:
        return LiveAnswer(note=f"{target}: NVIDIA's parser was not asked: {e}")
    if not model.nodes:
        return LiveAnswer(note=f"{target}: NVIDIA's parser was not asked, since the ONNX form has no nodes")
    static = all(spec.is_static for _, spec in model.inputs)
    answer = ask_parser(to_bytes(model), build=static)
    return LiveAnswer(_findings(target, model, answer), answer.built)


def _findings(target: str, model: OnnxModel, answer: ParserAnswer) -> tuple[Finding, ...]:
    origins = model.origins()
    found = [
        _finding(REFUSED, target, origins.get(n.name, (n.name,)), n.operator, n.reason)
        for n in answer.nodes
        if n.ok is Answer.NO
    ]
    found += [_finding(REFUSED, target, (), "", e.message) for e in answer.errors]
    if answer.built is False and not found:
        found.append(_finding(NOT_BUILT, target, (), "", "NVIDIA's builder made no engine and named no node"))
    return tuple(found)


def _finding(code: str, target: str, origins: Sequence[str], op: str, reason: str) -> Finding:
    rule = find_rule(code)
    return Finding(
        code, rule.name, Severity.ERROR, target, origins[0] if origins else "", op, reason, remedy=rule.remedy
    )


def _noted(report: ModelReport, note: str) -> ModelReport:
    return replace(report, not_checked=(*report.not_checked, note))


def _merged(report: ModelReport, target: str, live: LiveAnswer) -> ModelReport:
    """A refusal decides; an engine that was built answers what the table could not tell."""
    if live.note:
        return _noted(report, live.note)
    findings = [*report.findings, *live.findings]
    if live.built:
        findings = [f for f in findings if f.certain or f.target != target]
    verdicts = tuple(_verdict(v, live) if v.target == target else v for v in report.verdicts)
    return replace(report, findings=tuple(sorted(findings, key=lambda f: f.sort_key)), verdicts=verdicts)


def _verdict(verdict: TargetVerdict, live: LiveAnswer) -> TargetVerdict:
    if live.findings:
        return replace(verdict, verdict=Verdict.INCOMPATIBLE, reason=f"NVIDIA: {live.findings[0].message}")
    if live.built and verdict.verdict is Verdict.UNKNOWN:
        return replace(verdict, verdict=Verdict.COMPATIBLE, supported=verdict.total, reason="")
    return verdict
