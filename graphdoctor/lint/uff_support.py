"""Whether a target runs the nodes of a UFF file, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.trouble import Trouble
from graphdoctor.lint.uff_subject import live_nodes, subject
from graphdoctor.targets import Confidence, Target
from graphdoctor.types import Answer, Support
from graphdoctor.wire.uff import UffNode
from graphdoctor.wire.uff.model import CONST, MARK_OUTPUT
from graphdoctor.wire.uff.ops import tensorflow_op

_FLATTEN = ("Flatten", "flatten-trt3")
_OTHER_PARSER = {
    "onnx": "a UFF file goes to the ONNX parser as a graph, and this one could not be read as such",
    "tftrt": "TF-TRT takes TensorFlow graphs, and this is a UFF file",
}
NOT_CHECKED = "the nodes of a UFF file alone do not tell whether they keep the parser's limits on shapes"
"""Why nodes alone make no file compatible."""


class UffKind(NamedTuple):
    """What a target can ask of a node: its op, the TensorFlow op it was made of, if any, and who has its plugin."""

    op: str
    tensorflow: str | None
    is_custom: bool
    is_nvidias: bool


def kinds(ctx: CheckContext) -> Mapping[UffKind, list[tuple[UffNode, Node]]]:
    """The live nodes by kind."""
    key = "uff kinds"
    if key not in ctx.shared:
        model, found = subject(ctx).model, dict[UffKind, list[tuple[UffNode, Node]]]()
        for node, place in live_nodes(ctx):
            kind = UffKind(node.op, tensorflow_op(model, node), node.is_custom, place.op != (node.op or "?"))
            found.setdefault(kind, []).append((node, place))
        ctx.shared[key] = found
    by_kind: Mapping[UffKind, list[tuple[UffNode, Node]]] = ctx.shared[key]
    return by_kind


def support_of(kind: UffKind, target: Target) -> Support:
    """Whether ``target`` runs nodes of ``kind``, by the row of the TensorFlow op that they were made of."""
    if kind.op == MARK_OUTPUT:
        return Support(Answer.YES, "", "")
    if kind.is_custom:
        return _plugin(kind, target)
    if kind.tensorflow is None:
        return Support(Answer.NO, f"{kind.op or 'a node without op'} is no op of UFF", "")
    limit = target.has_limit(_FLATTEN[1]) if kind.op == _FLATTEN[0] else None
    if limit is not None:
        return Support(Answer.NO, limit.reason, limit.source)
    row = target.row(kind.tensorflow)
    if row.confidence is Confidence.LOW:
        return Support(Answer.UNKNOWN, row.reason or row.note or "known from a weak source only", row.source)
    return Support(row.support, row.reason or row.error, row.source)


def _plugin(kind: UffKind, target: Target) -> Support:
    name = kind.op[1:]
    if kind.is_nvidias:
        row = target.row(name)
        return Support(Answer.UNKNOWN if row.support is Answer.YES else row.support, row.reason, row.source)
    return Support(Answer.NO, f"the parser looks for a plugin called {name}, and NVIDIA's library has none", "")


def uff_verdict(ctx: CheckContext, target: Target, trouble: Trouble, whole: str) -> TargetVerdict:
    """The verdict of the nodes alone on ``target``; never *compatible*, since they do not tell of shapes."""
    if target.parser != "uff":
        return TargetVerdict(target.name, Verdict.UNKNOWN, 0, 0, _OTHER_PARSER[target.parser])
    objected = trouble.errors | trouble.doubts
    supported = total = 0
    refused: dict[Answer, str] = {}
    for kind, nodes in kinds(ctx).items():
        support = support_of(kind, target)
        if support.ok is not Answer.YES:
            refused.setdefault(support.ok, f"{nodes[0][0].id} ({kind.op}): {support.reason}")
        if kind.op not in (CONST, MARK_OUTPUT):
            total += len(nodes)
            if support.ok is Answer.YES:
                supported += len(nodes) - (sum(place in objected for _, place in nodes) if objected else 0)
    verdict, reason = _decide(trouble, refused, whole)
    return TargetVerdict(target.name, verdict, supported, total, reason)


def _decide(trouble: Trouble, refused: dict[Answer, str], whole: str) -> tuple[Verdict, str]:
    if trouble.errors:
        return Verdict.INCOMPATIBLE, trouble.reason(True)
    if Answer.NO in refused:
        return Verdict.INCOMPATIBLE, refused[Answer.NO]
    doubt = whole or (trouble.reason(False) if trouble.doubts else "")
    return Verdict.UNKNOWN, doubt or refused.get(Answer.UNKNOWN, NOT_CHECKED)


def uff_behind(ctx: CheckContext, target: Target, trouble: Trouble) -> frozenset[str]:
    """The names of the nodes that the verdict rests on; the file as a whole always, since its shapes are not known."""
    names = {n.name for n in (*trouble.errors, *trouble.doubts)}
    if target.parser == "uff":
        for kind, nodes in kinds(ctx).items():
            if support_of(kind, target).ok is not Answer.YES:
                names.update(node.id for node, _ in nodes)
    return frozenset(names | {""})
