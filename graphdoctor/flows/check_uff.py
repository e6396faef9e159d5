"""check of a UFF file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.findings import Finding, ModelReport, TargetVerdict, TensorInfo, Verdict
from graphdoctor.flows.check import CheckOptions, answered, every_target
from graphdoctor.flows.opening import Opened, SignatureOptions, open_any
from graphdoctor.flows.uff_views import input_info
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import RawModel
from graphdoctor.formats.uff import UffFile, load_uff
from graphdoctor.lint import LintResult, UffSubject, lint, lint_uff, load_rules, subject_of
from graphdoctor.lint.limits import parser_alone
from graphdoctor.lint.uff_support import NOT_CHECKED
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.passes.signature import GivenInput
from graphdoctor.targets import load_target
from graphdoctor.types import DType


def check_uff(path: str, data: bytes, options: CheckOptions) -> ModelReport:
    """Lint the UFF file at ``path``, whose content is ``data``: its nodes, and the graph that the parser finds in it.

    Raises:
        InputError: it is damaged, or a name that was given is not in it.
    """
    file = load_uff(path, data)
    of = subject_of(file.model, _given(file, options.signature))
    graphs = _graphs_of(path, data, file, options.signature)
    graph = graphs[-1]
    result = _lint(of, graphs, options, options.targets)
    report = _report(file, graph, options, result)
    if isinstance(graph, Opened) and options.live is not False and any(load_target(n).live for n in options.targets):
        from graphdoctor.flows.live import with_live  # needs onnx, which a plain check does not

        report = with_live(report, graph, options.live, options.build)
    if options.live is not False and any(load_target(n).releases for n in options.targets):
        from graphdoctor.flows.live_uff import with_uff_parser

        report = with_uff_parser(report, of.graph, RawModel(Kind.UFF, data), options.signature, options.live)
    return answered(report, of.graph, Specs(), options, result, lambda: _for_every_target(of, graphs, options))


def _graphs_of(path: str, data: bytes, file: UffFile, signature: SignatureOptions) -> tuple[Opened | str, ...]:
    """The file as a graph, or why it is none; the last is without the plugins that ops of TensorFlow can stand for."""
    kept = _graph_of(path, data, signature, keep_plugins=True)
    if isinstance(kept, str) or not any(n.is_custom for n in file.model.nodes()):
        return (kept,)
    return kept, _graph_of(path, data, signature)


def _graph_of(path: str, data: bytes, signature: SignatureOptions, *, keep_plugins: bool = False) -> Opened | str:
    try:
        return open_any(path, signature, RawModel(Kind.UFF, data), keep_plugins=keep_plugins)
    except GraphdoctorError as e:
        return e.message


def _lint(
    of: UffSubject, graphs: tuple[Opened | str, ...], options: CheckOptions, wanted: tuple[str, ...] | None
) -> LintResult:
    """What the nodes say, and the graph where they do not tell; ``wanted`` targets get findings, ``None`` is all."""
    opened = [g for g in graphs if isinstance(g, Opened)]
    nodes = lint_uff(of, every_target(), replace(options.lint, report=wanted))
    if len(opened) < len(graphs):
        reason = next(g for g in graphs if isinstance(g, str))
        return replace(nodes, not_checked=(*nodes.not_checked, f"the file was not checked as a graph: {reason}"))
    alone = [parser_alone(t.name) for t in every_target()]
    as_graph = _as_graphs([lint(g.graph, g.specs, alone, replace(options.lint, report=None)) for g in opened])
    told = _Told(of, as_graph, frozenset(t.name for t in every_target()) if wanted is None else frozenset(wanted))
    return replace(
        nodes,
        findings=(*nodes.findings, *(replace(f, fix=None) for f in as_graph.findings if told.is_wanted(f))),
        verdicts=tuple(map(told.verdict, nodes.verdicts, as_graph.verdicts)),
        not_checked=tuple(dict.fromkeys((*nodes.not_checked, *as_graph.not_checked))),
        concealed=(*nodes.concealed, *(h for h in as_graph.concealed if told.is_wanted(h.finding))),
        behind={t: told.behind(t, names) for t, names in nodes.behind.items()},
    )


def _as_graphs(results: Sequence[LintResult]) -> LintResult:
    """What is said of the file as a graph: of targets with the ONNX parser it is what the last says."""
    first, last = results[0], results[-1]
    if first is last:
        return first
    parts = ((first, False), (last, True))
    return replace(
        first,
        findings=tuple(f for r, onnx in parts for f in r.findings if _is_onnx(f.target) is onnx),
        verdicts=tuple(b if _is_onnx(b.target) else a for a, b in zip(first.verdicts, last.verdicts, strict=True)),
        not_checked=tuple(dict.fromkeys((*first.not_checked, *last.not_checked))),
        concealed=tuple(h for r, onnx in parts for h in r.concealed if _is_onnx(h.finding.target) is onnx),
        behind={t: (last if _is_onnx(t) else first).behind[t] for t in first.behind},
    )


class _Told:
    """What the graph of a file adds to what its nodes say.

    Everything on targets with the ONNX parser. On those with the UFF parser, rules about graphs also say what NVIDIA's
    converter would do, which is done here: so only those that are about what the parser finds can make a file
    incompatible, and all of them together compatible.
    """

    def __init__(self, of: UffSubject, graph: LintResult, wanted: frozenset[str]) -> None:
        self._of, self._graph, self._wanted = of, graph, wanted
        about_parser = {r.code for r in load_rules() if "uff-graph" in r.formats}
        made = (*graph.findings, *(h.finding for h in graph.concealed))
        self._parser = [f for f in made if f.code in about_parser and f.node in of.nodes]
        self._refused = {f.target: f for f in reversed(self._parser) if f.blocks and not _is_onnx(f.target)}

    def is_wanted(self, finding: Finding) -> bool:
        """True for a finding of the graph that is one of the file too."""
        return finding.target in self._wanted and (_is_onnx(finding.target) or finding in self._parser)

    def verdict(self, nodes: TargetVerdict, graph: TargetVerdict) -> TargetVerdict:
        """The verdict of both."""
        if _is_onnx(nodes.target):
            return graph
        refused = self._refused.get(nodes.target)
        if refused is not None and nodes.verdict is not Verdict.INCOMPATIBLE:
            return replace(nodes, verdict=Verdict.INCOMPATIBLE, reason=refused.message)
        if nodes.reason != NOT_CHECKED:
            return nodes
        if graph.verdict is Verdict.COMPATIBLE:
            return replace(nodes, verdict=Verdict.COMPATIBLE, reason="")
        return replace(nodes, reason=f"as a graph, {graph.reason}")

    def behind(self, target: str, nodes: frozenset[str]) -> frozenset[str]:
        """The nodes that the verdict on ``target`` rests on."""
        if _is_onnx(target):
            return self._graph.behind[target]
        return nodes | {n for f in self._parser if f.target == target for n in (f.node, *f.covers)}


def _is_onnx(target: str) -> bool:
    return bool(target) and load_target(target).parser == "onnx"


def _given(file: UffFile, signature: SignatureOptions) -> frozenset[str]:
    """The inputs that ``--input`` says something of."""
    names = [n.id for n in file.model.nodes() if n.op == "Input"]
    for given in signature.inputs:
        if given.name not in names:
            raise InputError(
                f"{given.name!r} is no input of it",
                where="--input",
                remedy=f"Its inputs are {', '.join(names) or 'none'}",
            )
    if signature.outputs:
        raise InputError("a UFF file marks its outputs itself", where="--output", remedy="Leave --output out")
    return frozenset(g.name for g in signature.inputs)


def _report(file: UffFile, graph: Opened | str, options: CheckOptions, result: LintResult) -> ModelReport:
    model, given = file.model, {g.name: g for g in options.signature.inputs}
    known = {} if isinstance(graph, str) else {info.name: info for info in graph.outputs()}
    return ModelReport(
        path=file.path,
        sha256=file.sha256,
        kind="uff",
        producer=0,
        nodes=sum(1 for _ in model.nodes()),
        inputs=tuple(_input(input_info(model, n), given) for g in model.graphs for n in g.inputs()),
        outputs=tuple(known.get(i, TensorInfo(i, DType.INVALID, None)) for g in model.graphs for i in g.outputs()),
        verdicts=tuple(replace(v, parser=load_target(v.target).parser) for v in result.verdicts),
        findings=(*result.findings, *(h.finding for h in result.concealed)),
        not_checked=result.not_checked,
        chosen=options.targets,
    )


def _input(info: TensorInfo, given: dict[str, GivenInput]) -> TensorInfo:
    said = given.get(info.name)
    if said is None:
        return info
    return TensorInfo(info.name, said.dtype or info.dtype, said.dims if said.has_dims else info.shape)


def _for_every_target(of: UffSubject, graphs: tuple[Opened | str, ...], options: CheckOptions) -> list[Finding]:
    """What would be found if every target was asked for."""
    result = _lint(of, graphs, options, None)
    return [*result.findings, *(h.finding for h in result.concealed)]
