"""The core ops of UFF: what they read, which fields they have, and the TensorFlow op that each stands for.

Facts: the checks that NVIDIA's converter 0.6.3 makes of every node before it writes a file, and 47 public files, whose
releases differ in the fields that are ``since`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphdoctor.wire.uff.model import UffModel, UffNode


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field.

    Attributes:
        member: what the value must be, by the name of the schema, once references are followed.
        required: True if the parser has no default for it.
        orders: how many orders it must have; 0 for a field of another kind.
    """

    member: str
    required: bool = True
    orders: int = 0


@dataclass(frozen=True, slots=True)
class CoreOp:
    """One op: ``inputs`` are the fewest and the most (``None``: any), ``functions`` what ``func`` may say."""

    inputs: tuple[int, int | None]
    fields: Mapping[str, FieldSpec] = field(default_factory=dict)
    functions: tuple[str, ...] = ()


def _orders(count: int) -> FieldSpec:
    return FieldSpec("dim_orders_list", orders=count)


_LIST, _INT, _FLOAT, _TYPE = FieldSpec("i_list"), FieldSpec("i"), FieldSpec("d"), FieldSpec("dtype")
_FREE = FieldSpec("i_list", required=False)
_TEXT = FieldSpec("s", required=False)
_FUNC = {"func": FieldSpec("s")}
_WINDOW = {"strides": _FREE, "padding": _FREE, "implicit_padding": _TEXT}
_CONV = {
    **_WINDOW,
    "dilation": _FREE,
    "number_groups": FieldSpec("i", required=False),
    "inputs_orders": _orders(2),
}
_GATHER = {"indices_dtype": _TYPE, "params_dtype": _TYPE}
_UNARY = (
    "neg exp log abs sqrt rsqrt square sin cos tan sinh cosh asin acos atan asinh acosh atanh ceil floor pow".split()
)
_MASKS = dict.fromkeys(("begin_mask", "end_mask", "shrink_axis_mask"), _INT)

CORE_OPS: Mapping[str, CoreOp] = {
    "Input": CoreOp((0, 0), {"shape": _LIST, "dtype": FieldSpec("dtype", required=False)}),
    "Identity": CoreOp((1, 1)),
    "Const": CoreOp((0, 0), {"values": FieldSpec("blob"), "dtype": _TYPE, "shape": _LIST}),
    "Conv": CoreOp((2, 2), _CONV),
    "ConvTranspose": CoreOp((3, 3), _CONV),
    "Pool": CoreOp((1, 1), {**_FUNC, **_WINDOW, "kernel": _FREE, "inputs_orders": _orders(1)}, ("max", "avg")),
    "FullyConnected": CoreOp((2, 2), {"inputs_orders": _orders(2)}),
    "LRN": CoreOp(
        (1, 1), {"window_size": _INT, "alpha": _FLOAT, "beta": _FLOAT, "k": _FLOAT, "inputs_orders": _orders(1)}
    ),
    "Binary": CoreOp((2, 2), _FUNC, tuple("min max mul sub div add pow".split())),
    "Unary": CoreOp((1, 1), _FUNC, tuple(_UNARY)),
    "Activation": CoreOp((1, 1), _FUNC, tuple("relu relu6 sigmoid tanh elu selu softsign softplus".split())),
    "LeakyRelu": CoreOp((1, 1), {"alpha": _FLOAT}),
    "Softmax": CoreOp((1, 1), {"axis": FieldSpec("i", required=False), "inputs_orders": _orders(1)}),
    "BatchNorm": CoreOp((5, 5), {"epsilon": _FLOAT, "inputs_orders": _orders(1)}),
    "Reduce": CoreOp(
        (1, 1),
        {**_FUNC, "axes": _LIST, "keepdims": FieldSpec("b", required=False)},
        tuple("sum prod max min mean".split()),
    ),
    "ArgMax": CoreOp((1, 1), {"axis": _INT}),
    "ArgMin": CoreOp((1, 1), {"axis": _INT}),
    "ExpandDims": CoreOp((1, 1), {"axis": _INT}),
    "Reshape": CoreOp((2, 2)),
    "Flatten": CoreOp((1, 1)),
    "Transpose": CoreOp((1, 1), {"permutation": _LIST}),
    "Concat": CoreOp((1, None), {"axis": _INT}),
    "Stack": CoreOp((1, None), {"axis": _INT}),
    "Shape": CoreOp((1, 1)),
    "StridedSlice": CoreOp((4, 4), _MASKS),
    "Squeeze": CoreOp((1, 1), {"axes": _FREE}),
    "Pad": CoreOp((2, 2)),
    "Gather": CoreOp((2, 2), {**_GATHER, "validate_indices": FieldSpec("b")}),
    "GatherV2": CoreOp((2, 2), {**_GATHER, "axis": _INT}),
    "MarkOutput": CoreOp((1, None)),
}
"""By name. Older converters wrote Softmax without ``axis`` and Reduce without ``keepdims``, later ones LeakyRelu."""

OUTPUTS_ORDERS = "outputs_orders"
"""A field that the checks know for every op with orders, and that no file was seen to have."""

_FUNCTIONS: Mapping[str, Mapping[str, str]] = {
    "Binary": {"min": "Minimum", "max": "Maximum", "div": "RealDiv"},
    "Unary": {},
    "Activation": {},
    "Pool": {"max": "MaxPool", "avg": "AvgPool"},
    "Reduce": {},
}
_SAME: Mapping[str, str] = {
    "Input": "Placeholder",
    "ConvTranspose": "Conv2DBackpropInput",
    "FullyConnected": "MatMul",
    "BatchNorm": "FusedBatchNorm",
    "Flatten": "Reshape",
    "Concat": "ConcatV2",
    "Stack": "Pack",
}


def tensorflow_op(model: UffModel, node: UffNode) -> str | None:
    """The op of TensorFlow that a core ``node`` was made of, by which the tables of targets speak; ``None`` if none."""
    if node.op not in CORE_OPS or node.op == "MarkOutput":
        return None
    if node.op == "Conv":
        groups = model.value(node, "number_groups", "i")
        return "DepthwiseConv2dNative" if isinstance(groups, int) and groups > 1 else "Conv2D"
    names = _FUNCTIONS.get(node.op)
    if names is None:
        return _SAME.get(node.op, node.op)
    function = model.value(node, "func", "s")
    if not isinstance(function, str) or function not in CORE_OPS[node.op].functions:
        return None
    return names.get(function, function.capitalize())
