"""Plugin nodes that scripts left in a state that parsers do not take."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir import GraphView
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import Facts, New, Refusal, SetInputs, propose
from graphdoctor.surgery.rewrites.common import const_step

_ANCHORS = ("GridAnchor_TRT", "GridAnchorRect_TRT")
_SOURCES = ("Placeholder", "PlaceholderV2", "Const")


def anchor_input(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Give an anchor plugin without inputs a constant to read; it looks at no input, and the parser wants one.

    Source: https://github.com/jkjung-avt/tensorrt_demos/issues/65.
    """
    for node in graph.by_op(*_ANCHORS):
        if not node.inputs:
            key = f"{node.name}/input"
            steps = (const_step(key, np.ones(2, np.float32)), SetInputs(node, (New(key),)))
            yield propose(node, *steps, note="reads a constant [1, 1]")


def sources_without_inputs(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Take the inputs that do not exist from nodes that read nothing anyway."""
    for node in graph.by_op(*_SOURCES):
        if not node.inputs:
            continue
        there = next((v.node for v in node.inputs if not v.node.is_missing), None)
        if there is not None:
            yield Refusal(node, f"it reads {there.name}, which exists")
        else:
            gone = ", ".join(v.name for v in node.inputs)
            yield propose(node, SetInputs(node, ()), note=f"{node.op} reads nothing: {gone} does not exist")


FINDERS = {
    "anchor-input": Finder(anchor_input),
    "sources-without-inputs": Finder(sources_without_inputs),
}
