"""Pads and convolutions: explicit zero padding into SAME, and EXPLICIT padding into a Pad."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.constants import small_constant
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    DropAttrs,
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    SetAttr,
    SetInputs,
    SetOp,
    propose,
)
from graphdoctor.surgery.rewrites.common import (
    const_step,
    dtype_of,
    has_limit,
    known_array,
    lacks,
    looked_at,
    path_to_source,
    with_inputs,
)
from graphdoctor.types import Array, DType

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_PADDED = (*_CONVOLUTIONS, "MaxPool")
_NOT_NEGATIVE = frozenset({"Relu", "Relu6", "Sigmoid", "Softmax", "Softplus", "Square", "Abs", "Exp", "Sqrt"})
_KEEPS_SIGN = frozenset({"MaxPool", "AvgPool", "Identity", "ConcatV2", "Reshape", "Squeeze"})


class _Window(NamedTuple):
    """What a convolution or pooling does along one dimension; ``size`` with dilation."""

    size: int
    stride: int


def pad_into_conv(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Pad + VALID as SAME, where TensorFlow's SAME padding adds exactly the same zeros.

    Symmetric pads are left: the UFF converter takes them over. A maximum pools over minus infinity in SAME, so
    there what is padded must not be negative.
    """
    for node in graph.by_op(*_PADDED):
        pad = node.inputs[0].node if node.inputs else None
        if pad is None or pad.op != "Pad" or len(pad.inputs) != 2 or node.attr("padding") != "VALID":
            continue
        if node.op == "MaxPool" and not _never_negative(pad.inputs[0].node):
            continue
        yield from _judged(node, pad, facts)


def _judged(node: Node, pad: Node, facts: Facts) -> Found:
    paddings = small_constant(pad.inputs[1])
    axes = _spatial_axes(node)
    if paddings is None or paddings.shape != (4, 2):
        yield Refusal(node, f"the paddings of {pad.name} are not a constant of 4 rows")
    elif any(paddings[a].any() for a in range(4) if a not in axes):
        yield Refusal(node, f"{pad.name} pads the batch or the channels")
    elif any(paddings[a, 0] != paddings[a, 1] for a in axes):
        windows = _windows(node, facts)
        shape = facts.specs.of(pad.inputs[0]).shape
        if windows is None or shape is None or len(shape) != 4 or any(shape[a] is None for a in axes):
            yield Refusal(node, f"the size of what {pad.name} pads is not known; fix it with --input")
        else:
            sizes = tuple(shape[a] or 0 for a in axes)
            yield _into_same(node, pad, paddings, sizes, windows)


def _into_same(
    node: Node, pad: Node, paddings: Array, sizes: tuple[int, ...], windows: tuple[_Window, _Window]
) -> Proposal | Refusal:
    for axis, size, window in zip(_spatial_axes(node), sizes, windows, strict=True):
        before, after = (int(p) for p in paddings[axis])
        if _same_padding(size, window) != (before, after):
            wanted = _same_padding(size, window)
            return Refusal(node, f"{pad.name} pads {(before, after)}, and SAME would pad {wanted}")
        if (size + before + after - window.size) // window.stride + 1 != -(-size // window.stride):
            return Refusal(node, "SAME would give another size")
    inputs = (pad.inputs[0], *node.inputs[1:])
    return propose(
        node,
        SetInputs(node, inputs),
        SetAttr(node, "padding", "SAME"),
        touches=(pad, *path_to_source(pad.inputs[1]), pad.inputs[0].node),
        note=f"SAME in place of {pad.name}",
    )


