"""Ops that drop overlapping boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import bool_attr, input_dtype
from graphdoctor.ops.base import Lowering, Op, OpContext
from graphdoctor.ops.broadcast import data_dtype, float_attr
from graphdoctor.ops.dims import int_of, same_dim, times, valid_dim, with_rank
from graphdoctor.ops.values import as_dtype, wants_constant
from graphdoctor.types import Dim, DType

_LOWEST = float(np.finfo(np.float32).min)
"""What a score must be above in versions 1 and 2, which have no threshold of it."""
_PADDING_SCORE = -1.0
"""The score that CombinedNonMaxSuppression gives, while it sorts, to rows that no box has."""
_ROW = 3
"""A row of ONNX's result: image, class, box."""


class NonMaxSuppression(Op):
    """Which of the boxes [n, 4] are left when overlapping ones of lower score are dropped.

    Version 4 adds the number of valid indices, version 5 the scores as well. Both pad the indices on request.

    ONNX's op has the same meaning, in ONNX Runtime bit for bit: any two opposite corners say a box, a box without area
    overlaps with none, a score must be above its threshold and an overlap above its own, and of two equal scores the
    box that comes first wins. TensorRT leaves open which of two equal scores wins.
    """

    names = (
        "NonMaxSuppression",
        "NonMaxSuppressionV2",
        "NonMaxSuppressionV3",
        "NonMaxSuppressionV4",
        "NonMaxSuppressionV5",
    )
    arity = (3, 6)
    defaults = {"iou_threshold": 0.5}
    types = {"T": 0, "T_threshold": 3}
    onnx = (
        "NonMaxSuppression",
        "Unsqueeze",
        "Gather",
        "Cast",
        "Reshape",
        "Shape",
        "Squeeze",
        "Expand",
        "Concat",
        "Slice",
    )

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        boxes, four = with_rank(ctx.spec(0), 2, "boxes")
        (scores,) = with_rank(ctx.spec(1), 1, "scores")
        same_dim(boxes, scores)
        same_dim(four, 4)
        limit = valid_dim(int_of(ctx.spec(2)))
        selected = limit if bool_attr(ctx, "pad_to_max_output_size") else None
        indices, valid = TensorSpec(DType.INT32, (selected,)), TensorSpec(DType.INT32, ())
        if ctx.node.op == "NonMaxSuppressionV5":
            return [indices, TensorSpec(input_dtype(ctx), (selected,)), valid]
        return [indices, valid] if ctx.node.op == "NonMaxSuppressionV4" else [indices]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        if data_dtype(low) is not DType.FLOAT:
            low.fail(f"TensorFlow computes overlaps in {low.specs[0].dtype.label}, ONNX in float32 alone")
        _refuse_soft(low)
        boxes = low.op("Unsqueeze", [low.inputs[0], low.const([0])])
        scores = low.op("Unsqueeze", [low.inputs[1], low.const([0, 1])])
        rows = low.op("NonMaxSuppression", [boxes, scores, _one(low, 2, DType.INT64), _overlap(low), _least_score(low)])
        found = low.op("Gather", [rows, low.const(np.asarray(_ROW - 1, np.int64))], axis=1)
        indices = low.cast(found, DType.INT32)
        if low.node.op == "NonMaxSuppressionV5":
            return [
                _padded(low, indices, 0),
                _padded(low, low.op("Gather", [low.inputs[1], found]), 1),
                _count(low, found),
            ]
        if low.node.op == "NonMaxSuppressionV4":
            return [_padded(low, indices, 0), _count(low, found)]
        return [indices]


def _refuse_soft(low: Lowering) -> None:
    """Version 5 may lower scores instead of dropping boxes, which ONNX's op does not do."""
    if low.node.op != "NonMaxSuppressionV5":
        return
    sigma = wants_constant(low, 5, "soft_nms_sigma")
    if sigma.any():
        low.fail(f"soft_nms_sigma is {float(sigma):g}: scores are lowered instead of boxes dropped, unlike in ONNX")


