"""Shapes, slices, joins, pictures, boxes and arrays of tensors as numpy expressions."""

from __future__ import annotations

from graphdoctor.formats.host.call import Call, Rule, numpy_name, real_text, tuple_text
from graphdoctor.types import DType

PASS_THROUGH = frozenset("Identity StopGradient PreventGradient Snapshot CheckNumerics EnsureShape".split())
"""Ops that give their input as it is."""


def _shape(call: Call) -> str:
    return f"np.array(np.shape({call.x()}), {numpy_name(call.dtype())})"


def _size(call: Call) -> str:
    return f"{numpy_name(call.dtype())}(np.size({call.x()}))"


def _rank(call: Call) -> str:
    return f"np.int32(np.ndim({call.x()}))"


def _reshape(call: Call) -> str:
    return f"np.reshape({call.x()}, {call.dims(1)})"


def _squeeze(call: Call) -> str:
    axes = [int(a) for a in call.attr("squeeze_dims") or ()]
    return f"np.squeeze({call.x()}, axis={tuple_text(axes)})" if axes else f"np.squeeze({call.x()})"


def _expand_dims(call: Call) -> str:
    return f"np.expand_dims({call.x()}, {call.number(1)})"


def _transpose(call: Call) -> str:
    return f"np.transpose({call.x()}, {call.dims(1)})"


def _tile(call: Call) -> str:
    return f"np.tile({call.x()}, {call.dims(1)})"


def _fill(call: Call) -> str:
    return f"np.full({call.dims(0)}, {call.x(1)}, {numpy_name(call.dtype())})"


def _range(call: Call) -> str:
    bounds = ", ".join(call.operands)
    kind = numpy_name(call.dtype())
    if call.dtype().is_integer:
        return f"np.arange({bounds}, dtype={kind})"
    return f"{call.need('float_range')}({bounds}, {kind})"


def _pack(call: Call) -> str:
    axis = int(call.attr("axis", 0))
    return f"np.stack([{', '.join(call.operands)}]{f', axis={axis}' if axis else ''})"


def _unpack(call: Call) -> str:
    axis = int(call.attr("axis", 0))
    return f"np.moveaxis({call.x()}, {axis}, 0)" if axis else call.x()


def _concat(call: Call) -> str:
    if call.node.op == "Concat":
        axis, parts = call.number(0), call.operands[1:]
    else:
        axis, parts = call.number(len(call.operands) - 1), call.operands[:-1]
    return f"np.concatenate([{', '.join(parts)}], axis={axis})"


def _split(call: Call) -> str:
    return f"np.split({call.x(1)}, {int(call.attr('num_split', 0))}, axis={call.number(0)})"


def _split_v(call: Call) -> str:
    sizes = call.known(1)
    if sizes is None or (sizes < 0).any():
        call.fail("the sizes of its parts are not known")
    ends = [int(e) for e in sizes.reshape(-1).cumsum()[:-1]]
    return f"np.split({call.x()}, {ends}, axis={call.number(2)})"


def _slice(call: Call) -> str:
    begin, size = call.known(1), call.known(2)
    if begin is None or size is None:
        return f"{call.need('slice_of')}({', '.join(call.operands)})"
    pairs = zip(begin.reshape(-1).tolist(), size.reshape(-1).tolist(), strict=True)
    return f"{call.x()}[{', '.join(_part(b, None if s < 0 else b + s, 1) for b, s in pairs) or '()'}]"


def _part(begin: int | None, end: int | None, step: int) -> str:
    first = "" if begin in (None, 0) and step > 0 else str(begin)
    return f"{first}:{'' if end is None else end}{'' if step == 1 else f':{step}'}"


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _strided_slice(call: Call) -> str:
    bounds = [call.known(k) for k in (1, 2, 3)]
    masks = tuple(int(call.attr(m, 0)) for m in _MASKS)
    known = [b.reshape(-1).tolist() for b in bounds if b is not None]
    if len(known) < 3:
        listed = ", ".join(call.operands[1:4])
        return f"{call.need('strided_slice')}({call.x()}, ({listed}), {masks})"
    places = [_place(i, bound, masks) for i, bound in enumerate(zip(*known, strict=True))]
    return f"{call.x()}[{', '.join(places)}]" if places else call.x()


def _place(i: int, bound: tuple[int, int, int], masks: tuple[int, ...]) -> str:
    begin, end, step = bound
    opens, closes, ellipsis, new, shrink = (m >> i & 1 for m in masks)
    if ellipsis:
        return "..."
    if new:
        return "np.newaxis"
    if shrink:
        return str(begin)
    if opens and step < 0:
        return f":{'' if closes else end}:{step}"
    return _part(None if opens else begin, None if closes else end, step)


def _gather(call: Call) -> str:
    if call.attr("batch_dims", 0):
        call.fail("it gathers within batches")
    axis = call.number(2) if len(call.operands) > 2 else "0"
    return f"np.take({call.x()}, {call.x(1)}, axis={axis})"


def _gather_nd(call: Call) -> str:
    return f"{call.x()}[tuple(np.moveaxis({call.x(1)}, -1, 0))]"


def _where(call: Call) -> str:
    return f"np.argwhere({call.x()})"


def _pad(call: Call) -> str:
    value = call.known(1)
    widths = call.x(1) if value is None else str(value.tolist())
    filled = f", constant_values={call.x(2)}" if call.node.op == "PadV2" else ""
    return f"np.pad({call.x()}, {widths}{filled})"


def _reverse(call: Call) -> str:
    return f"np.flip({call.x()}, {call.axes(1, None)})"


def _cumsum(call: Call) -> str:
    if call.attr("exclusive", False) or call.attr("reverse", False):
        call.fail("it sums backwards, or without the element itself")
    return f"np.cumsum({call.x()}, {call.number(1)}, dtype={numpy_name(call.dtype())})"


