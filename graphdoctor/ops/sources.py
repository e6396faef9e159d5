"""Where values come from: constants, placeholders, variables, random numbers, queues and datasets."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.ir import Node, TensorSpec
from graphdoctor.ir.spec import PARTIAL_LIMIT
from graphdoctor.ops.attributes import dtype_attr, dtypes_attr, input_dtype, shape_attr, shapes_attr
from graphdoctor.ops.base import InferError, Lowering, Op, OpContext, UffLowering
from graphdoctor.ops.dims import int_of, same_shape, shape_of_value, valid_dim, with_rank
from graphdoctor.ops.uff import storable
from graphdoctor.types import DType, Shape
from graphdoctor.wire.tensors import Tensor, TensorError

HANDLE = TensorSpec(DType.RESOURCE, ())
"""What an op gives that only names a variable, queue or iterator."""


NO_BFLOAT16 = "graphdoctor writes no constants of bfloat16"
"""numpy has no such type; a constant of another one would contradict what is computed with it."""


class Const(Op):
    """A constant. Values of at most ``PARTIAL_LIMIT`` elements are carried through inference."""

    names = ("Const",)
    arity = (0, 0)
    types = {}
    onnx = ()
    uff = ("Const",)

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        tensor, dtype = ctx.attr("value"), dtype_attr(ctx, "dtype")
        if not isinstance(tensor, Tensor):
            raise InferError("the constant has no value")
        try:
            return [_constant_spec(tensor, dtype)]
        except TensorError as e:
            raise InferError(str(e)) from e

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        tensor: Tensor = low.attr("value")
        if tensor.dtype is DType.STRING:
            low.fail("it is a constant of strings")
        if tensor.dtype is DType.BFLOAT16:
            low.fail(NO_BFLOAT16)
        return [low.const(tensor.array(), dtype=tensor.dtype, hint=low.node.name)]

    def to_uff(self, low: UffLowering) -> None:
        tensor: Tensor = low.attr("value")
        if tensor.dtype.numpy is None or tensor.dtype is DType.STRING:
            low.fail(f"UFF has no constants of {tensor.dtype.label}")
        value = storable(low, tensor.array())
        low.emit("Const", shape=list(tensor.shape), dtype=DType.from_numpy(value.dtype), values=value)


def _constant_spec(tensor: Tensor, stated: DType) -> TensorSpec:
    dtype, shape = tensor.dtype, tensor.shape
    if stated is not DType.INVALID and stated is not dtype:
        raise InferError(f"the constant's value is {dtype.label}, its attribute dtype says {stated.label}")
    if dtype is DType.STRING or dtype.numpy is None or tensor.element_count > PARTIAL_LIMIT:
        return TensorSpec(dtype, shape)
    return TensorSpec(dtype, shape, tensor.array())


class Placeholder(Op):
    """What is fed from outside; without an attribute ``shape`` nothing is known of its shape.

    Graphs of TensorFlow 1.0 and earlier (producer up to 21) write an empty shape where they mean an unknown
    one. The node alone does not say who wrote it: an empty shape is a scalar here, and the pass that knows the
    graph's version tells better.
    """

    names = ("Placeholder", "PlaceholderV2")
    arity = (0, 0)
    types = {}

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(dtype_attr(ctx, "dtype"), shape_attr(ctx))]


class PlaceholderWithDefault(Op):
    """A default value that may be fed instead; in ONNX its default, unless it is an input of the graph.

    The value is not carried: it is not constant.
    """

    names = ("PlaceholderWithDefault",)
    types = {"dtype": 0}
    onnx = ()

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        shape = shape_attr(ctx)
        same_shape(ctx.spec(0).shape, shape)
        return [TensorSpec(input_dtype(ctx, "dtype"), shape)]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        return [low.inputs[0]]


class Variable(Op):
    """A variable of TensorFlow 1, as a reference to its value."""

    names = ("Variable", "VariableV2", "TemporaryVariable")
    arity = (0, 0)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(dtype_attr(ctx, "dtype"), shape_attr(ctx))]


class Handle(Op):
    """Resources: what they give is a name for something that lives outside the graph."""

    names = ("VarHandleOp", "OneShotIterator", "IteratorV2", "FIFOQueueV2", "RandomShuffleQueueV2")
    arity = (0, 0)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [HANDLE]


class ReadVariableOp(Op):
    """The value of a resource variable; its shape stands at the VarHandleOp."""

    names = ("ReadVariableOp",)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        dtype, handle = dtype_attr(ctx, "dtype"), _handle(ctx)
        if handle is None or handle.op != "VarHandleOp":
            return [TensorSpec(dtype)]
        return [TensorSpec(dtype, shape_attr(OpContext(handle, ())))]


def _handle(ctx: OpContext) -> Node | None:
    return ctx.node.inputs[0].node if ctx.node.inputs else None


class Random(Op):
    """Random numbers in the shape that input 0 says."""

    names = ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return [TensorSpec(dtype_attr(ctx, "dtype"), shape_of_value(ctx.spec(0)))]


class RandomUniformInt(Op):
    """Random integers in [minval, maxval)."""

    names = ("RandomUniformInt",)
    arity = (3, 3)
    types = {"T": 0, "Tout": 1}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        for bound in (ctx.spec(1), ctx.spec(2)):
            with_rank(bound, 0, "a bound")
        return [TensorSpec(dtype_attr(ctx, "Tout", ctx.spec(1).dtype), shape_of_value(ctx.spec(0)))]


class Multinomial(Op):
    """``num_samples`` draws for each row of logits [batch, classes]."""

    names = ("Multinomial",)
    arity = (2, 2)
    defaults = {"output_dtype": DType.INT64}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        batch, _ = with_rank(ctx.spec(0), 2, "logits")
        return [TensorSpec(dtype_attr(ctx, "output_dtype"), (batch, valid_dim(int_of(ctx.spec(1)))))]


class IteratorGetNext(Op):
    """The next element of a dataset, one output per component."""

    names = ("IteratorGetNext",)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        return typed(dtypes_attr(ctx, "output_types"), shapes_attr(ctx, "output_shapes"))


class QueueDequeue(Op):
    """The next element of a queue; the queue node may say the shapes."""

    names = ("QueueDequeueV2",)
    types = {}
    stateful = True

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        queue = _handle(ctx)
        shapes = () if queue is None else shapes_attr(OpContext(queue, ()), "shapes")
        return typed(dtypes_attr(ctx, "component_types"), shapes)


def typed(dtypes: Sequence[DType], shapes: Sequence[Shape]) -> list[TensorSpec]:
    """One spec per dtype; the shapes are those given, or unknown where there are none.

    Raises:
        InferError: there are shapes, and not as many as dtypes.
    """
    if shapes and len(shapes) != len(dtypes):
        raise InferError(f"{len(dtypes)} types and {len(shapes)} shapes are given")
    return [TensorSpec(d, s) for d, s in zip(dtypes, shapes or [None] * len(dtypes), strict=True)]
