"""A declared rewrite at work: where its pattern is, and what takes its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.frames import FLOW_OPS
from graphdoctor.match.names import reads_other_outputs
from graphdoctor.ops import find_op
from graphdoctor.surgery.declared.rows import ANYTHING, NewRow, PatternRow, is_dtype_key, reference, sink
from graphdoctor.surgery.finder import Found
from graphdoctor.surgery.proposal import Facts, Make, New, Proposal, Ref, Refusal, StandFor, Step, propose
from graphdoctor.surgery.rewrites.common import (
    array_of,
    become,
    const_step,
    forward,
    path_to_source,
)
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy

Bound = Mapping[str, Node | Value]
"""What stands for each name of a pattern: a node, or the value that one of its inputs is."""
Todo = tuple[tuple[str, Value], ...]
"""References of the pattern that must fit a value."""


class _NotHereError(Exception):
    """The pattern is there and cannot be replaced; the text says why."""


@dataclass(frozen=True)
class Declared:
    """A pattern and its replacement, free of problems (:func:`graphdoctor.surgery.declared.problems`).

    ``result`` is the name of what takes the place of the pattern's last node; empty, it is called like that.
    """

    pattern: Mapping[str, PatternRow]
    replacement: Mapping[str, NewRow] = field(default_factory=dict)
    anchor: str = ""
    result: str = ""
    note: str = ""

    @cached_property
    def end(self) -> str:
        """The node of the pattern that a match stands for."""
        return sink(self.pattern, self.anchor)

    def find(self, graph: GraphView, facts: Facts, options: object = None) -> Found:
        """A proposal at each place where the pattern is, or why it cannot be replaced there."""
        for node in graph.by_op(*self.pattern[self.end].ops):
            found = self._at(graph, facts, node)
            if found is not None:
                yield found

    def _at(self, graph: GraphView, facts: Facts, node: Node) -> Proposal | Refusal | None:
        doubt: Refusal | None = None
        for bound in self._bind({}, ((self.end, node.out()),)):
            answer = self._holds(graph, facts, bound)
            if answer is True:
                try:
                    return self._proposal(graph, facts, node, bound)
                except _NotHereError as e:
                    return Refusal(node, str(e))
            if isinstance(answer, str) and doubt is None:
                doubt = Refusal(node, answer)
        return doubt

    # ---- matching --------------------------------------------------------------------------------------------

    def _bind(self, bound: Bound, todo: Todo) -> Iterator[Bound]:
        """Every way to bind the rest of the pattern."""
        if not todo:
            yield bound
            return
        (text, value), rest = todo[0], todo[1:]
        name, index = reference(text)
        row = self.pattern.get(name)
        if name == ANYTHING:
            yield from self._bind(bound, rest)
        elif row is None or not row.ops:
            if bound.get(name, value) == value and index == 0 and (row is None or _is_value(row, value)):
                yield from self._bind({**bound, name: value}, rest)
        elif value.index == index and bound.get(name, value.node) is value.node:
            for more in () if name in bound else _ways(row, value.node):
                yield from self._bind({**bound, name: value.node}, (*more, *rest))
            if name in bound:
                yield from self._bind(bound, rest)

    def _holds(self, graph: GraphView, facts: Facts, bound: Bound) -> bool | str:
        """True if what is known of dtypes, ranks and readers fits, false if not, else what is not known."""
        doubt = ""
        inside = {n for n in bound.values() if isinstance(n, Node)}
        for name, row in self.pattern.items():
            found = bound[name]
            value = found.out() if isinstance(found, Node) else found
            spec = facts.specs.of(value)
            if row.dtypes and spec.dtype is not DType.INVALID and spec.dtype not in row.dtypes:
                return False
            if row.ranks and spec.shape is not None and len(spec.shape) not in row.ranks:
                return False
            if row.only and (graph.is_output(value.node) or not {u.node for u in graph.uses(value.node)} <= inside):
                return False
            if row.dtypes and spec.dtype is DType.INVALID:
                doubt = f"the dtype of {value.name} is not known"
            if row.ranks and spec.shape is None:
                doubt = f"the rank of {value.name} is not known"
        return doubt or True

    # ---- replacing -------------------------------------------------------------------------------------------

    def _proposal(self, graph: GraphView, facts: Facts, node: Node, bound: Bound) -> Proposal:
        inner = [n for n in bound.values() if isinstance(n, Node) and n is not node]
        self._check(graph, node, inner, bound)
        result = self.result or self.end
        steps = self._new_nodes(facts, node, bound)
        if result in self.replacement:
            row = self.replacement[result]
            steps += become(node, row.op, self._inputs(row, node, bound), self._attrs(row, bound))
            steps.append(StandFor(node, tuple(inner)))
        else:
            value = self._value(result, bound)
            steps += forward(graph, node, value, facts.specs.of(value).dtype)
        looked = [n for v in bound.values() if isinstance(v, Value) for n in path_to_source(v)]
        return propose(node, *steps, touches=(*inner, *looked), note=self.note)

    def _check(self, graph: GraphView, node: Node, inner: Sequence[Node], bound: Bound) -> None:
        """Refuse where the new nodes could run at another time than the old ones, or not give all that is read."""
        waits = next((n for n in inner if n.controls), None)
        if waits is not None:
            raise _NotHereError(f"{waits.name} waits for {waits.controls[0].name}")
        other = reads_other_outputs(graph, node, 1)
        if other is not None:
            raise _NotHereError(f"output {other} of {node.name} is read too")
        lost = sorted(set(self._lost(bound)))
        if lost and graph.by_op(*FLOW_OPS):
            raise _NotHereError(f"{lost[0]} would not be waited for, and may lie in a branch or a loop")

    def _lost(self, bound: Bound) -> Iterator[str]:
        """Values that the pattern reads and the replacement does not, constants aside."""
        read = {reference(t)[0] for row in self.replacement.values() for t in row.inputs} | {reference(self.result)[0]}
        for name, value in bound.items():
            if isinstance(value, Value) and name not in read and array_of(value) is None:
                yield value.name

    def _new_nodes(self, facts: Facts, node: Node, bound: Bound) -> list[Step]:
        """Steps that make every new node but the result, producers first."""
        steps: list[Step] = []
        for name in self._order:
            row, key = self.replacement[name], f"{node.name}/{name}"
            if row.constant is not None:
                dtype = DType.parse(row.dtype) if row.dtype else facts.specs.output(node).dtype
                steps.append(_constant(key, row.constant, dtype or DType.INVALID))
            elif name != (self.result or self.end):
                steps.append(Make(key, row.op, self._inputs(row, node, bound), self._attrs(row, bound)))
        return steps

    @cached_property
    def _order(self) -> tuple[str, ...]:
        done: dict[str, None] = {}
        while len(done) < len(self.replacement):
            for name, row in self.replacement.items():
                needs = {reference(t)[0] for t in row.inputs} & self.replacement.keys()
                if name not in done and needs <= done.keys():
                    done[name] = None
        return tuple(done)

    def _inputs(self, row: NewRow, node: Node, bound: Bound) -> tuple[Ref, ...]:
        return tuple(
            New(f"{node.name}/{reference(t)[0]}", reference(t)[1])
            if reference(t)[0] in self.replacement
            else self._value(t, bound)
            for t in row.inputs
        )

    def _value(self, text: str, bound: Bound) -> Value:
        name, index = reference(text)
        found = bound[name]
        return found.out(index) if isinstance(found, Node) else found

    def _attrs(self, row: NewRow, bound: Bound) -> dict[str, AttrPy]:
        return {key: self._attr(row.op, key, value, bound) for key, value in row.attrs.items()}

    def _attr(self, op: str, key: str, value: Any, bound: Bound) -> AttrPy:
        if not isinstance(value, str) or not value.startswith("$"):
            return literal(op, key, value)
        name, _, attribute = value[1:].partition(".")
        found = bound[name]
        if isinstance(found, Node):
            copied: AttrPy = attr_of(found, attribute)
            if copied is None:
                raise _NotHereError(f"{found.name} has no attribute {attribute}")
            return copied
        array = array_of(found)
        if array is None or not array.size or not (array == array.reshape(-1)[0]).all():
            raise _NotHereError(f"{found.name} is not one number")
        number: bool | int | float = array.reshape(-1)[0].item()
        return literal(op, key, number)


def attr_of(node: Node, key: str) -> Any:
    """Attribute ``key`` of ``node``, or its default in TensorFlow's op definition; ``None`` if neither is known."""
    known = find_op(node.op)
    return node.attr(key, known.defaults.get(key) if known is not None else None)