def _overlap(low: Lowering) -> str:
    if low.node.op == "NonMaxSuppression":
        return low.const(np.asarray([float_attr(low, "iou_threshold")], np.float32))
    return _one(low, 3, DType.FLOAT)


def _least_score(low: Lowering) -> str:
    if len(low.inputs) < 5:
        return low.const(np.asarray([_LOWEST], np.float32))
    return _one(low, 4, DType.FLOAT)


def _one(low: Lowering, index: int, dtype: DType) -> str:
    """Input ``index``, one number, as a vector of one element in ``dtype``."""
    known = low.constant(index)
    if known is not None:
        return low.const(np.asarray(known, dtype=dtype.numpy).reshape(1))
    return low.op("Reshape", [as_dtype(low, low.inputs[index], data_dtype(low, index), dtype), low.const([1])])


def _count(low: Lowering, found: str) -> str:
    """How many elements the vector ``found`` has, as an int32 scalar."""
    return low.cast(low.op("Squeeze", [low.op("Shape", [found]), low.const([0])]), DType.INT32)


def _padded(low: Lowering, found: str, output: int) -> str:
    """The vector ``found`` with zeros behind it up to input 2, if the node wants them."""
    if not bool_attr(low, "pad_to_max_output_size"):
        return found
    most, dtype = _one(low, 2, DType.INT64), low.outputs[output].dtype
    zeros = low.op("Expand", [low.const(np.zeros(1, dtype.numpy)), most])
    return low.op("Slice", [low.op("Concat", [found, zeros], axis=0), low.const([0]), most, low.const([0])])


class CombinedNonMaxSuppression(Op):
    """The best boxes of each image of a batch over all classes: boxes [batch, n, 4], scores, classes, how many.

    ONNX's op suppresses in all images and classes. What it selects is written into a plane of all scores, where the
    others are minus infinity, so that the best of each image can be sorted whatever the batch. Equal scores are in the
    order of their classes, then of their boxes; TensorFlow leaves that order to std::sort.
    """

    names = ("CombinedNonMaxSuppression",)
    arity = (6, 6)
    defaults = {"clip_boxes": True}
    types = {}
    onnx = (
        *(
            "NonMaxSuppression",
            "Transpose",
            "Reshape",
            "Squeeze",
            "Unsqueeze",
            "Shape",
            "Expand",
            "ScatterND",
            "GatherND",
        ),
        *("TopK", "Greater", "Div", "Mod", "Where", "Clip", "Pad", "ReduceSum", "Cast"),
    )

    def infer(self, ctx: OpContext) -> list[TensorSpec]:
        batch, boxes, kinds, four = with_rank(ctx.spec(0), 4, "boxes")
        also_batch, also_boxes, classes = with_rank(ctx.spec(1), 3, "scores")
        same_dim(four, 4)
        same_dim(boxes, also_boxes)
        if kinds != 1:
            same_dim(kinds, classes)
        batch = same_dim(batch, also_batch)
        count = _combined_count(ctx, classes)
        rows = TensorSpec(DType.FLOAT, (batch, count))
        return [TensorSpec(DType.FLOAT, (batch, count, 4)), rows, rows, TensorSpec(DType.INT32, (batch,))]

    def to_onnx(self, low: Lowering) -> Sequence[str]:
        _refuse_low_scores(low)
        boxes, kinds, classes = _sizes(low)
        boxes_of, scores = _by_class(low, boxes, kinds, classes)
        plane = _selected_scores(low, boxes_of, scores, boxes * classes)
        kept = low.outputs[1].shape[1] if low.outputs[1].shape is not None else None
        if kept is None:
            low.fail("how many boxes an image keeps is computed at run time and has to be constant")
        most = min(kept, boxes * classes)
        best, where = low.multi("TopK", [plane, low.const([most])], 2, axis=-1, largest=1, sorted=1)
        valid = low.op("Greater", [best, low.const(np.asarray(-np.inf, np.float32))])
        size = low.const(np.asarray(boxes, np.int64))
        if kinds == 1:
            picked = _picked(low, boxes_of, low.op("Mod", [where, size]))
        else:
            picked = _picked(low, low.op("Reshape", [boxes_of, low.const([-1, boxes * kinds, 4])]), where)
        zero, extra = low.const(np.asarray(0, np.float32)), kept - most
        rows = low.op("Where", [low.op("Unsqueeze", [valid, low.const([-1])]), picked, zero])
        scored = low.op("Where", [valid, best, zero])
        of = low.op("Where", [valid, low.cast(low.op("Div", [where, size]), DType.FLOAT), zero])
        # In float32, since TensorRT sums no integers before 9; it counts up to 2 ** 24.
        count = low.cast(low.op("ReduceSum", [low.cast(valid, DType.FLOAT), low.const([1])], keepdims=0), DType.INT32)
        return [_longer(low, rows, extra, 3), _longer(low, scored, extra, 2), _longer(low, of, extra, 2), count]


