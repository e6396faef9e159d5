"""What ONNX a node becomes, without writing any: the lowering itself is run against a recorder.

The graph is not laid out or folded first, so that a record can hold a Transpose that the conversion cancels. Large
constants are stood in for by zeros that take no memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, NoReturn

import numpy as np

from graphdoctor.ir import Node, TensorSpec, Value
from graphdoctor.match.constants import SMALL, constant_of, source_of
from graphdoctor.match.context import SpecTable
from graphdoctor.ops import CannotLowerError, Op
from graphdoctor.ops.sources import NO_BFLOAT16
from graphdoctor.types import Array, DType, Shape, element_count
from graphdoctor.wire.attrs import AttrPy, FuncRef
from graphdoctor.wire.tensors import TensorError

_TO_BOOL = frozenset("Equal Greater GreaterOrEqual Less LessOrEqual And Or Not Xor IsNaN IsInf".split())
_TO_INT64 = frozenset("Shape Size ArgMax ArgMin NonZero NonMaxSuppression".split())
_WITHOUT_OUTPUTS = frozenset("NoOp Assert PrintV2".split())
_MOST_INTEGERS = 1 << 20
"""Elements of an integer constant beyond which it is no axis, shape or index: lowerings go through such one by one."""
_SHAPES = frozenset({"Shape", "Size"})
_MATRIX = 2
BORDER_TYPES = frozenset({DType.UINT8})
"""Types that some target has for inputs and outputs of the engine alone."""
_SHAPES_OF: Mapping[str, Shape] = {"NonMaxSuppression": (None, 1)}
"""Ops whose result has one shape whatever goes in."""
_DTYPE_FROM = {"Where": 1, "OneHot": 2}
_OTHER_RANK = frozenset(
    "Reshape Squeeze Unsqueeze Gather GatherND Flatten Shape Size OneHot NonZero ConstantOfShape Expand MatMul "
    "Einsum Range ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL2 ArgMax ArgMin Tile Where".split()
)


class Operand(NamedTuple):
    """One input as the tables of targets see it; fits ``targets.SpecLike``.

    ``shape`` keeps what rows ask for: the rank, and whether every dimension is known. ``at_border`` is kept for types
    that some targets have there alone: true for an input of the graph itself.
    """

    dtype: DType
    shape: Shape = None
    is_constant: bool = False
    is_zero: bool = False
    at_border: bool = False

    @property
    def constant(self) -> Any:
        """Something that says whether it is zero where the input is a constant, else ``None``."""
        return _Zeros(self.is_zero) if self.is_constant else None


class _Zeros(NamedTuple):
    zero: bool

    def any(self) -> bool:
        """As of an array: True if an element is not zero."""
        return not self.zero


class Emission(NamedTuple):
    """One ONNX node that a lowering would write. Attributes that tables cannot ask for are left out."""

    op: str
    operands: tuple[Operand | None, ...]
    attrs: tuple[tuple[str, Any], ...]
    outputs: int


Emissions = tuple[Emission, ...] | str
"""What a node becomes, or why it cannot be lowered."""


class Record(NamedTuple):
    """One run of a lowering: what it writes, how many outputs it gives, and the types of those that are constants.

    ``rank`` is the most dimensions that something in between has.
    """

    emissions: Emissions
    outputs: int = 0
    constants: frozenset[DType] = frozenset()
    rank: int = 0


class OnnxRecords:
    """What each node of a graph becomes. Nodes that are alike in all that their lowering reads are lowered once."""

    def __init__(self, specs: SpecTable, inputs: AbstractSet[Node] = frozenset()) -> None:
        self.specs = specs
        self.inputs = inputs
        self._read: dict[str, set[str]] = {}
        self._known: dict[Any, Record] = {}

    def of(self, node: Node, op: Op) -> Record:
        """What ``node`` becomes by the lowering of ``op``."""
        inputs = [_given(value, self.specs.of(value), self.inputs) for value in node.inputs]
        result = self.specs.output(node)
        base = (node.op, tuple(g.key for g in inputs), result.dtype, result.shape)
        read = self._read.setdefault(node.op, set())
        key = (base, attr_key(node, read))
        if key not in self._known:
            recorder = _Recorder(node, op, inputs, self.specs.table.get(node, ()))
            made = recorder.run(op)
            # Attributes that this run was the first to read tell nodes apart from now on.
            read |= recorder.read
            self._known[base, attr_key(node, read)] = made
            return made
        return self._known[key]


def attr_key(node: Node, keys: Iterable[str]) -> tuple[tuple[str, Any], ...]:
    """Those of ``keys`` that ``node`` has, with their values; what cannot be hashed stands there as text."""
    return tuple((k, _hashable(node.attrs[k])) for k in sorted(keys) if k in node.attrs)


class _Given(NamedTuple):
    """A data input: what is known of it, its value where it is constant, and what tells it from others."""

    spec: TensorSpec
    value: Array | None
    key: tuple[Any, ...]
    at_border: bool = False


def _given(value: Value, spec: TensorSpec, inputs: AbstractSet[Node]) -> _Given:
    array = spec.constant
    if array is None:
        array = _stand_in(value)
    small = array is not None and array.size <= SMALL
    bits = array.tobytes() if small and array is not None and array.dtype != object else array is not None
    at_border = spec.dtype in BORDER_TYPES and source_of(value).node in inputs
    return _Given(spec, array, (spec.dtype, spec.shape, bits, at_border), at_border)


def _stand_in(value: Value) -> Array | None:
    """The value of a constant; where it is large, zeros of its shape."""
    tensor = constant_of(value)
    if tensor is None:
        return None
    try:
        count = element_count(tensor.shape) or 0
        if count <= SMALL:
            return tensor.array()
        if tensor.dtype.is_integer and count > _MOST_INTEGERS:
            return None
        kind = tensor.dtype.numpy
        return None if kind is None else np.broadcast_to(np.zeros((), kind), tensor.shape)
    except (TensorError, ValueError):
        return None


class _Recorder:
    """Fits ``ops.Lowering``; keeps what is emitted."""

    def __init__(self, node: Node, op: Op, given: Sequence[_Given], outputs: tuple[TensorSpec, ...]) -> None:
        self.node: Any = _Watched(node, self)
        self.defaults: Mapping[str, AttrPy] = op.defaults
        self.specs = tuple(g.spec for g in given)
        self.outputs = outputs
        self.read: set[str] = set()
        self.made: list[Emission] = []
        self._values = tuple(g.value for g in given)
        self._operands: dict[str, Operand] = {}
        self._lengths: dict[str, int] = {}
        self.inputs = tuple(self._name(_operand(g.spec, g.value)._replace(at_border=g.at_border)) for g in given)

    def run(self, op: Op) -> Record:
        """The record, or the reason for which the lowering refuses."""
        if not self.outputs and self.node.op not in _WITHOUT_OUTPUTS:
            return Record("nothing is known of its outputs")
        try:
            names = op.lower(self)
        except CannotLowerError as e:
            return Record(str(e))
        made = [self._operands[n] for n in names]
        rank = max((len(o.shape or ()) for o in self._operands.values()), default=0)
        return Record(tuple(self.made), len(names), frozenset(o.dtype for o in made if o.is_constant), rank)

    def attr(self, key: str) -> Any:
        """Attribute of the node, or its default."""
        return self.node.attr(key, self.defaults.get(key))

    def constant(self, index: int) -> Array | None:
        """The value of data input ``index`` where it is constant; zeros where it is large."""
        return self._values[index] if index < len(self._values) else None

    def const(self, value: Array | Sequence[int] | float, *, dtype: DType | None = None, hint: str = "const") -> str:
        """An initializer."""
        del hint
        if dtype is DType.BFLOAT16:
            self.fail(NO_BFLOAT16)
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
        if dtype is None:
            dtype = DType.from_numpy(array.dtype) if isinstance(value, np.ndarray) else _plain_dtype(value)
        name = self._name(_operand(TensorSpec(dtype, array.shape), array))
        if array.ndim == 1:
            self._lengths[name] = array.size
        return name

    def op(self, op_type: str, inputs: Sequence[str], *, hint: str = "", **attrs: Any) -> str:
        """Record a node with one output."""
        del hint
        return self._record(op_type, inputs, 1, attrs)[0]

    def multi(self, op_type: str, inputs: Sequence[str], outputs: int, **attrs: Any) -> tuple[str, ...]:
        """Record a node with several outputs."""
        return self._record(op_type, inputs, outputs, attrs)

    def cast(self, name: str, dtype: DType) -> str:
        """Record a Cast."""
        return self.op("Cast", [name], to=dtype)

    def fail(self, reason: str) -> NoReturn:
        """The lowering refuses."""
        raise CannotLowerError(reason)

    def _name(self, operand: Operand) -> str:
        name = f"t{len(self._operands)}"
        self._operands[name] = operand
        return name

    def _record(self, op_type: str, inputs: Sequence[str], outputs: int, attrs: Mapping[str, Any]) -> tuple[str, ...]:
        operands = tuple(self._operands[n] if n else None for n in inputs)
        plain = tuple((k, _hashable(v)) for k, v in sorted(attrs.items()) if _is_plain(v))
        self.made.append(Emission(op_type, operands, plain, outputs))
        results = [_result(op_type, operands, attrs, k) for k in range(outputs)]
        rank = self._new_rank(op_type, inputs)
        if rank is not None:
            results = [r._replace(shape=(None,) * rank) for r in results]
        return tuple(map(self._name, results))

    def _new_rank(self, op_type: str, inputs: Sequence[str]) -> int | None:
        """How many dimensions the result has where a constant input says it."""
        length = self._lengths.get(inputs[1]) if len(inputs) > 1 else None
        if length is None or op_type not in ("Reshape", "Unsqueeze"):
            return None
        first = self._operands[inputs[0]].shape
        return length if op_type == "Reshape" else None if first is None else len(first) + length


class _Watched:
    """A node that tells the recorder which attributes are read."""

    def __init__(self, node: Node, recorder: _Recorder) -> None:
        self._node = node
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        if name == "attrs":
            self._recorder.read.update(self._node.attrs)
        return getattr(self._node, name)

    def attr(self, key: str, default: AttrPy | None = None) -> Any:
        self._recorder.read.add(key)
        return self._node.attr(key, default)


def _operand(spec: TensorSpec, value: Array | None) -> Operand:
    zero = value is not None and value.size <= SMALL and value.dtype != object and not value.any()
    return Operand(spec.dtype, _rank(spec.shape), value is not None, zero)


def _rank(shape: Shape) -> Shape:
    """``shape`` with 1 for every known dimension, so that equal kinds of inputs are equal."""
    return None if shape is None else tuple(None if d is None else 1 for d in shape)


def _result(op: str, operands: Sequence[Operand | None], attrs: Mapping[str, Any], index: int) -> Operand:
    """What is known of output ``index`` of an ONNX node: the dtype, and the rank where it is that of input 0."""
    first = operands[0] if operands and operands[0] is not None else Operand(DType.INVALID)
    source = operands[_DTYPE_FROM[op]] if op in _DTYPE_FROM and len(operands) > _DTYPE_FROM[op] else first
    dtype = source.dtype if source is not None else DType.INVALID
    if op == "Cast":
        dtype = attrs["to"] if isinstance(attrs["to"], DType) else DType.INVALID
    elif op in _TO_BOOL:
        dtype = DType.BOOL
    elif op in _TO_INT64 or (op == "TopK" and index == 1):
        dtype = DType.INT64
    elif op == "ConstantOfShape":
        value = attrs.get("value")
        dtype = DType.from_numpy(value.dtype) if isinstance(value, np.ndarray) else DType.FLOAT
    shape = None if op in _OTHER_RANK else _SHAPES_OF.get(op, first.shape)
    if op == "MatMul" and all(o is not None and len(o.shape or ()) >= _MATRIX for o in operands):
        shape = (None,) * max(len(o.shape or ()) for o in operands if o is not None)
    # A shape is known while the engine is built: what holds for integer constants holds for it.
    return Operand(dtype, shape, is_constant=op in _SHAPES)


def _plain_dtype(value: Any) -> DType:
    return DType.FLOAT if isinstance(value, float) else DType.INT64


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    return isinstance(value, (str, int, float, DType))


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return value if isinstance(value, Hashable) and not isinstance(value, FuncRef) else repr(value)
