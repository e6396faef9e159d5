"""What a target says of one kind of node, by its table: of TensorFlow ops, or of the ONNX nodes it is written as."""

from __future__ import annotations

from typing import Any, NamedTuple

from graphdoctor.match.lowered import Emission, Emissions, Operand
from graphdoctor.ops.sources import NO_BFLOAT16
from graphdoctor.targets import Target
from graphdoctor.types import Answer, DType, Support

NOT_IN_ONNX = frozenset({DType.STRING, DType.RESOURCE, DType.VARIANT})
PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
FED = frozenset({*PLACEHOLDERS, "PlaceholderWithDefault"})
ORDER_ONLY = frozenset({"NoOp", "ControlTrigger"})
"""Ops that take and give no data: they say in which order others run."""
_STAYS = "fed by TensorFlow, as every input is"
_NO_NODE = Support(Answer.YES, "needs no node in ONNX")
_UNHEARD = (
    "no release of TensorFlow has it, so that no converter has a lowering, and the parser takes it from a plugin of "
    "that name alone"
)
_UNTYPED = "no release of TensorFlow has it, so that the type of this input cannot be told"


class OpKind(NamedTuple):
    """All of a node that a row of a table of TensorFlow ops can ask for."""

    op: str
    operands: tuple[Operand, ...]
    dtype: DType
    attrs: tuple[tuple[str, Any], ...]
    outputs: int


class OnnxKind(NamedTuple):
    """All of a node that rows of a table of ONNX ops can ask for."""

    op: str
    is_input: bool
    dtype: DType
    emissions: Emissions
    constants: frozenset[DType] = frozenset()
    """Types of the constants that are left of it for others to read."""
    rank: int = 0
    """The most dimensions of its outputs and of what is in between; 0 where every target takes as many."""
    unheard: bool = False
    """True for an op that is neither TensorFlow's nor a function of the graph."""


Kind = OpKind | OnnxKind


def answer(kind: Kind, target: Target) -> Support:
    """Whether ``target`` runs nodes of this kind, and why not."""
    if isinstance(kind, OnnxKind):
        return _by_onnx_ops(kind, target)
    return _in_segment(kind, target) if target.parser == "tftrt" else _by_op_type(kind, target)


def _in_segment(kind: OpKind, target: Target) -> Support:
    """TF-TRT: a node whose output has no known type cannot be told of."""
    if kind.op in FED:
        return Support(Answer.YES, _STAYS)
    if kind.op in ORDER_ONLY:
        return Support(Answer.YES, "computes nothing")
    support = target.supports(kind.op, kind.operands, dict(kind.attrs), kind.outputs)
    if support.ok is Answer.YES and kind.dtype is DType.INVALID:
        return Support(Answer.UNKNOWN, "the dtype of its output is not known", support.source)
    return support


def _by_op_type(kind: OpKind, target: Target) -> Support:
    support = target.supports(kind.op, kind.operands, dict(kind.attrs), kind.outputs)
    if kind.op == "Const" and support.ok is Answer.UNKNOWN and kind.dtype.is_integer:
        # The file can hold it; whether it is a tensor of the engine is asked of the node that reads it.
        return Support(Answer.YES, "written as it is", support.source)
    return support


def _by_onnx_ops(kind: OnnxKind, target: Target) -> Support:
    if kind.rank > (target.types.max_rank or kind.rank):
        return Support(Answer.NO, f"{kind.op} takes {kind.rank} dimensions, and the target has {target.types.max_rank}")
    if kind.is_input:
        return _onnx_input(kind, target)
    if kind.unheard:
        return Support(Answer.NO, _UNHEARD)
    if DType.BFLOAT16 in kind.constants:
        return Support(Answer.UNKNOWN, NO_BFLOAT16)
    for dtype in sorted(kind.constants):
        if dtype in NOT_IN_ONNX | target.types.not_constant | target.types.border:
            return Support(Answer.NO, f"it is a constant of {dtype.label}, which the target refuses")
    if isinstance(kind.emissions, str):
        return Support(Answer.UNKNOWN, kind.emissions)
    worst = _NO_NODE
    for emission in kind.emissions:
        support = _onnx_op(emission, target)
        if support.ok is Answer.NO:
            return support
        if support.ok is Answer.UNKNOWN and worst.ok is Answer.YES:
            worst = support
    return worst


def _onnx_op(emission: Emission, target: Target) -> Support:
    if emission.op == "Cast" and _is_narrowing(emission, target):
        return _NO_NODE
    support = target.supports(emission.op, emission.operands, dict(emission.attrs), emission.outputs)
    if support.ok is Answer.YES:
        return support
    return Support(support.ok, f"ONNX {emission.op}: {support.reason}", support.source)


def _is_narrowing(emission: Emission, target: Target) -> bool:
    """True for a Cast between int64 and int32 where the parser takes the one for the other."""
    operand = emission.operands[0]
    types = {None if operand is None else operand.dtype, dict(emission.attrs).get("to")}
    if types != {DType.INT32, DType.INT64} and types != {DType.INT64}:
        return False
    return target.types.narrowed.get(DType.INT64) is DType.INT32 and DType.INT32 in target.dtypes


def _onnx_input(kind: OnnxKind, target: Target) -> Support:
    """An input of the network; its type must be one of the engine's."""
    dtype = kind.dtype
    if dtype is DType.INVALID:
        # Without a type no input is written: it can only be given by the user (--input NAME:DTYPE).
        if kind.unheard:
            return Support(Answer.NO, _UNTYPED)
        return Support(Answer.UNKNOWN, "the dtype of the input is not known")
    if dtype in NOT_IN_ONNX or dtype in target.types.refused:
        return Support(Answer.NO, f"an input of the engine cannot be {dtype.label}")
    if dtype in target.dtypes or dtype in target.types.border:
        return Support(Answer.YES)
    narrowed = target.types.narrowed.get(dtype)
    if narrowed is not None:
        return Support(Answer.UNKNOWN, f"it is {dtype.label}, which becomes {narrowed.label} at best")
    return Support(Answer.UNKNOWN, f"it is {dtype.label}, which is not among the types of the engine")