def literal(op: str, key: str, value: Any) -> AttrPy:
    """A value of a pack file as an attribute of ``op``."""
    if isinstance(value, list):
        return tuple(literal(op, key, v) for v in value)  # type: ignore[misc]  # a list holds no lists
    if isinstance(value, str) and is_dtype_key(op, key):
        return DType.parse(value) or DType.INVALID
    known = find_op(op)
    wants_float = known is not None and isinstance(known.defaults.get(key), float)
    made: AttrPy = float(value) if wants_float and isinstance(value, int) and not isinstance(value, bool) else value
    return made


def _ways(row: PatternRow, node: Node) -> Iterator[Todo]:
    """The ways in which ``node`` can be the one that ``row`` describes: what its inputs must then be."""
    if node.op not in row.ops or not all(_has(node, key, wanted) for key, wanted in row.attrs.items()):
        return
    if row.inputs is None:
        yield ()
    elif len(row.inputs) == len(node.inputs):
        yield tuple(zip(row.inputs, node.inputs, strict=True))
        if row.commutative:
            yield tuple(zip(row.inputs, reversed(node.inputs), strict=True))


def _has(node: Node, key: str, wanted: Any) -> bool:
    found = attr_of(node, key)
    made = literal(node.op, key, wanted)
    if isinstance(made, tuple) and is_dtype_key(node.op, key) and not isinstance(found, tuple):
        return found in made
    return found is not None and type(found) is type(made) and bool(found == made)


