"""Constants that are laid over a tensor, batch included."""

from __future__ import annotations

from graphdoctor.ir import GraphView
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, New, Refusal, SetInputs, propose
from graphdoctor.surgery.rewrites.common import array_of, const_step, has_limit, looked_at, with_inputs
from graphdoctor.types import dims_text

_LAID_OVER = ("Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "Maximum", "Minimum")


def drop_constant_batch(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """A constant [1,...] that is laid over a tensor of as many dimensions: without the 1, which is the batch's."""
    if not has_limit(facts, "broadcast-batch-const", without_target=True):
        return
    for node in with_inputs(graph, 2, *_LAID_OVER):
        arrays = [array_of(v) for v in node.inputs]
        for slot, (array, other) in enumerate(zip(arrays, reversed(arrays), strict=True)):
            rank = facts.specs.of(node.inputs[1 - slot]).rank
            if array is None or other is not None or array.ndim < 2 or rank != array.ndim:
                continue
            if array.shape[0] != 1:
                yield Refusal(node, f"{node.inputs[slot].name} {dims_text(array.shape)} says something for each item")
                continue
            key = f"{node.name}/over_batch"
            inputs = tuple(New(key) if k == slot else v for k, v in enumerate(node.inputs))
            touched = (node.inputs[1 - slot].node, *looked_at(node.inputs[slot]))
            note = f"{node.inputs[slot].name} {dims_text(array.shape)} -> {dims_text(array.shape[1:])}"
            yield propose(node, const_step(key, array[0]), SetInputs(node, inputs), touches=touched, note=note)


FINDERS = {"drop-constant-batch": Finder(drop_constant_batch)}
