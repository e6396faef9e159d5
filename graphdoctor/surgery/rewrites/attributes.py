"""Attributes that an older TensorFlow does not have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.history import OLDEST, attributes_after_1_12
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import DropAttrs, Facts, Refusal, propose
from graphdoctor.types import DType

_SHAPES = "output_shapes"
"""What a node says of its own outputs. Where it says something, that may be all that tells the shape of an output."""


class StripOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``strip-new-attributes``; the table of attributes itself is ``rules/history/tf1.12.toml``.

    Attributes:
        later: op -> attribute -> default, for attributes younger than that table.
        hints: op -> attributes that say nothing about the result, whatever their value.
        inference: op -> attributes that matter in training alone: stripped where ``is_training`` is false.
        why: ``attribute`` or ``op.attribute`` -> what the release cannot say when it is off its default.
        release: the release that is to read the graph; of others than 1.12 ``later`` lists every attribute.
    """

    later: Mapping[str, Mapping[str, Any]] = {}
    hints: Mapping[str, tuple[str, ...]] = {}
    inference: Mapping[str, tuple[str, ...]] = {}
    why: Mapping[str, str] = {}
    release: str = OLDEST


def strip_attributes(graph: GraphView, facts: Facts, options: StripOptions) -> Found:
    """Remove attributes that the release does not know, where they are at their default or without effect."""
    known = {*_table(options), *options.later, *options.hints}
    for node in graph.by_op(*(op for op in graph.ops() if op in known)):
        gone = []
        for key in _present(node, options):
            if _is_default(node, key, options) or _has_no_effect(node, key, facts, options):
                gone.append(key)
            else:
                yield Refusal(node, _reason(node, key, options))
        if gone:
            yield propose(node, DropAttrs(node, tuple(gone)), note=f"without {', '.join(gone)}")


def _table(options: StripOptions) -> Mapping[str, Mapping[str, Any]]:
    return attributes_after_1_12() if options.release == OLDEST else {}


def _present(node: Node, options: StripOptions) -> list[str]:
    """The attributes of ``node`` that the release does not know."""
    newer = (_table(options), options.later, options.hints)
    keys = {key for table in newer for key in table.get(node.op, ())}
    return sorted(k for k in keys if k in node.attrs)


def _is_default(node: Node, key: str, options: StripOptions) -> bool:
    table = _table(options).get(node.op, {})
    default = table[key] if key in table else options.later.get(node.op, {}).get(key)
    value = node.attr(key)
    if isinstance(value, DType):
        return bool(value.label == default)
    if isinstance(value, float) and isinstance(default, float):
        # An attribute is a float32: 0.01 comes back as the float32 next to it.
        return math.isclose(value, default, rel_tol=1e-7)
    return bool((list(value) if isinstance(value, tuple) else value) == default)


def _has_no_effect(node: Node, key: str, facts: Facts, options: StripOptions) -> bool:
    """True where the attribute is off its default and the node still does what it would do at the default."""
    if key in options.hints.get(node.op, ()):
        return key != _SHAPES or all(shape is None for shape in node.attr(key) or ())
    if key in options.inference.get(node.op, ()):
        return node.attr("is_training", True) is False
    return key == "incompatible_shape_error" and _broadcasts(node, facts)


def _broadcasts(node: Node, facts: Facts) -> bool:
    """True if the shapes of the two inputs are sure to be compatible."""
    shapes = [s.shape for s in facts.specs.inputs(node)]
    if len(shapes) != 2 or shapes[0] is None or shapes[1] is None:
        return False
    pairs = zip(reversed(shapes[0]), reversed(shapes[1]), strict=False)
    return all(1 in (a, b) or (a is not None and a == b) for a, b in pairs)


def _reason(node: Node, key: str, options: StripOptions) -> str:
    why = (
        options.why.get(f"{node.op}.{key}")
        or options.why.get(key)
        or ("nothing else may tell these shapes" if key == _SHAPES else "")
        or f"TensorFlow {options.release} has no such attribute"
    )
    value = node.attr(key)
    shown = value.label if isinstance(value, DType) else str(value).lower() if isinstance(value, bool) else value
    return f"{key} is {list(shown) if isinstance(shown, tuple) else shown}: {why}"


FINDERS = {"strip-new-attributes": Finder(strip_attributes, StripOptions)}
