"""Numbers that FP16 cannot hold."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, SetAttr, propose
from graphdoctor.surgery.rewrites.common import array_of
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor

_LARGEST = float(np.finfo(np.float16).max)


def clamp_constants(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Finite constants beyond the range of FP16, at its end."""
    for node in graph.by_op("Const"):
        if node.attr("dtype") is DType.FLOAT:
            found = _clamped(graph, node)
            if found is not None:
                yield found


def _clamped(graph: GraphView, node: Node) -> Proposal | Refusal | None:
    array = array_of(node.out())
    if array is None or array.dtype != np.float32:
        return None
    beyond = np.isfinite(array) & (np.abs(array) > _LARGEST)
    if not beyond.any():
        return None
    if graph.is_output(node):
        return Refusal(node, "it is an output of the graph")
    clamped = np.where(beyond, np.copysign(np.float32(_LARGEST), array), array)
    count = int(beyond.sum())
    step = SetAttr(node, "value", Tensor.from_array(clamped, DType.FLOAT))
    return propose(node, step, note=f"{count} of {array.size} numbers clamped to {_LARGEST:g}")


FINDERS = {"clamp-to-half": Finder(clamp_constants)}
