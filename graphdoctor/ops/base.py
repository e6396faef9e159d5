"""What an op is: one class that holds inference, folding, layout and lowering side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NoReturn, Protocol

from graphdoctor.ir import UNKNOWN_SPEC, Node, TensorSpec, Value
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy

MANY = 1 << 16
"""Upper bound of the number of inputs of a variadic op."""


class InferError(Exception):
    """The node's inputs contradict its op: TensorFlow would refuse to run it. The text says why."""


class CannotLowerError(Exception):
    """The node cannot be written in the wanted format. The text says why."""


_STUMBLES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError)
"""What a lowering may raise on a malformed node: attributes of another kind, fewer inputs than its op has."""


@dataclass(frozen=True, slots=True)
class OpContext:
    """One node and what is known of its inputs; given to ``infer`` and ``fold``.

    ``inputs`` has one spec per data input of the node.
    """

    node: Node
    inputs: tuple[TensorSpec, ...]
    defaults: Mapping[str, AttrPy] = field(default_factory=dict)

    def attr(self, key: str) -> Any:
        """Attribute ``key``; absent, the default that TensorFlow's op definition gives, else ``None``."""
        return self.node.attr(key, self.defaults.get(key))

    def spec(self, index: int) -> TensorSpec:
        """What is known of data input ``index``; a missing input is unknown."""
        return self.inputs[index] if index < len(self.inputs) else UNKNOWN_SPEC

    def constant(self, index: int) -> Array | None:
        """The value of data input ``index`` where every element is known and it is small enough to be carried."""
        return self.spec(index).constant

    def dtype(self, key: str = "T") -> DType:
        """Type attribute ``key``; absent or unknown, the dtype of input 0."""
        value = self.attr(key)
        if isinstance(value, DType):
            return value
        return self.spec(0).dtype


class Lowering(Protocol):
    """What ``to_onnx`` may use: the node, its inputs as ONNX names, and ways to emit ONNX nodes.

    Attributes:
        node: the node to lower.
        inputs: ONNX tensor names of its data inputs, in TensorFlow's order.
        specs: what is known of each data input (values too, where small).
        outputs: what is known of each output.
    """

    node: Node
    inputs: tuple[str, ...]
    specs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def attr(self, key: str) -> Any:
        """Attribute of the node, or its default in TensorFlow's op definition."""

    def constant(self, index: int) -> Array | None:
        """The whole value of data input ``index`` (of any size) if it is constant, else ``None``."""

    def const(self, value: Array | Sequence[int] | float, *, dtype: DType | None = None, hint: str = "const") -> str:
        """An initializer with ``value``; equal small ones are shared. A list of ints becomes an int64 vector."""

    def op(self, op_type: str, inputs: Sequence[str], *, hint: str = "", **attrs: Any) -> str:
        """Emit a node with one output and return the output's name; an empty input name is an absent input."""

    def multi(self, op_type: str, inputs: Sequence[str], outputs: int, **attrs: Any) -> tuple[str, ...]:
        """Emit a node with several outputs and return their names."""

    def cast(self, name: str, dtype: DType) -> str:
        """``name`` cast to ``dtype``."""

    def fail(self, reason: str) -> NoReturn:
        """This node cannot be lowered: raises CannotLowerError with ``reason``."""


UffField = str | bool | int | float | DType | Sequence[int] | Sequence[str] | Array
"""What a field of a UFF node may hold: ``inputs_orders`` one order of dimensions an input, ``values`` an array."""


class UffLowering(Protocol):
    """What ``to_uff`` may use: the node, the UFF nodes that it reads, and a way to write its own.

    Attributes:
        node: the node to lower.
        specs: what is known of each data input (values too, where small).
        outputs: what is known of each output.
    """

    node: Node
    specs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def attr(self, key: str) -> Any:
        """Attribute of the node, or its default in TensorFlow's op definition."""

    def constant(self, index: int) -> Array | None:
        """The whole value of data input ``index`` (of any size) if it is constant, else ``None``."""

    def input(self, index: int = 0) -> str:
        """The UFF node that data input ``index`` comes from, behind nodes that pass it on; UFF has no output numbers.

        Raises:
            CannotLowerError: it is another than the first output of a node.
        """

    def const(self, value: Array, index: int) -> str:
        """A Const of ``value`` right before this node; named after data input ``index``, for which it stands."""

    def producer(self, index: int = 0) -> Node:
        """The node that data input ``index`` comes from, behind nodes that pass it on."""

    def of(self, value: Value) -> str:
        """As ``input``, of any value: for what a node reads that this one takes over."""

    def constant_of(self, value: Value) -> Array | None:
        """As ``constant``, of any value."""

    def emit(self, op: str, inputs: Sequence[str] = (), **fields: UffField) -> None:
        """Write the node, once."""

    def fail(self, reason: str) -> NoReturn:
        """This node cannot be lowered: raises CannotLowerError with ``reason``."""


