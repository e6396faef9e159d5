"""Ops that an older TensorFlow has under another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.proposal import DropAttrs, Facts, Proposal, Refusal, SetOp, propose
from graphdoctor.types import DType


def rename_op(graph: GraphView, facts: Facts, options: Mapping[str, Any]) -> Iterator[Proposal | Refusal]:
    """Give nodes of op ``from`` the op ``to``.

    Options: ``from``, ``to``; ``drop``: attributes the old op lacks; ``require``: attribute -> value it must have
    (dtypes by label); ``outputs``: number of outputs the old op has; ``shapes``: ``equal`` (all inputs) or
    ``equal-batch`` (all dimensions but the last two), where the old op does not broadcast.
    """
    for node in graph.by_op(*options["from"]):
        reason = _why_not(graph, node, facts, options)
        if reason:
            yield Refusal(node, reason)
        else:
            drop = tuple(k for k in options.get("drop", ()) if k in node.attrs)
            steps = (SetOp(node, options["to"]), *([DropAttrs(node, drop)] if drop else []))
            yield propose(node, *steps, note=f"{node.op} -> {options['to']}")


def _why_not(graph: GraphView, node: Node, facts: Facts, options: Mapping[str, Any]) -> str:
    for key, wanted in options.get("require", {}).items():
        value = node.attr(key)
        label = value.label if isinstance(value, DType) else value
        if value is not None and label != wanted:
            return f"{options['to']} needs {key} = {wanted}, and it is {label}"
    count = options.get("outputs")
    if count is not None:
        extra = sorted({u.index for u in graph.uses(node) if u.slot >= 0 and u.index >= count})
        extra += [v.index for v in graph.outputs if v.node is node and v.index >= count]
        if extra:
            return f"{options['to']} has {count} outputs, and output {extra[0]} is in use"
    return _shapes(node, facts, options.get("shapes", ""), options["to"])


def _shapes(node: Node, facts: Facts, wanted: str, to: str) -> str:
    if not wanted:
        return ""
    shapes = [s.shape for s in facts.specs.inputs(node)]
    if any(s is None for s in shapes):
        return f"{to} does not broadcast, and the rank of an input is unknown"
    compared = [s[:-2] if wanted == "equal-batch" else s for s in shapes if s is not None]
    if any(c != compared[0] for c in compared):
        return f"{to} does not broadcast, and the shapes of the inputs differ"
    if None in compared[0]:
        return f"{to} does not broadcast, and a dimension is unknown; fix it with --input"
    return ""


FINDERS = {"rename-op": rename_op}
