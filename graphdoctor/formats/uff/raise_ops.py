"""What each UFF op is in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphdoctor.formats.uff.raise_layout import TO_NCHW, TO_NHWC, flattened
from graphdoctor.formats.uff.raise_plugins import raise_plugin
from graphdoctor.formats.uff.raising import KEEPS_LAYOUT, NCHW, NHWC, ORDERED, Raiser, fail
from graphdoctor.ir import Value
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPy, ShapeValue
from graphdoctor.wire.uff import UffNode

BINARY = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "RealDiv",
    "min": "Minimum",
    "max": "Maximum",
    "pow": "Pow",
}
ACTIVATION = {
    "relu": "Relu",
    "relu6": "Relu6",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
    "selu": "Selu",
    "softsign": "Softsign",
    "softplus": "Softplus",
}
UNARY = {
    **{f: f.capitalize() for f in "neg exp log abs sqrt rsqrt square sin cos tan sinh cosh asin acos atan".split()},
    **{f: f.capitalize() for f in "asinh acosh atanh ceil floor".split()},
}
REDUCE = {"sum": "Sum", "prod": "Prod", "max": "Max", "min": "Min", "mean": "Mean"}


def raise_node(to: Raiser, node: UffNode) -> tuple[Value, ...]:
    """``node`` as nodes of TensorFlow; the values that it gives.

    Raises:
        RaiseError: what it means is not known.
    """
    values = raise_plugin(to, node) if node.is_custom else (_OPS.get(node.op, _unknown)(to, node),)
    if node.id not in to.layouts and node.op in KEEPS_LAYOUT | _JOINS:
        to.layouts[node.id] = next((found for i in node.inputs if (found := to.layouts.get(i, ""))), "")
    return values


_JOINS = frozenset({"Concat", "Reduce", "Softmax"})


def _unknown(to: Raiser, node: UffNode) -> Value:
    fail("UFF has no such op")


def _input(to: Raiser, node: UffNode) -> Value:
    dtype, shape, channels_first = to.registered(node)
    value = to.add(node, "Placeholder", [], {"dtype": dtype, "shape": ShapeValue(shape)})
    if not channels_first:
        return value
    to.layouts[node.id] = NHWC
    return to.add(node, "Transpose", [value, to.const(node, TO_NHWC, "nhwc/perm")], part="nhwc")


def _const(to: Raiser, node: UffNode) -> Value:
    constant = to.constant(node)
    if constant.shape == (0,) and not constant.size:
        fail("it is empty: the old converter empties constants of types that it does not read")
    if constant.expected is None or constant.expected != constant.size:
        fail(f"it has {constant.size} bytes, which is not what its type and shape ask for")
    return to.tensor(node, constant.array())


def _identity(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Identity", [to.input(node)])


def _spatial(to: Raiser, node: UffNode, key: str, default: tuple[int, ...]) -> tuple[int, int]:
    items = to.field(node, key, "i_list", default) or default
    if len(items) != 2:
        fail(f"its {key} {list(items)} are not two numbers")
    return int(items[0]), int(items[1])


def _per_dim(data_format: str, spatial: tuple[int, int]) -> tuple[int, ...]:
    return (1, *spatial, 1) if data_format == "NHWC" else (1, 1, *spatial)


def _padding(to: Raiser, node: UffNode) -> tuple[str, tuple[int, int]]:
    """SAME, or VALID behind this many zeros on both sides."""
    if to.field(node, "implicit_padding", "s", "") == "same":
        return "SAME", (0, 0)
    return "VALID", _spatial(to, node, "padding", (0, 0))


def _padded(to: Raiser, node: UffNode, data_format: str, pads: tuple[int, int]) -> Value:
    """Input 0 in a frame of zeros."""
    if pads == (0, 0):
        return to.input(node)
    rows = [(p, p) for p in pads]
    rows = [(0, 0), *rows, (0, 0)] if data_format == "NHWC" else [(0, 0), (0, 0), *rows]
    return to.add(node, "Pad", [to.input(node), to.const(node, rows, "pad/paddings")], part="pad")


def _conv(to: Raiser, node: UffNode) -> Value:
    data, kernel = to.orders(node, *ORDERED[node.op])
    if kernel != "+CK":
        fail(f"the order of its kernel is {kernel}")
    data_format = to.data_format(node, data)
    padding, pads = _padding(to, node)
    groups = int(to.field(node, "number_groups", "i", 1))
    attrs: dict[str, AttrPy] = {
        "strides": _per_dim(data_format, _spatial(to, node, "strides", (1, 1))),
        "dilations": _per_dim(data_format, _spatial(to, node, "dilation", (1, 1))),
        "padding": padding,
        "data_format": data_format,
    }
    op = "Conv2D" if groups == 1 else _grouped(to, node, groups)
    return to.add(node, op, [_padded(to, node, data_format, pads), to.input(node, 1)], attrs)


def _grouped(to: Raiser, node: UffNode, groups: int) -> str:
    kernel = to.nodes[node.inputs[1]] if len(node.inputs) > 1 else node
    if kernel.op != "Const" or to.constant(kernel).shape[2:3] != (groups,):
        fail(f"it has {groups} groups of several channels")
    return "DepthwiseConv2dNative"


def _conv_transpose(to: Raiser, node: UffNode) -> Value:
    data, kernel = to.orders(node, *ORDERED[node.op])
    if kernel != "+KC":
        fail(f"the order of its kernel is {kernel}")
    data_format = to.data_format(node, data)
    padding, pads = _padding(to, node)
    if pads != (0, 0) or to.field(node, "number_groups", "i", 1) != 1:
        fail("it has paddings or groups")
    attrs: dict[str, AttrPy] = {
        "strides": _per_dim(data_format, _spatial(to, node, "strides", (1, 1))),
        "padding": padding,
        "data_format": data_format,
    }
    inputs = [to.input(node, 2), to.input(node, 1), to.input(node, 0)]
    return to.add(node, "Conv2DBackpropInput", inputs, attrs)


def _pool(to: Raiser, node: UffNode) -> Value:
    (order,) = to.orders(node, *ORDERED[node.op])
    data_format = to.data_format(node, order)
    function = to.field(node, "func", "s")
    if function not in ("max", "avg"):
        fail(f"its function is {function}")
    padding, pads = _padding(to, node)
    kernel = _spatial(to, node, "kernel", (1, 1))
    attrs: dict[str, AttrPy] = {
        "ksize": _per_dim(data_format, kernel),
        "strides": _per_dim(data_format, _spatial(to, node, "strides", (1, 1))),
        "padding": padding,
        "data_format": data_format,
    }
    if function == "avg" or pads == (0, 0):
        op = "AvgPool" if function == "avg" else "MaxPool"
        return to.add(node, op, [_padded(to, node, data_format, pads)], attrs)
    height, width = pads  # a max pool of TensorRT pads with what is below every number, as explicit paddings do
    sides = (height, height, width, width)
    explicit = (0, 0, *sides, 0, 0) if data_format == "NHWC" else (0, 0, 0, 0, *sides)
    attrs |= {"padding": "EXPLICIT", "explicit_paddings": explicit}
    return to.add(node, "MaxPool", [to.input(node)], attrs)


def _fully_connected(to: Raiser, node: UffNode) -> Value:
    left, right = to.orders(node, "NC", "KC")
    if left not in ("NC", "CN") or right not in ("KC", "CK"):
        fail(f"the orders of its inputs are {left} and {right}")
    attrs = {"transpose_a": left == "CN", "transpose_b": right == "KC"}
    return to.add(node, "MatMul", to.inputs(node), attrs)


def _by_function(table: dict[str, str]) -> Callable[[Raiser, UffNode], Value]:
    def made(to: Raiser, node: UffNode) -> Value:
        function = to.field(node, "func", "s")
        if function not in table:
            fail(f"its function is {function}")
        return to.add(node, table[function], to.inputs(node))

    return made


def _leaky_relu(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "LeakyRelu", [to.input(node)], {"alpha": float(to.field(node, "alpha", "d"))})


def _softmax(to: Raiser, node: UffNode) -> Value:
    """Over the channels, where the order says that they stand; the old converter says last, whatever the data."""
    (order,) = to.orders(node, *ORDERED[node.op])
    axis = to.field(node, "axis", "i", 0)
    known = to.layouts.get(node.inputs[0], "") if node.inputs else ""
    if axis not in (0, None) or (known == NCHW and order != NCHW):
        fail(f"its axis is {axis} of {order}, and what gives its data has {known or 'no known order'}")
    if order != NCHW:
        return to.add(node, "Softmax", [to.input(node)])
    last = to.add(node, "Transpose", [to.input(node), to.const(node, TO_NHWC, "nhwc/perm")], part="nhwc")
    soft = to.add(node, "Softmax", [last], part="softmax")
    return to.add(node, "Transpose", [soft, to.const(node, TO_NCHW, "nchw/perm")])


def _batch_norm(to: Raiser, node: UffNode) -> Value:
    (order,) = to.orders(node, *ORDERED[node.op])
    data_format = to.data_format(node, order)
    epsilon = float(np.float32(to.field(node, "epsilon", "d")))
    return to.add(
        node, "FusedBatchNorm", to.inputs(node), {"epsilon": epsilon, "data_format": data_format, "is_training": False}
    )


def _reduce(to: Raiser, node: UffNode) -> Value:
    function = to.field(node, "func", "s")
    if function not in REDUCE:
        fail(f"its function is {function}")
    axes = to.const(node, list(to.field(node, "axes", "i_list")), "axes")
    keep = bool(
        to.field(node, "keepdims", "b", True)
    )  # files without the field are of before it: the parser keeps them
    return to.add(node, REDUCE[function], [to.input(node), axes], {"keep_dims": keep})


def _arg(op: str) -> Callable[[Raiser, UffNode], Value]:
    def made(to: Raiser, node: UffNode) -> Value:
        axis = to.const(node, int(to.field(node, "axis", "i")), "axis")
        return to.add(node, op, [to.input(node), axis], {"output_type": DType.INT64})

    return made


def _expand_dims(to: Raiser, node: UffNode) -> Value:
    axis = to.const(node, int(to.field(node, "axis", "i")), "axis")
    return to.add(node, "ExpandDims", [to.input(node), axis])


def _reshape(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Reshape", to.inputs(node)[:2])


def _flatten(to: Raiser, node: UffNode) -> Value:
    return flattened(to, node, to.input(node), to.layouts.get(node.inputs[0], ""))


def _transpose(to: Raiser, node: UffNode) -> Value:
    permutation = to.const(node, list(to.field(node, "permutation", "i_list")), "perm")
    return to.add(node, "Transpose", [to.input(node), permutation])


def _concat(to: Raiser, node: UffNode) -> Value:
    axis = to.const(node, int(to.field(node, "axis", "i")), "axis")
    return to.add(node, "ConcatV2", [*to.all_inputs(node), axis])


def _stack(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Pack", to.inputs(node), {"axis": int(to.field(node, "axis", "i"))})


def _shape(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Shape", [to.input(node)], {"out_type": DType.INT32})


def _strided_slice(to: Raiser, node: UffNode) -> Value:
    masks = {key: int(to.field(node, key, "i", 0)) for key in ("begin_mask", "end_mask", "shrink_axis_mask")}
    return to.add(node, "StridedSlice", [to.input(node, k) for k in range(4)], masks)


def _squeeze(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Squeeze", [to.input(node)], {"squeeze_dims": tuple(to.field(node, "axes", "i_list", ()))})


def _pad(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Pad", [to.input(node, 0), to.input(node, 1)])


def _gather_v1(to: Raiser, node: UffNode) -> Value:
    return to.add(node, "Gather", [to.input(node, 0), to.input(node, 1)])


def _gather(to: Raiser, node: UffNode) -> Value:
    axis = to.const(node, int(to.field(node, "axis", "i")), "axis")
    return to.add(node, "GatherV2", [to.input(node, 0), to.input(node, 1), axis])


def _lrn(to: Raiser, node: UffNode) -> Value:
    fail("whether the window of an LRN is window_size or twice that and one, nobody says")


_OPS: dict[str, Callable[[Raiser, UffNode], Value]] = {
    "Input": _input,
    "Identity": _identity,
    "Const": _const,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Pool": _pool,
    "FullyConnected": _fully_connected,
    "LRN": _lrn,
    "Binary": _by_function(BINARY),
    "Unary": _by_function(UNARY),
    "Activation": _by_function(ACTIVATION),
    "LeakyRelu": _leaky_relu,
    "Softmax": _softmax,
    "BatchNorm": _batch_norm,
    "Reduce": _reduce,
    "ArgMax": _arg("ArgMax"),
    "ArgMin": _arg("ArgMin"),
    "ExpandDims": _expand_dims,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Concat": _concat,
    "Stack": _stack,
    "Shape": _shape,
    "StridedSlice": _strided_slice,
    "Squeeze": _squeeze,
    "Pad": _pad,
    "Gather": _gather_v1,
    "GatherV2": _gather,
}
