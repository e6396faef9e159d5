"""Concatenation of ranks that no image has, and on an axis that is counted from the front."""

from __future__ import annotations

import math

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, SetAttr, SetInputs, Step, propose
from graphdoctor.surgery.rewrites.common import become, const_step, dims_known, dtype_of, known_array, looked_at
from graphdoctor.types import Answer, DType
from graphdoctor.wire.attrs import AttrPy


def joined_as_rows(node: Node, axis: int, facts: Facts) -> Proposal | Refusal:
    """Of another rank: each item as one row, joined on axis 1, which is the channels of a matrix, and put back."""
    shapes = [facts.specs.of(v).shape for v in node.inputs[:-1]]
    after, dtype = facts.specs.output(node).shape, dtype_of(node, facts.specs.output(node))
    items = [dims_known(s[1:]) if s else None for s in (*shapes, after)]
    if dtype is DType.INVALID or after is None or any(i is None or 0 in i for i in items):
        return Refusal(node, "its dtype, or the size of an item, is not known")
    at = axis % len(after)
    if at == 0:
        return Refusal(node, "it joins along the batch, and a Transpose cannot move that")
    if facts.target is not None and at > 1 and facts.target.row("Transpose").support is not Answer.YES:
        return Refusal(node, f"{facts.target.name} has no Transpose to bring axis {at} to the front")
    order = [0, at, *(a for a in range(1, len(after)) if a != at)]
    writer = _Rows(node, dtype, order)
    rows = [writer.row(i, v, item or ()) for i, (v, item) in enumerate(zip(node.inputs[:-1], items, strict=False))]
    steps = writer.ends(rows, tuple(d or 0 for d in after[1:]))
    touched = (*(v.node for v in node.inputs[:-1]), *looked_at(node.inputs[-1]))
    return propose(node, *steps, touches=touched, note=f"axis {at} joined as rows")


class _Rows:
    """Steps that flatten items with axis ``order[1]`` first, join them, and undo both."""

    def __init__(self, node: Node, dtype: DType, order: list[int]) -> None:
        self.node, self.dtype, self.order = node, dtype, order
        self.steps: list[Step] = []

    @property
    def moves(self) -> bool:
        """True if the axis has to be brought to the front."""
        return self.order != sorted(self.order)

    def const(self, word: str, values: list[int] | int) -> New:
        key = f"{self.node.name}/{word}"
        self.steps.append(const_step(key, np.asarray(values, np.int32)))
        return New(key)

    def make(self, word: str, op: str, inputs: tuple[Ref, ...], more: dict[str, AttrPy]) -> New:
        key = f"{self.node.name}/{word}"
        self.steps.append(Make(key, op, inputs, {"T": self.dtype, **more}))
        return New(key)

    def row(self, number: int, value: Value, item: tuple[int, ...]) -> New:
        """Input ``number`` as [batch, elements of an item]."""
        turned: Ref = value
        if self.moves:
            perm = self.const(f"perm_{number}", self.order)
            turned = self.make(f"turned_{number}", "Transpose", (value, perm), {"Tperm": DType.INT32})
        shape = self.const(f"shape_{number}", [-1, math.prod(item)])
        return self.make(f"row_{number}", "Reshape", (turned, shape), {"Tshape": DType.INT32})

    def ends(self, rows: list[New], item: tuple[int, ...]) -> tuple[Step, ...]:
        """The rows joined, in the shape of ``item`` again."""
        one = self.const("rows_axis", 1)
        joined = self.make("rows", "ConcatV2", (*rows, one), {"Tidx": DType.INT32, "N": len(rows)})
        shape = self.const("shape", [-1, *(item[a - 1] for a in self.order[1:])])
        attrs: dict[str, AttrPy] = {"T": self.dtype, "Tshape": DType.INT32}
        if not self.moves:
            return (*self.steps, *become(self.node, "Reshape", (joined, shape), attrs))
        items = self.make("items", "Reshape", (joined, shape), {"Tshape": DType.INT32})
        back = self.const("back", [self.order.index(a) for a in range(len(self.order))])
        attrs = {"T": self.dtype, "Tperm": DType.INT32}
        return (*self.steps, *become(self.node, "Transpose", (items, back), attrs))


def positive_axis(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """An axis that is counted from the end, counted from the front."""
    if facts.target is not None and facts.target.parser != "uff":
        return
    for node in graph.by_op("ConcatV2"):
        axis = known_array(facts, node.inputs[-1]) if len(node.inputs) > 1 else None
        if axis is None or axis.size != 1 or int(axis.reshape(-1)[0]) >= 0:
            continue
        rank = facts.specs.output(node).rank
        if rank is None:
            yield Refusal(node, "the rank of its inputs is not known")
            continue
        said, key = int(axis.reshape(-1)[0]), f"{node.name}/axis"
        steps = (
            const_step(key, np.asarray(said + rank, np.int32)),
            SetInputs(node, (*node.inputs[:-1], New(key))),
            SetAttr(node, "Tidx", DType.INT32),
        )
        yield propose(node, *steps, touches=looked_at(node.inputs[-1]), note=f"axis {said} is {said + rank}")


FINDERS = {"concat-positive-axis": Finder(positive_axis)}