LayoutKind = Literal["", "same", "format", "flag", "axes", "axes_attr", "paddings"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the layout pass carries an op from NHWC to NCHW.

    Kinds:
        ``""``: the op keeps NHWC; values are brought back to it in front of the op.
        ``same``: elementwise with broadcasting over all inputs; rank-4 inputs in NCHW give outputs in NCHW.
        ``format``: has ``data_format``; its inputs ``data`` change layout, the attributes ``per_dim`` are permuted.
        ``flag``: TensorFlow has it in NHWC only; a private attribute ``_layout`` tells the lowering.
        ``axes``: constant input ``arg`` (-1: the last) names axes of all other inputs, which are renumbered.
        ``axes_attr``: the attributes ``per_dim`` name axes of input 0, which are renumbered (Squeeze).
        ``paddings``: constant input ``arg`` has one row per dimension, which are permuted.
    """

    kind: LayoutKind = ""
    data: tuple[int, ...] = (0,)
    per_dim: tuple[str, ...] = ()
    arg: int = 1
    outputs: tuple[int, ...] = (0,)


class Op:
    """Base of every op. Subclasses are found by scanning the package; one class may serve several op types.

    Attributes:
        names: TensorFlow op types that this class describes.
        arity: smallest and largest number of data inputs.
        defaults: attribute defaults of TensorFlow's op definition (those that matter here).
        types: type attribute -> data input whose dtype it repeats; used to complete nodes that are made by hand.
        count: (attribute, k): the attribute holds the number of data inputs less k (``N`` of Pack and ConcatV2).
        onnx: every ONNX op type that ``to_onnx`` may emit; ``None`` when there is no lowering.
        uff: every UFF op that ``to_uff`` may emit; empty where UFF has none.
        layout: how the layout pass treats it.
        side_effect: True if the op matters although nobody reads it.
        stateful: True if two runs may differ (random, variables, queues): never folded, never merged.
    """

    names: ClassVar[tuple[str, ...]] = ()
    arity: ClassVar[tuple[int, int]] = (1, 1)
    defaults: ClassVar[Mapping[str, AttrPy]] = {}
    types: ClassVar[Mapping[str, int]] = {"T": 0}
    count: ClassVar[tuple[str, int] | None] = None
    onnx: ClassVar[tuple[str, ...] | None] = None
    uff: ClassVar[tuple[str, ...]] = ()
    layout: ClassVar[Layout] = Layout()
    side_effect: ClassVar[bool] = False
    stateful: ClassVar[bool] = False

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        """One spec per output.

        Raises:
            InferError: TensorFlow would refuse these inputs.
        """
        return [UNKNOWN_SPEC]

    def fold(self, ctx: OpContext, values: Sequence[Array]) -> list[Array] | None:
        """The outputs for constant inputs, in numpy, bit for bit as TensorFlow gives them; ``None`` if it cannot."""
        return None

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        """Emit the node and return the ONNX name of each output.

        Raises:
            CannotLowerError: the node cannot be written in ONNX, with the reason.
        """
        low.fail(f"graphdoctor has no ONNX lowering for {low.node.op}")

    def can_lower(self) -> bool:
        """True if ``to_onnx`` exists for this op."""
        return self.onnx is not None

    def lower(self, low: Lowering) -> Sequence[str]:
        """As ``to_onnx``, for a node that may be malformed.

        Raises:
            CannotLowerError: the node cannot be written in ONNX, or the lowering stumbled over it; with the reason.
        """
        with _stumbling():
            return self.to_onnx(low)

    def to_uff(self, low: UffLowering) -> None:
        """Write the node as UFF; weights stay as TensorFlow has them, and the orders of dimensions say so.

        Raises:
            CannotLowerError: the node cannot be written in UFF, with the reason.
        """
        low.fail(f"UFF has no op for {low.node.op}")

    def lower_uff(self, low: UffLowering) -> None:
        """As ``to_uff``, for a node that may be malformed.

        Raises:
            CannotLowerError: the node cannot be written in UFF, or the lowering stumbled over it; with the reason.
        """
        with _stumbling():
            self.to_uff(low)


@contextmanager
def _stumbling() -> Iterator[None]:
    try:
        yield
    except InferError as e:
        raise CannotLowerError(str(e)) from e
    except _STUMBLES as e:
        raise CannotLowerError(f"its lowering stumbles over it: {type(e).__name__}: {e}") from e
