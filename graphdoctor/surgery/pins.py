"""Inputs that the user gives a value once and for all: ``--pin keep_prob=1.0``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from graphdoctor.errors import InputError
from graphdoctor.findings import Safety
from graphdoctor.ir import Graph, GraphView, Node
from graphdoctor.surgery.engine import FixResult, run_rewrites
from graphdoctor.surgery.finder import Found
from graphdoctor.surgery.proposal import Facts, ForgetInput, Step, propose
from graphdoctor.surgery.rewrites.common import become
from graphdoctor.types import Array, DType, dims_text, element_count
from graphdoctor.wire.attrs import ShapeValue
from graphdoctor.wire.tensors import Tensor

PIN = "pin"
"""What applied pins are called among the rewrites."""
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
_LARGEST = 1 << 24
"""Elements of a pinned input."""
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Pin:
    """One ``--pin``: the name of a placeholder, and the value as it was typed."""

    name: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Pin:
        """``NAME=VALUE``.

        Raises:
            InputError: there is no name or no value.
        """
        name, equals, value = text.strip().partition("=")
        if not name.strip() or not equals or not value.strip():
            raise InputError(f"{text!r} is not NAME=VALUE", where="--pin", remedy="For example --pin keep_prob=1.0")
        return cls(name.strip().removesuffix(":0"), value.strip())


@dataclass(frozen=True, slots=True)
class _PinInputs:
    """The rewrite that makes constants of the placeholders in ``values``."""

    values: Mapping[str, Array]
    name: str = PIN
    safety: Safety = Safety.UNSAFE

    def find(self, graph: GraphView, facts: Facts) -> Found:
        """A proposal for each placeholder that is still one."""
        for node in graph.by_op(*_FED):
            if node.name in self.values:
                tensor = Tensor.from_array(self.values[node.name], _dtype(node))
                steps: list[Step] = [*become(node, "Const", (), {"dtype": tensor.dtype, "value": tensor})]
                steps += [ForgetInput(node)] if node in graph.inputs else []
                yield propose(node, *steps, note=f"always {_shown(self.values[node.name])} from now on")


def pin_inputs(graph: Graph, pins: Sequence[Pin]) -> tuple[FixResult, dict[str, Array]]:
    """Make a constant of each placeholder in ``pins``; what was done, and the values by name.

    Raises:
        InputError: no placeholder has the name, its size is not known, or the value does not fit its dtype.
    """
    values = {pin.name: _value(pin, _placeholder(graph, pin)) for pin in pins}
    return run_rewrites(graph, [_PinInputs(values)], unsafe=True), values


def _placeholder(graph: Graph, pin: Pin) -> Node:
    node = graph.get(pin.name)
    if node is not None and node.op in _FED:
        return node
    names = [n.name for n in graph.by_op(*_FED)]
    near = get_close_matches(pin.name, names, n=2)
    what = "is not in the graph" if node is None else f"is a {node.op} and no placeholder"
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(sorted(names)[:8]) or 'none'}"
    raise InputError(what, where=f"--pin {pin.name}", remedy=remedy)


def _dtype(node: Node) -> DType:
    dtype = node.attr("dtype")
    return dtype if isinstance(dtype, DType) else DType.INVALID


def _value(pin: Pin, node: Node) -> Array:
    """The one value, in the placeholder's dtype and in all of its elements."""
    dtype, shape, where = _dtype(node), node.attr("shape"), f"--pin {pin.name}"
    kind = dtype.numpy
    if kind is None or kind.kind not in "biuf":
        raise InputError(f"its dtype {dtype.label} takes no number", where=where, remedy="Pin numbers and truth values")
    dims = shape.dims if isinstance(shape, ShapeValue) else None
    if dims is not None and None in dims:
        raise InputError("its size is not known", where=where, remedy=f"Say it too: --input {pin.name}[1,2]")
    known = tuple(d for d in dims or () if d is not None)
    if (element_count(known) or 0) > _LARGEST:
        raise InputError(f"{dims_text(known)} is too much for a constant", where=where, remedy="Pin smaller inputs")
    return np.full(known, _number(pin, kind), dtype=kind)


def _number(pin: Pin, kind: np.dtype[Any]) -> bool | int | float:
    """The typed value, if ``kind`` can hold it."""
    wrong = InputError(
        f"{pin.text!r} is no {kind.name}", where=f"--pin {pin.name}", remedy="Give true, false or a number that fits"
    )
    word = pin.text.lower()
    if kind.kind == "b":
        if word not in (*_WORDS, "0", "1"):
            raise wrong
        return _WORDS.get(word, word == "1")
    try:
        if kind.kind == "f":
            return float(word)
        number, limits = int(word), np.iinfo(kind)
    except ValueError as e:
        raise wrong from e
    if not limits.min <= number <= limits.max:
        raise wrong
    return number


def _shown(array: Array) -> str:
    return str(array.reshape(-1)[0].item()).lower() if array.size else "empty"