def _is_value(row: PatternRow, value: Value) -> bool:
    """True if ``value`` is the constant that ``row`` asks for, where it does."""
    if not row.is_constant:
        return True
    array = array_of(value)
    if row.constant is False or array is None or array.dtype.kind not in "biuf":
        return False
    return _is_equal(row.constant, array) and _lies_between(row, array)


def _is_equal(wanted: Any, array: Array) -> bool:
    """Bit by bit in the array's dtype: 0.0 is not -0.0, and NaN is itself."""
    if wanted is None or wanted is True:
        return True
    made = np.asarray(wanted)
    if made.ndim and made.shape != array.shape:
        return False
    with np.errstate(over="ignore"):
        made = np.broadcast_to(made.astype(array.dtype), array.shape)
    if array.dtype.kind == "f" and not np.array_equal(np.signbit(made), np.signbit(array)):
        return False
    return array.size > 0 and bool(np.array_equal(made, array, equal_nan=array.dtype.kind == "f"))


def _lies_between(row: PatternRow, array: Array) -> bool:
    if row.above is not None and not (array.size and (array > row.above).all()):
        return False
    return row.below is None or bool(array.size and (array < row.below).all())


def _constant(key: str, value: Any, dtype: DType) -> Make:
    kind = dtype.numpy
    if kind is None or kind.kind not in "biuf":
        raise _NotHereError(f"no constant of dtype {dtype.label} can be made")
    return const_step(key, np.asarray(value, dtype=kind), dtype)