def _combined_count(ctx: OpContext, classes: Dim) -> Dim:
    per_class, total = valid_dim(int_of(ctx.spec(2))), valid_dim(int_of(ctx.spec(3)))
    if not bool_attr(ctx, "pad_per_class"):
        return total
    most = times(per_class, classes)
    return None if total is None or most is None else min(total, most)


def _refuse_low_scores(low: Lowering) -> None:
    """Below its padding's score TensorFlow takes padding for boxes; what comes of it is not copied."""
    threshold = wants_constant(low, 5, "score_threshold")
    if not (threshold >= _PADDING_SCORE).all():
        low.fail(f"score_threshold is {float(threshold):g}: below -1 TensorFlow counts its own padding among the boxes")


def _sizes(low: Lowering) -> tuple[int, int, int]:
    """How many boxes, boxes of one place, and classes."""
    _, boxes, kinds, _ = with_rank(low.specs[0], 4)
    _, also, classes = with_rank(low.specs[1], 3)
    boxes = boxes or also
    if not boxes or not kinds or not classes:
        low.fail("the number of boxes or of classes is not known, or is zero")
    return boxes, kinds, classes


def _by_class(low: Lowering, boxes: int, kinds: int, classes: int) -> tuple[str, str]:
    """Boxes [b, n, 4] and scores [b, c, n] as ONNX wants them; with boxes of their own, classes are images."""
    scores = low.op("Transpose", [low.inputs[1]], perm=[0, 2, 1])
    if kinds == 1:
        return low.op("Squeeze", [low.inputs[0], low.const([2])]), scores
    turned = low.op("Transpose", [low.inputs[0]], perm=[0, 2, 1, 3])
    return low.op("Reshape", [turned, low.const([-1, boxes, 4])]), low.op(
        "Reshape", [scores, low.const([-1, 1, boxes])]
    )


def _selected_scores(low: Lowering, boxes: str, scores: str, size: int) -> str:
    """The score of each class and box of an image [b, size] if it was selected, else minus infinity."""
    limits = [_one(low, 2, DType.INT64), _one(low, 4, DType.FLOAT), _one(low, 5, DType.FLOAT)]
    rows = low.op("NonMaxSuppression", [boxes, scores, *limits])
    nothing = low.op("Expand", [low.const(np.asarray([-np.inf], np.float32)), low.op("Shape", [scores])])
    plane = low.op("ScatterND", [nothing, rows, low.op("GatherND", [scores, rows])])
    return low.op("Reshape", [plane, low.const([-1, size])])


def _picked(low: Lowering, boxes: str, where: str) -> str:
    """The boxes [b, k, 4] that ``where`` [b, k] names among those of each image, clipped to the image if wanted."""
    picked = low.op("GatherND", [boxes, low.op("Unsqueeze", [where, low.const([-1])])], batch_dims=1)
    if not bool_attr(low, "clip_boxes"):
        return picked
    zero, one = (low.const(np.asarray(n, np.float32)) for n in (0, 1))
    return low.op("Clip", [picked, zero, one])


def _longer(low: Lowering, name: str, extra: int, rank: int) -> str:
    """``name`` with ``extra`` rows of zeros behind it, along axis 1."""
    if not extra:
        return name
    ends = [0, extra] + [0] * (rank - 2)
    return low.op("Pad", [name, low.const([0] * rank + ends), low.const(np.asarray(0, np.float32))])
