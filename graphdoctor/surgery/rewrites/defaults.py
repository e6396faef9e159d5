"""Attributes that an old TensorFlow left out, since they were not there yet or at their default."""

from __future__ import annotations

from typing import Any

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.ir import GraphView, Node
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Facts, SetAttr, Step, propose
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPy


class DefaultOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``write-defaults``: op to attribute to default; ``types`` are dtypes by their label."""

    values: dict[str, dict[str, Any]]
    types: dict[str, dict[str, str]]


def write_defaults(graph: GraphView, facts: Facts, options: DefaultOptions) -> Found:
    """Write the defaults of attributes that a node lacks, as TensorFlow takes them."""
    ops = sorted({*options.values, *options.types})
    for node in graph.by_op(*ops):
        steps = _written(node, options)
        if steps:
            yield propose(node, *steps, note=f"{', '.join(s.key for s in steps if isinstance(s, SetAttr))} written")


def _written(node: Node, options: DefaultOptions) -> tuple[Step, ...]:
    values = {k: _plain(v) for k, v in options.values.get(node.op, {}).items()}
    values |= {k: _dtype(v) for k, v in options.types.get(node.op, {}).items()}
    return tuple(SetAttr(node, key, value) for key, value in sorted(values.items()) if key not in node.attrs)


def _plain(value: Any) -> AttrPy:
    found: AttrPy = tuple(value) if isinstance(value, list) else value
    return found


def _dtype(label: str) -> DType:
    found = DType.parse(label)
    if found is None:
        raise InputError(f"{label!r} is no dtype", remedy="Correct the pack")
    return found


FINDERS = {"write-defaults": Finder(write_defaults, DefaultOptions)}
