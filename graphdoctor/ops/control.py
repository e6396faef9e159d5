"""Control flow: TensorFlow 1's switches and loops, functional If and While, calls, tensor arrays.

Nothing here has an ONNX lowering. Values do not cross a control-flow op: a constant behind a Switch must not
become a Const, which would run in both branches. What a loop changes is unknown.
"""

from __future__ import annotations

from functools import reduce

from graphdoctor.ir import Node, TensorSpec, Value
from graphdoctor.ops.attributes import dtype_attr, dtypes_attr, input_dtype, shape_attr, shapes_attr
from graphdoctor.ops.base import MANY, InferError, Op, OpContext
from graphdoctor.ops.dims import same_shape
from graphdoctor.ops.sources import typed
from graphdoctor.types import DType, Shape

_FLOW = TensorSpec(DType.FLOAT, ())
_HANDLE = TensorSpec(DType.RESOURCE, (2,))
_BACK_EDGES = ("NextIteration", "RefNextIteration")
_COPIES = ("Identity", "Switch", "RefSwitch", "RefIdentity")
_MAX_STEPS = 64


class Switch(Op):
    """Input 0 on one of two outputs; the other one is dead."""

    names = ("Switch", "RefSwitch")
    arity = (2, 2)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        _check_predicate(ctx.spec(1))
        return [TensorSpec(input_dtype(ctx), ctx.spec(0).shape)] * 2


def _check_predicate(spec: TensorSpec) -> None:
    if spec.dtype not in (DType.BOOL, DType.INVALID) or spec.rank not in (0, None):
        raise InferError(f"the predicate is {spec}, not a single bool")


class Merge(Op):
    """The input that is alive, and which one it was. In a loop, one comes from the iteration before."""

    names = ("Merge", "RefMerge")
    arity = (1, MANY)
    count = ("N", 0)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        pairs = zip(ctx.node.inputs, ctx.inputs, strict=True)
        coming = [spec for value, spec in pairs if not _is_copy_of(value, ctx.node)]
        dtype = input_dtype(ctx)
        shape = reduce(_agreed, (s.shape for s in coming)) if coming else None
        return [TensorSpec(dtype, shape), TensorSpec(DType.INT32, ())]


def _agreed(a: Shape, b: Shape) -> Shape:
    """What ``a`` and ``b`` have in common; the inputs of a Merge may differ."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x if x == y else None for x, y in zip(a, b, strict=True))


def _is_copy_of(value: Value, merge: Node) -> bool:
    """True if ``value`` comes from the iteration before and is what ``merge`` itself gave there."""
    if value.node.op not in _BACK_EDGES:
        return False
    node = value.node
    for _ in range(_MAX_STEPS):
        if not node.inputs:
            return False
        source = node.inputs[0]
        if source.node is merge:
            return source.index == 0
        node = source.node
        if node.op not in _COPIES:
            return False
    return False


class Frame(Op):
    """What enters, leaves or goes round a loop."""

    names = ("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration")

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(input_dtype(ctx), ctx.spec(0).shape)]


class LoopCond(Op):
    """Whether the loop goes on."""

    names = ("LoopCond",)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        _check_predicate(ctx.spec(0))
        return [TensorSpec(DType.BOOL, ())]


class If(Op):
    """One of two functions, called with inputs 1 and up."""

    names = ("If", "StatelessIf")
    arity = (1, MANY)
    types = {"Tcond": 0}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return typed(dtypes_attr(ctx, "Tout"), shapes_attr(ctx, "output_shapes"))


class While(Op):
    """A function called as long as another one says so; what is carried keeps its dtype."""

    names = ("While", "StatelessWhile")
    arity = (0, MANY)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return typed(dtypes_attr(ctx, "T"), shapes_attr(ctx, "output_shapes"))


class Call(Op):
    """A function of the graph's library, called."""

    names = ("PartitionedCall", "StatefulPartitionedCall")
    arity = (0, MANY)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(d) for d in dtypes_attr(ctx, "Tout")]


class TensorArray(Op):
    """An array of tensors that lives beside the graph; the flow orders its uses."""

    names = ("TensorArrayV3",)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [_HANDLE, _FLOW]


class _Put(Op):
    arity = (4, 4)
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [_FLOW]


class TensorArrayPut(_Put):
    """Writing into a tensor array, one element or many."""

    names = ("TensorArrayWriteV3", "TensorArrayScatterV3")
    types = {"T": 2}


class TensorArraySplit(_Put):
    """Writing a tensor into a tensor array in pieces."""

    names = ("TensorArraySplitV3",)
    types = {"T": 1}


class TensorArrayGet(Op):
    """Reading from a tensor array."""

    names = ("TensorArrayReadV3", "TensorArrayGatherV3", "TensorArrayConcatV3")
    arity = (2, 3)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype = dtype_attr(ctx, "dtype")
        if ctx.node.op == "TensorArrayReadV3":
            return [TensorSpec(dtype, _element_shape(ctx.node))]
        if ctx.node.op == "TensorArrayConcatV3":
            rest = shape_attr(ctx, "element_shape_except0")
            return [TensorSpec(dtype, None if rest is None else (None, *rest)), TensorSpec(DType.INT64, (None,))]
        return [TensorSpec(dtype, _gathered(ctx))]


def _element_shape(node: Node) -> Shape:
    """The shape that the TensorArrayV3 says of its elements."""
    source = node.inputs[0].node if node.inputs else None
    if source is None or source.op != "TensorArrayV3":
        return None
    return shape_attr(OpContext(source, ()), "element_shape")


def _gathered(ctx: OpContext) -> Shape:
    element = same_shape(shape_attr(ctx, "element_shape"), _element_shape(ctx.node))
    indices = ctx.spec(1)
    count = indices.shape[0] if indices.shape is not None and len(indices.shape) == 1 else None
    return None if element is None else (count, *element)


class TensorArraySize(Op):
    """The number of elements."""

    names = ("TensorArraySizeV3",)
    arity = (2, 2)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(DType.INT32, ())]


class TensorArrayClose(Op):
    """The end of a tensor array."""

    names = ("TensorArrayCloseV3",)
    types = {}
    side_effect = True
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return []
