"""A call of a library function, as the steps that put the function's body in its place.

A call runs when all its inputs are there, and runs nothing where one of them is dead. So that the body does the same,
what reads no input of the call waits for it by control where the call waits for something, or lies in a branch or loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.bodies import Body, BodyError, BodyNode, Source, filled
from graphdoctor.match.names import REF_SOURCES
from graphdoctor.surgery.proposal import Awaited, Drop, Make, New, Ref, ReplaceValue, SetInputs, Step
from graphdoctor.surgery.rewrites.common import become
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder, AttrPy
from graphdoctor.words import plural


class Call(NamedTuple):
    """A node that stands for a function: which, with which attributes, on which of its inputs."""

    node: Node
    function: str
    attrs: Mapping[str, AttrPy]
    inputs: tuple[Value, ...]


def inlined(graph: GraphView, call: Call, body: Body, *, guarded: bool) -> tuple[Step, ...]:
    """Steps that put ``body`` in the place of ``call``. ``guarded``: it may not run, or runs more than once.

    Raises:
        BodyError: the call does not fit the function.
    """
    if len(call.inputs) != len(body.arguments):
        takes = plural(len(body.arguments), "tensor")
        raise BodyError(f"{call.function} takes {takes} and is given {len(call.inputs)}")
    return _Inliner(graph, call, body, guarded).steps()


@dataclass
class _Inliner:
    graph: GraphView
    call: Call
    body: Body
    guarded: bool
    made: list[Step] = field(default_factory=list)
    arguments: list[Ref] = field(default_factory=list)
    gate: tuple[Awaited, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        self._open_gate()
        for node in self.body.nodes:
            self._make(node)
        return (*self.made, *self._ends())

    def _key(self, name: str) -> str:
        return f"{self.call.node.name}/{name}"

    # ---- inputs -----------------------------------------------------------------------------------------------

    def _open_gate(self) -> None:
        """What the body reads for its arguments, and what waits for them all."""
        controls = self.call.node.controls
        for (name, said), value in zip(self.body.arguments.items(), self.call.inputs, strict=True):
            held = self.guarded or controls or value.node.op in REF_SOURCES
            self.arguments.append(self._held(name, value, said, controls) if held else value)
        self.gate = controls
        if not self.guarded:
            return
        first = [r for r in self.arguments if isinstance(r, New)]
        self.gate = (*first,) or controls
        if len(first) > 1:
            for i, (name, said) in enumerate(self.body.arguments.items()):
                others = tuple(r for r in first if r is not first[i])
                self.arguments[i] = self._held(f"{name}/ready", first[i], said, others)

    def _held(self, name: str, ref: Ref, said: DType | AttrPlaceholder, controls: tuple[Awaited, ...]) -> New:
        self.made.append(Make(self._key(name), "Identity", (ref,), {"T": self._dtype(said)}, controls))
        return New(self._key(name))

    # ---- nodes ------------------------------------------------------------------------------------------------

    def _make(self, node: BodyNode) -> None:
        inputs = tuple(map(self._ref, node.inputs))
        controls: tuple[Awaited, ...] = tuple(New(self._key(name)) for name in node.controls)
        if not inputs and not controls:
            controls = self.gate
        attrs = {key: self._filled(value) for key, value in node.attrs.items()}
        self.made.append(Make(self._key(node.name), node.op, inputs, attrs, controls, node.device))

    def _ref(self, source: Source) -> Ref:
        return self.arguments[source] if isinstance(source, int) else New(self._key(source[0]), source[1])

    def _filled(self, value: AttrPy) -> AttrPy:
        return filled(value, self.call.attrs, self.body.defaults, self.call.function)

    # ---- results ----------------------------------------------------------------------------------------------

    def _ends(self) -> Iterator[Step]:
        """The results in the place of the call's outputs; it stays in name where something must wait for it."""
        node, results = self.call.node, tuple(map(self._ref, self.body.results))
        awaited = tuple(New(self._key(name)) for name in self.body.awaited)
        if any(u.index >= len(results) for u in self.graph.uses(node) if u.slot >= 0):
            raise BodyError(f"an output is read that {self.call.function} does not have")
        stays = self.graph.is_output(node) or any(u.slot < 0 for u in self.graph.uses(node))
        if not awaited and not stays:
            yield from (ReplaceValue(node.out(i), ref) for i, ref in enumerate(results))
            yield Drop(node)
            return
        types = tuple(map(self._dtype, self.body.types))
        op = "NoOp" if not results else "Identity" if len(results) == 1 else "IdentityN"
        attrs: dict[str, AttrPy] = {} if not results else {"T": types[0] if len(results) == 1 else types}
        yield from become(node, op, results, attrs)
        yield SetInputs(node, results, awaited or (node.controls if not results else ()))

    def _dtype(self, said: DType | AttrPlaceholder) -> DType:
        dtype = self._filled(said)
        if not isinstance(dtype, DType) or dtype is DType.INVALID:
            raise BodyError(f"the dtype of what {self.call.function} takes or gives is not known")
        return dtype
