"""Whether a target runs the nodes of a UFF file, and the verdict that follows."""

from __future__ import annotations

from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.lint.context import CheckContext
from graphdoctor.lint.trouble import Trouble, first_reason
from graphdoctor.lint.uff_subject import UffSubject, live_nodes, subject
from graphdoctor.targets import Confidence, Target
from graphdoctor.types import Answer, Support
from graphdoctor.wire.uff import UffNode
from graphdoctor.wire.uff.model import CONST, MARK_OUTPUT
from graphdoctor.wire.uff.ops import tensorflow_op

_FLATTEN = ("Flatten", "flatten-trt3")
_OTHER_PARSER = {
    "onnx": "a UFF file goes to the ONNX parser only once it is converted: convert --to onnx",
    "tftrt": "TF-TRT takes TensorFlow graphs, and this is a UFF file",
}
NOT_CHECKED = "shapes are not inferred in UFF files, so that limits of the parser on shapes are not checked"
"""Why no file is said to be compatible."""


def support_of(of: UffSubject, node: UffNode, target: Target) -> Support:
    """Whether ``target`` runs ``node``, by the row of the TensorFlow op that it was made of."""
    if node.op == MARK_OUTPUT:
        return Support(Answer.YES, "", "")
    if node.is_custom:
        return _plugin(of, node, target)
    name = tensorflow_op(of.model, node)
    if name is None:
        return Support(Answer.NO, f"{node.op or 'a node without op'} is no op of UFF", "")
    limit = target.has_limit(_FLATTEN[1]) if node.op == _FLATTEN[0] else None
    if limit is not None:
        return Support(Answer.NO, limit.reason, limit.source)
    row = target.row(name)
    if row.confidence is Confidence.LOW:
        return Support(Answer.UNKNOWN, row.reason or row.note or "known from a weak source only", row.source)
    return Support(row.support, row.reason or row.error, row.source)


def _plugin(of: UffSubject, node: UffNode, target: Target) -> Support:
    name = node.op[1:]
    if of.node(node.id).op == name:  # a plugin of NVIDIA's
        row = target.row(name)
        return Support(Answer.UNKNOWN if row.support is Answer.YES else row.support, row.reason, row.source)
    return Support(Answer.NO, f"the parser looks for a plugin called {name}, and NVIDIA's library has none", "")


def uff_verdict(ctx: CheckContext, target: Target, trouble: Trouble, whole: str) -> TargetVerdict:
    """The verdict on ``target``; never *compatible*, since limits on shapes are not checked."""
    if target.parser != "uff":
        return TargetVerdict(target.name, Verdict.UNKNOWN, 0, 0, _OTHER_PARSER[target.parser])
    objected = trouble.errors.keys() | trouble.doubts.keys()
    supported = total = 0
    refused: dict[Answer, str] = {}
    for node, place in live_nodes(ctx):
        support = support_of(subject(ctx), node, target)
        if support.ok is not Answer.YES:
            refused.setdefault(support.ok, f"{node.id} ({node.op}): {support.reason}")
        if node.op not in (CONST, MARK_OUTPUT):
            total += 1
            supported += support.ok is Answer.YES and place not in objected
    verdict, reason = _decide(trouble, refused, whole)
    return TargetVerdict(target.name, verdict, supported, total, reason)


def _decide(trouble: Trouble, refused: dict[Answer, str], whole: str) -> tuple[Verdict, str]:
    if trouble.errors:
        return Verdict.INCOMPATIBLE, first_reason(trouble.errors)
    if Answer.NO in refused:
        return Verdict.INCOMPATIBLE, refused[Answer.NO]
    doubt = whole or (first_reason(trouble.doubts) if trouble.doubts else "")
    return Verdict.UNKNOWN, doubt or refused.get(Answer.UNKNOWN, NOT_CHECKED)


def uff_behind(ctx: CheckContext, target: Target, trouble: Trouble) -> frozenset[str]:
    """The names of the nodes that the verdict rests on; the file as a whole always, since its shapes are not known."""
    names = {n.name for n in (*trouble.errors, *trouble.doubts)}
    if target.parser == "uff":
        nodes = (n for n, _ in live_nodes(ctx))
        names.update(n.id for n in nodes if support_of(subject(ctx), n, target).ok is not Answer.YES)
    return frozenset(names | {""})