def _same_padding(size: int, window: _Window) -> tuple[int, int]:
    """What SAME pads before and behind: the smaller half before (TensorFlow's GetWindowedOutputSize)."""
    out = -(-size // window.stride)
    total = max((out - 1) * window.stride + window.size - size, 0)
    return total // 2, total - total // 2


def _spatial_axes(node: Node) -> tuple[int, int]:
    return (2, 3) if node.attr("data_format", "NHWC") == "NCHW" else (1, 2)


def _windows(node: Node, facts: Facts) -> tuple[_Window, _Window] | None:
    """The window along height and width, ``None`` if an attribute is missing or the kernel's size unknown."""
    axes = _spatial_axes(node)
    strides, dilations = node.attr("strides"), node.attr("dilations", (1, 1, 1, 1))
    if node.op == "MaxPool":
        ksize = node.attr("ksize")
        kernel = tuple(ksize[a] for a in axes) if isinstance(ksize, tuple) and len(ksize) == 4 else None
    else:
        weights = facts.specs.of(node.inputs[1]).shape if len(node.inputs) == 2 else None
        kernel = weights[:2] if weights is not None and len(weights) == 4 else None
    if kernel is None or None in kernel or not _is_four(strides) or not _is_four(dilations):
        return None
    found = [_Window((k - 1) * dilations[a] + 1, strides[a]) for k, a in zip(kernel, axes, strict=True)]
    return (found[0], found[1]) if all(w.stride > 0 and w.size > 0 for w in found) else None


def _is_four(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 4


def _never_negative(node: Node) -> bool:
    """True if output 0 of ``node`` is sure to be at least zero, seen from the ops just before."""
    for _ in range(4):
        if node.op in _NOT_NEGATIVE:
            return True
        if node.op not in _KEEPS_SIGN or node.op == "ConcatV2" or not node.inputs:
            return False
        node = node.inputs[0].node
    return False


def _is_amount(pad: object) -> bool:
    """True for what an int32 constant of paddings can hold."""
    return isinstance(pad, int) and 0 <= pad < 1 << 31


def lowest_pad_into_max_pool(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """PadV2 with the lowest number in front of a VALID maximum, as SAME: that pads with nothing at all.

    Where SAME pads something else and no number is negative, as a Pad of zeros: the maximum never is of padding alone.
    """
    for node in graph.by_op("MaxPool"):
        pad = node.inputs[0].node if node.inputs else None
        if pad is None or pad.op != "PadV2" or len(pad.inputs) != 3 or node.attr("padding") != "VALID":
            continue
        value, axes, windows = known_array(facts, pad.inputs[2]), _spatial_axes(node), _windows(node, facts)
        if value is None or value.size != 1 or not _is_lowest(value.reshape(-1)[0]):
            continue
        paddings, shape = known_array(facts, pad.inputs[1]), facts.specs.of(pad.inputs[0]).shape
        if paddings is None or paddings.shape != (4, 2) or any(paddings[a].any() for a in range(4) if a not in axes):
            yield Refusal(node, f"{pad.name} pads the batch or the channels, or it is not known what")
        elif windows is None or shape is None or len(shape) != 4 or any(shape[a] is None for a in axes):
            yield Refusal(node, f"the size of what {pad.name} pads is not known; fix it with --input")
        else:
            sizes = tuple(shape[a] or 0 for a in axes)
            same = _into_same(node, pad, paddings, sizes, windows)
            yield _with_zeros(node, pad, paddings, sizes, windows, facts) or same if isinstance(same, Refusal) else same


def _is_lowest(value: np.generic) -> bool:
    """True for a number that no other of its dtype is below."""
    kind: np.dtype[Any] = value.dtype
    if kind.kind not in "iuf":
        return False
    lowest = float(np.finfo(kind).min) if kind.kind == "f" else int(np.iinfo(kind).min)
    number: float = value.item()
    return number <= lowest


def _with_zeros(
    node: Node, pad: Node, paddings: Array, sizes: tuple[int, ...], windows: tuple[_Window, _Window], facts: Facts
) -> Proposal | None:
    """A Pad of zeros in the place of ``pad``, where the maximum cannot tell."""
    source = pad.inputs[0]
    if not lacks(facts, pad) or not _never_negative(source.node):
        return None
    for axis, size, window in zip(_spatial_axes(node), sizes, windows, strict=True):
        before, after = (int(p) for p in paddings[axis])
        last = (size + before + after - window.size) // window.stride * window.stride
        if window.size <= before or last >= before + size:
            return None
    key = f"{pad.name}/zeros"
    attrs = {
        "T": dtype_of(pad, facts.specs.of(source)),
        "Tpaddings": dtype_of(pad, facts.specs.of(pad.inputs[1]), "Tpaddings"),
    }
    return propose(
        node,
        Make(key, "Pad", pad.inputs[:2], attrs),
        SetInputs(node, (New(key), *node.inputs[1:])),
        touches=(pad, source.node, *looked_at(pad.inputs[1]), *looked_at(pad.inputs[2])),
        note=f"zeros in place of {pad.name}, since nothing is negative",
        unsafe="where all numbers of a window are NaN it gives another",
    )


def explicit_to_pad(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """padding=EXPLICIT as a Pad of zeros and VALID, which every TensorFlow and the UFF converter know."""
    if not has_limit(facts, "explicit-padding", without_target=True):
        return
    for node in graph.by_op(*_CONVOLUTIONS):
        if node.attr("padding") != "EXPLICIT" or len(node.inputs) != 2:
            continue
        pads = node.attr("explicit_paddings")
        dtype = dtype_of(node, facts.specs.of(node.inputs[0]))
        if not isinstance(pads, tuple) or len(pads) != 8 or dtype is DType.INVALID:
            yield Refusal(node, "explicit_paddings has not 8 elements, or the dtype is not known")
            continue
        if not all(map(_is_amount, pads)):
            yield Refusal(node, "explicit_paddings holds what an int32 constant cannot")
            continue
        rows, name = f"{node.name}/paddings", f"{node.name}/pad"
        steps = (
            const_step(rows, np.asarray(pads, dtype=np.int32).reshape(4, 2)),
            Make(name, "Pad", (node.inputs[0], New(rows)), {"T": dtype, "Tpaddings": DType.INT32}),
            SetInputs(node, (New(name), node.inputs[1])),
            SetAttr(node, "padding", "VALID"),
            DropAttrs(node, ("explicit_paddings",)),
        )
        yield propose(node, *steps, touches=(node.inputs[0].node,), note="EXPLICIT -> Pad, VALID")


def pad_into_explicit(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Pad of height and width and VALID as padding=EXPLICIT, which TensorFlow's convolutions have since 1.14."""
    for node in graph.by_op(*_CONVOLUTIONS):
        pad = node.inputs[0].node if len(node.inputs) == 2 else None
        if pad is None or pad.op != "Pad" or len(pad.inputs) != 2 or node.attr("padding") != "VALID":
            continue
        paddings, axes = known_array(facts, pad.inputs[1]), _spatial_axes(node)
        if paddings is None or paddings.shape != (4, 2):
            yield Refusal(node, f"the paddings of {pad.name} are not a constant of 4 rows")
        elif any(paddings[a].any() for a in range(4) if a not in axes):
            yield Refusal(node, f"{pad.name} pads the batch or the channels")
        else:
            yield propose(
                node,
                SetInputs(node, (pad.inputs[0], node.inputs[1])),
                SetAttr(node, "padding", "EXPLICIT"),
                SetAttr(node, "explicit_paddings", tuple(int(p) for p in paddings.reshape(-1))),
                touches=(pad, pad.inputs[0].node, *looked_at(pad.inputs[1])),
                note=f"{pad.name} taken over",
            )


def zero_pad_v2(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """PadV2 with zeros as Pad."""
    for node in with_inputs(graph, 3, "PadV2"):
        if not lacks(facts, node):
            continue
        value = known_array(facts, node.inputs[2])
        if value is None or value.size != 1:
            yield Refusal(node, "what it pads with is not a known number")
        elif value.reshape(-1)[0] != 0 or np.signbit(value.reshape(-1)[0].real):
            yield Refusal(node, f"it pads with {value.reshape(-1)[0]:g}, and Pad only with 0")
        else:
            steps = (SetOp(node, "Pad"), SetInputs(node, node.inputs[:2]))
            yield propose(node, *steps, touches=looked_at(node.inputs[2]), note="PadV2 -> Pad")


FINDERS = {
    "pad-into-conv": Finder(pad_into_conv),
    "explicit-padding-to-pad": Finder(explicit_to_pad),
    "pad-v2-to-pad": Finder(zero_pad_v2),
    "pad-into-explicit": Finder(pad_into_explicit),
    "lowest-pad-into-max-pool": Finder(lowest_pad_into_max_pool),
}