def _one_hot(call: Call) -> str:
    return f"{call.need('one_hot')}({', '.join(call.operands)}, {int(call.attr('axis', -1))})"


def _top_k(call: Call) -> str:
    if call.attr("index_type", DType.INT32) is not DType.INT32:
        call.fail("its places are 64-bit integers")
    k = call.number(1) if call.node.op == "TopKV2" else str(int(call.attr("k", 0)))
    return f"{call.need('top_k')}({call.x()}, {k})"


def _resize_bilinear(call: Call) -> str:
    flags = ", ".join(str(bool(call.attr(k, False))) for k in ("align_corners", "half_pixel_centers"))
    return f"{call.need('resize_bilinear')}({call.x()}, {call.dims(1)}, {flags})"


def _crop_and_resize(call: Call) -> str:
    nearest = call.attr("method", "bilinear") == "nearest"
    outside = float(call.attr("extrapolation_value", 0.0))
    operands = f"{call.x()}, {call.x(1)}, {call.x(2)}, {call.dims(3)}"
    return f"{call.need('crop_and_resize')}({operands}, {nearest}, {real_text(outside)})"


def _non_max_suppression(call: Call) -> str:
    """Versions differ in where the thresholds are, in soft suppression, in padding, and in what they give besides."""
    version, name = call.node.op, call.need("non_max_suppression")
    if version == "NonMaxSuppression":
        threshold = f"np.float32({real_text(call.attr('iou_threshold', 0.5))})"
        return f"{name}({call.x()}, {call.x(1)}, {call.number(2)}, {threshold})"
    kept = f"{name}({call.x()}, {call.x(1)}, {call.number(2)}, {', '.join(call.operands[3:5])})"
    if version == "NonMaxSuppressionV5":
        sigma = call.known(5)
        if sigma is None or sigma.any():
            call.fail("it lowers the scores of overlapping boxes (soft suppression)")
    if version in ("NonMaxSuppressionV4", "NonMaxSuppressionV5"):
        if call.attr("pad_to_max_output_size", False):
            call.fail("it pads what it gives")
        need = call.need("with_scores" if version == "NonMaxSuppressionV5" else "with_count")
        return f"{need}({kept}, {call.x(1)})"
    return kept


def _combined_non_max_suppression(call: Call) -> str:
    if call.attr("pad_per_class", False):
        call.fail("how many rows it gives depends on the number of classes")
    threshold = call.known(5)
    if threshold is None or not threshold >= -1:
        call.fail("its score_threshold is not known, or below -1, where TensorFlow counts padding among the boxes")
    limits = f"{call.number(2)}, {call.number(3)}, {call.x(4)}, {call.x(5)}"
    clip = bool(call.attr("clip_boxes", True))
    return f"{call.need('combined_non_max_suppression')}({call.x()}, {call.x(1)}, {limits}, {clip})"


def _array(call: Call) -> str:
    return f"[None] * int({call.x()})"  # its output 1, the flow, stands for the array


def _array_read(call: Call) -> str:
    return f"{call.x(2)}[int({call.x(1)})]"


def _array_write(call: Call) -> str:
    return f"{call.need('array_write')}({call.x(3)}, {call.x(1)}, {call.x(2)})"


def _array_scatter(call: Call) -> str:
    return f"{call.need('array_scatter')}({call.x(3)}, {call.x(1)}, {call.x(2)})"


def _array_gather(call: Call) -> str:
    shape = call.outputs[0].shape if call.outputs else None
    inner = () if shape is None else tuple(d or 0 for d in shape[1:])
    return f"{call.need('array_gather')}({call.x(2)}, {call.x(1)}, {inner}, {numpy_name(call.dtype())})"


def _array_size(call: Call) -> str:
    return f"np.int32(len({call.x(1)}))"


ARRAYS: dict[str, Rule] = {
    "Shape": _shape,
    "Size": _size,
    "Rank": _rank,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "Transpose": _transpose,
    "Tile": _tile,
    "Fill": _fill,
    "Range": _range,
    "Pack": _pack,
    "Unpack": _unpack,
    "Concat": _concat,
    "ConcatV2": _concat,
    "Split": _split,
    "SplitV": _split_v,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "Gather": _gather,
    "GatherV2": _gather,
    "GatherNd": _gather_nd,
    "Where": _where,
    "Pad": _pad,
    "PadV2": _pad,
    "ReverseV2": _reverse,
    "Cumsum": _cumsum,
    "OneHot": _one_hot,
    "TopK": _top_k,
    "TopKV2": _top_k,
    "ResizeBilinear": _resize_bilinear,
    "CropAndResize": _crop_and_resize,
    **dict.fromkeys(("NonMaxSuppression", *(f"NonMaxSuppressionV{k}" for k in (2, 3, 4, 5))), _non_max_suppression),
    "CombinedNonMaxSuppression": _combined_non_max_suppression,
    "TensorArrayV3": _array,
    "TensorArrayReadV3": _array_read,
    "TensorArrayWriteV3": _array_write,
    "TensorArrayScatterV3": _array_scatter,
    "TensorArrayGatherV3": _array_gather,
    "TensorArraySizeV3": _array_size,
}
"""TensorFlow op -> how it is written."""
SEVERAL = frozenset(
    "Unpack Split SplitV TopK TopKV2 NonMaxSuppressionV4 NonMaxSuppressionV5 CombinedNonMaxSuppression".split()
)
"""Ops whose rule gives a sequence with one value for each output."""
HANDLES = frozenset(op for op in ARRAYS if op.startswith("TensorArray") and op != "TensorArrayV3")
"""Ops whose input 0 only says which array; the flow, their last input, carries it."""
