"""Axes, sizes and indices: 64-bit constants among them in 32 bits, and the axis of a Concat as ConcatV2 has it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdoctor.ir import GraphView, Node, TensorSpec
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Facts,
    New,
    Proposal,
    Ref,
    Refusal,
    SetAttr,
    SetInputs,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import array_of, become, const_step, dtype_of, looked_at
from graphdoctor.types import Array, DType

_REDUCING = ("Sum", "Mean", "Max", "Min", "Prod", "All", "Any", "EuclideanNorm")
_NARROWED: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    **{op: {"Tidx": (1,)} for op in (*_REDUCING, "ArgMax", "ArgMin", "BroadcastTo", "ReverseV2")},
    "Reshape": {"Tshape": (1,)},
    "Transpose": {"Tperm": (1,)},
    "ConcatV2": {"Tidx": (-1,)},
    "ExpandDims": {"Tdim": (1,)},
    "Pad": {"Tpaddings": (1,)},
    "PadV2": {"Tpaddings": (1,)},
    "MirrorPad": {"Tpaddings": (1,)},
    "Tile": {"Tmultiples": (1,)},
    "StridedSlice": {"Index": (1, 2, 3)},
    "Slice": {"Index": (1, 2)},
    "Gather": {"Tindices": (1,)},
    "GatherV2": {"Tindices": (1,), "Taxis": (2,)},
    "SplitV": {"Tlen": (1,)},
    "Fill": {"index_type": (0,)},
    "Cumsum": {"Tidx": (2,)},
    "SpaceToBatchND": {"Tblock_shape": (1,), "Tpaddings": (2,)},
    "BatchToSpaceND": {"Tblock_shape": (1,), "Tcrops": (2,)},
}
"""Op to type attribute to the inputs of that type, which say where or how much and are no data."""
_INT32 = np.iinfo(np.int32)
_CORNERS = (1, 2)
"""Inputs of StridedSlice that say where: beyond the data, one number is as good as another."""


def narrow_indices(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Axes, shapes, paddings and indices that are 64-bit constants, in 32 bits where all of them fit."""
    for node in graph.by_op(*(op for op in graph.ops() if op in _NARROWED)):
        for attr, slots in _NARROWED[node.op].items():
            if node.attr(attr) is DType.INT64 and len(node.inputs) > max(slots):
                found = _narrowed(node, attr, slots, facts)
                if found is not None:
                    yield found


def _narrowed(node: Node, attr: str, slots: tuple[int, ...], facts: Facts) -> Proposal | Refusal | None:
    arrays: dict[int, Array] = {}
    for slot in (s % len(node.inputs) for s in slots):
        array = array_of(node.inputs[slot])
        if array is None or array.dtype != np.int64:
            return None  # computed, which is no constant to narrow
        if node.op == "StridedSlice" and slot in _CORNERS and _is_small(facts.specs.of(node.inputs[0])):
            array = np.clip(array, _INT32.min, _INT32.max)
        if array.size and not (_INT32.min <= array.min() and array.max() <= _INT32.max):
            return Refusal(node, f"input {slot} holds {_outside(array)}, which 32 bits cannot")
        arrays[slot] = array
    steps: list[Step] = []
    inputs: list[Ref] = list(node.inputs)
    for slot, array in arrays.items():
        key = f"{node.name}/{attr}_{slot}"
        steps.append(const_step(key, array.astype(np.int32)))
        inputs[slot] = New(key)
    touched = [n for slot in arrays for n in looked_at(node.inputs[slot])]
    steps += [SetInputs(node, tuple(inputs)), SetAttr(node, attr, DType.INT32)]
    return propose(node, *steps, touches=tuple(touched), note=f"{attr} in 32 bits")


def _is_small(data: TensorSpec) -> bool:
    """True if every dimension is known and 32 bits count it."""
    return data.shape is not None and all(d is not None and d < _INT32.max for d in data.shape)


def _outside(array: Array) -> int:
    return int(array.max() if array.max() > _INT32.max else array.min())


def concat_to_v2(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Concat, whose axis comes first, as ConcatV2, where it comes last."""
    for node in graph.by_op("Concat"):
        dtype = dtype_of(node, facts.specs.output(node))
        if len(node.inputs) < 3:
            yield Refusal(node, "it joins fewer than two tensors")
        elif dtype is DType.INVALID:
            yield Refusal(node, "its dtype is not known")
        else:
            axis, *data = node.inputs
            attrs = {"T": dtype, "N": len(data), "Tidx": DType.INT32}
            steps = become(node, "ConcatV2", (*data, axis), {**attrs})
            yield propose(node, *steps, touches=tuple(v.node for v in node.inputs), note="Concat -> ConcatV2")


FINDERS = {"narrow-indices": Finder(narrow_indices), "concat-to-v2": Finder(concat_to_v2)}
