"""Predicates about how a constant lies in the file: the UFF converter reads some of TensorProto's fields alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from graphdoctor.ir import Node
from graphdoctor.match.constants import source_of
from graphdoctor.match.context import MatchContext
from graphdoctor.match.names import why_no_name
from graphdoctor.match.predicate import Predicate, Slot
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome
from graphdoctor.match.uff_batch import reads_dropped_shape
from graphdoctor.types import Answer, DType, dims_text
from graphdoctor.wire.tensor_values import decode, read_header
from graphdoctor.wire.tensors import Tensor, TensorError

_UNREAD: Mapping[DType, str] = {DType.INT64: "int64_val", DType.HALF: "half_val"}
"""List fields that the converter never reads (uff 0.6.3, Const). Other such dtypes are refused as a whole."""
_READ: Mapping[DType, str] = {DType.FLOAT: "float_val", DType.INT32: "int_val"} | {
    DType.INT16: "int_val",
    DType.INT8: "int_val",
}
_CONTENT = 4
_MANY = 64
_LARGE = 4096


class ConstantBecomesEmpty(Predicate, tag="constant-becomes-empty", frozen=True):
    """The values stand in a field that the UFF converter does not read: it makes an empty array of the constant."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        tensor = node.attr("value")
        field = _field(node, _UNREAD)
        if not isinstance(tensor, Tensor) or field is None:
            return NoMatch("the converter reads its values", node.name)
        try:
            if not tensor.element_count or reads_dropped_shape(ctx, node.out()):
                return NoMatch("nobody reads its values", node.name)
            listed = tensor.is_splat if tensor.payload is None else not _has_content(tensor.payload)
        except TensorError as e:
            return CannotTell(f"it is damaged: {e.message}", node.name)
        shown = f"{tensor.dtype.label}{dims_text(tensor.shape)} stands in {field}"
        return Match(shown) if listed else NoMatch("it stands in tensor_content", node.name)


class ConstantStoredInPart(Predicate, tag="constant-stored-in-part", frozen=True):
    """More than one value is stored and fewer than the constant has: TensorFlow repeats the last one."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        tensor = node.attr("value")
        field = _field(node, _READ)
        whole = NoMatch("all its values are stored, or one", node.name)
        if not isinstance(tensor, Tensor) or field is None:
            return whole
        try:
            count = tensor.element_count
            stored = _listed(tensor, count, field)
        except TensorError as e:
            return CannotTell(f"it is damaged: {e.message}", node.name)
        if stored is None or stored < 2 or stored >= count or reads_dropped_shape(ctx, node.out()):
            return whole
        return Match(f"{tensor.dtype.label}{dims_text(tensor.shape)} stores {stored} of {count} values")


class IdentityBecomesLayer(Predicate, tag="identity-becomes-layer", frozen=True):
    """An Identity that the converter does not skip: it is an output, or another Identity reads it. No Match."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """CannotTell where it holds of ``node``."""
        if ctx.graph.is_output(node):
            return CannotTell("it is an output of the graph", node.name)
        reader = next((n for n in ctx.graph.consumers(node) if n.op == "Identity"), None)
        if reader is None:
            return NoMatch("the converter skips it", node.name)
        return CannotTell(f"{reader.name} reads it, which is an Identity too", node.name)


class IdentityCanGo(Predicate, tag="identity-can-go", frozen=True):
    """An Identity stands inside the graph, or what it reads can take over its name as an output."""

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if node.controls:
            return NoMatch(f"it waits for {node.controls[0].name} by control", node.name)
        if not ctx.graph.is_output(node):
            return Match("nobody wants its name")
        if not node.inputs:
            return NoMatch("it reads nothing", node.name)
        source, stated = node.inputs[0], node.attr("T")
        reason = why_no_name(ctx.graph, node, stated if isinstance(stated, DType) else ctx.specs.of(source).dtype)
        return NoMatch(reason, node.name) if reason else Match(f"{source.node.name} can take over its name")


class InputDimensionBetween(Predicate, tag="input-dimension-between", frozen=True):
    """Dimension ``axis`` of data input ``input`` lies between ``low`` and ``high``, both included."""

    input: Slot
    axis: int
    high: int
    low: int = 0

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        shape = ctx.specs.of(node.inputs[self.input]).shape if self.input < len(node.inputs) else None
        if shape is None or self.axis >= len(shape) or shape[self.axis] is None:
            return CannotTell(f"dimension {self.axis} of input {self.input} is not known", node.name)
        size = shape[self.axis] or 0
        shown = f"dimension {self.axis} of input {self.input} is {size}"
        return Match(shown) if self.low <= size <= self.high else NoMatch(shown, node.name)


def _field(node: Node, fields: Mapping[DType, str]) -> str | None:
    dtype = node.attr("dtype")
    return fields.get(dtype) if isinstance(dtype, DType) else None


def _listed(tensor: Tensor, count: int, field: str) -> int | None:
    """How many values stand in the list ``field``; ``None`` where they stand in tensor_content.

    Of :data:`_MANY` elements on it is enough that the file holds as many bytes: TensorFlow leaves values out where that
    halves the constant at least. Looking further would copy it.
    """
    width = tensor.dtype.numpy.itemsize if tensor.dtype.numpy is not None else 1
    if count < 3 or (count >= _MANY and tensor.nbytes_stored >= count * width):
        return None
    if tensor.payload is None:
        return None
    proto = decode(tensor.payload)
    return None if proto.tensor_content else len(getattr(proto, field))


def _has_content(payload: bytes) -> bool:
    """True if the values stand in tensor_content."""
    spans = read_header(payload).spans if len(payload) > _LARGE else None
    if spans is None:
        return bool(decode(payload).tensor_content)
    start, end = spans.get(_CONTENT, (0, 0))
    return end > start


class InputToldAtSource(Predicate, tag="input-told-at-source", frozen=True):
    """Data input ``input`` is folded from an op that the target does not run, which is told where it is computed."""

    input: Slot

    per_target: ClassVar[bool] = True

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        if ctx.judge is None or ctx.target is None or self.input >= len(node.inputs):
            return NoMatch("no target is given", node.name)
        source = source_of(node.inputs[self.input]).node
        if ctx.judge.is_constant(source) and ctx.judge.support(source, ctx.target).ok is not Answer.YES:
            return Match(f"the target does not run {source.op}")
        return NoMatch(f"{source.op} is no constant that the target cannot compute", node.name)
