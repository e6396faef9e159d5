"""What takes the place of a loop: copies of its nodes, and where its results are then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.passes.loops.form import Cell, Loop, LoopError, Source, cone, needed
from graphdoctor.passes.loops.lists import LIST_OPS
from graphdoctor.passes.loops.outside import FLOW_SLOT, Outside, why_unknown
from graphdoctor.passes.loops.simulate import Copies, Simulation
from graphdoctor.passes.loops.values import Copy, Out, Ref, Val
from graphdoctor.targets import Target
from graphdoctor.types import Answer, DType
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.words import plural

MOST_NODES = 50_000
"""Nodes that the iterations of a loop may come to: beyond that neither a parser nor a reader gets anywhere."""
Guard = Callable[[Value], frozenset[object]]
"""Under which conditions a value is there; none where it always is."""


@dataclass(frozen=True, slots=True)
class Unrolled:
    """What a loop comes to.

    Attributes:
        trips: how often it runs.
        copies: the nodes to make, producers first.
        results: what is read of the loop now, and what takes its place.
        looked_at: nodes outside of the loop on which it was decided.
        freed: nodes that wait for the loop by control, and what they wait for now.
    """

    trips: int
    copies: tuple[Copy, ...]
    results: tuple[tuple[Value, Ref], ...]
    looked_at: tuple[Node, ...]
    freed: tuple[tuple[Node, tuple[Node | str, ...]], ...] = ()


def unroll(
    graph: GraphView, loop: Loop, specs: Specs, *, acts: Callable[[Node], bool], guard: Guard | None = None
) -> Unrolled:
    """What ``loop`` comes to; ``acts`` says whether a node may have an effect or varies by itself.

    Raises:
        LoopError: its end is not known before the graph runs, or something in it cannot be copied.
    """
    return _Unroller(graph, loop, specs, acts, guard or (lambda value: frozenset())).run()


def why_kept(target: Target | None, nodes: Iterable[Node]) -> str:
    """Why a loop of ``nodes`` stays for ``target``: a detector is recognized by the loop around its suppression."""
    if target is None or target.row("NonMaxSuppression").support is Answer.YES:
        return ""
    found = next((n for n in nodes if n.op.startswith("NonMaxSuppression")), None)
    return "" if found is None else f"it holds {found.op} {found.name}, which the target lacks"


def read_arrays(graph: GraphView, node: Node, specs: Specs) -> Unrolled | None:
    """What ``node`` reads of an array that no loop fills: no iterations, and what takes its place.

    ``None`` where that is not known.
    """
    copies = Copies()
    outside = Outside(graph, specs, copies)
    odd = len(node.inputs) <= FLOW_SLOT.get(node.op, 0) or node.controls or any(u.index > 0 for u in graph.uses(node))
    if odd or not _has_readers(graph, node.out()):
        return None
    try:
        found = outside.read(node)
        ref = None if found is None else copies.ref(found, node)
    except LoopError:
        return None
    if ref is None:
        return None
    results = ((node.out(), ref),)
    return Unrolled(0, _needed(copies, results, []), results, tuple(outside.looked_at))


@dataclass
class _Unroller:
    graph: GraphView
    loop: Loop
    specs: Specs
    acts: Callable[[Node], bool]
    guard: Guard
    copies: Copies = field(default_factory=Copies)

    def run(self) -> Unrolled:
        loop, graph = self.loop, self.graph
        exits = [(value, i) for value, i in loop.exits if self._is_read(value)]
        freed = self._waiting()
        if not exits and not freed:
            raise LoopError("nothing reads what it gives")
        wanted = needed(loop, {i for _, i in exits})
        outside = Outside(graph, self.specs, self.copies)
        tests = needed(loop, set())
        self._open_gates(set(range(len(loop.entries))) if loop.waits_for_all else tests)
        variables = [self._entered(outside, i) if i in tests else Val() for i in range(len(loop.entries))]
        trips = self._trips(list(variables), tests)
        for i in wanted - tests:
            variables[i] = self._entered(outside, i)
        variables = self._iterated(variables, wanted, trips)
        pairs = [pair for value, i in exits for pair in outside.followed(value, self._gated(value, variables[i]))]
        results = tuple((value, ref) for value, ref in pairs if self._is_read(value))
        if not results and not freed:
            raise LoopError("nothing reads what it gives")
        free = tuple((n, (*controls, *self.copies.gates)) for n, controls in freed)
        copies = _needed(self.copies, results, [c for _, controls in free for c in controls if isinstance(c, str)])
        return Unrolled(trips, copies, results, tuple(outside.looked_at), free)

    def _is_read(self, value: Value) -> bool:
        return _has_readers(self.graph, value)

    def _waiting(self) -> list[tuple[Node, tuple[Node, ...]]]:
        """The nodes that wait for the loop by control, and what else they wait for. A loop that only computes ends."""
        ends = {value.node for value, _ in self.loop.exits}
        found = dict.fromkeys(u.node for n in ends for u in self.graph.uses(n) if u.slot < 0)
        acting = next((c.node for c in (*self.loop.test, *self.loop.body) if self._does(c.node)), None)
        if found and acting is not None:
            raise LoopError(f"{next(iter(found)).name} waits for it, and {acting.op} {acting.name} in it has an effect")
        return [(n, tuple(c for c in n.controls if c not in ends)) for n in found]

    def _does(self, node: Node) -> bool:
        return node.op not in LIST_OPS and self.acts(node)

    # ---- conditions -------------------------------------------------------------------------------------------

    def _open_gates(self, awaited: set[int]) -> None:
        """What copies without inputs wait for: the loop runs where all is there that its test reads."""
        values = dict.fromkeys(self.loop.entries[i] for i in sorted(awaited))
        self.open: frozenset[object] = frozenset()
        gates: list[str] = []
        for value in sorted(values, key=lambda v: self.specs.of(v).dtype is DType.VARIANT):
            if not self.guard(value) <= self.open:
                self.open |= self.guard(value)
                key = f"{self.loop.anchor.name}/runs{len(gates) or ''}"
                attrs: dict[str, AttrPy] = {"T": self._dtype(value)}
                self.copies.made[key] = Copy(key, "Identity", (value,), attrs, (), value.node)
                gates.append(key)
        self.copies.gates = (*gates, *self.loop.controls)

    def _dtype(self, value: Value) -> DType:
        found = self.specs.of(value).dtype
        if found is DType.INVALID:
            raise LoopError(f"the dtype of {value.name} is not known")
        return found

    def _entered(self, outside: Outside, number: int) -> Val:
        value = self.loop.entries[number]
        found = outside.entered(value)
        if found.known is not None and not self.guard(value) <= self.open:
            return Val(type(found.spec)(found.spec.dtype, found.spec.shape), found.ref)
        return found

    def _gated(self, value: Value, result: Val) -> Val:
        """``result``, which is there only where the loop has run."""
        if not self.copies.gates or result.items is not None or result.handle is not None:
            return result
        attrs: dict[str, AttrPy] = {"T": self._dtype(value) if result.known is None else result.spec.dtype}
        node = value.node
        return self.copies.add(f"{node.name}/result", "Identity", [result], attrs, node, self.copies.gates)[0]

    # ---- iterations -------------------------------------------------------------------------------------------

    def _trips(self, variables: list[Val], tests: set[int]) -> int:
        """How often the loop runs: it is run with what its test depends on alone."""
        simulation = self._simulation(Copies(self.copies.gates, parted=dict(self.copies.parted)))
        body = cone(self.loop.body, [self.loop.nexts[i] for i in sorted(tests)])[0]
        trips = 0
        while self._goes_on(simulation, variables, trips):
            self._step(simulation, variables, body, tests, trips)
            trips += 1
        return trips

    def _iterated(self, variables: list[Val], wanted: set[int], trips: int) -> list[Val]:
        body = cone(self.loop.body, [self.loop.nexts[i] for i in sorted(wanted)])[0]
        if trips * len(body) > MOST_NODES:
            times, nodes = plural(trips, "time"), plural(len(body), "node")
            raise LoopError(f"it runs {times} over {nodes}, which comes to more than {MOST_NODES:,}")
        simulation = self._simulation(self.copies)
        for turn in range(trips):
            self._step(simulation, variables, body, wanted, turn)
        return variables

    def _simulation(self, copies: Copies) -> Simulation:
        outputs: dict[Node, int] = {}
        sources: list[Source] = [s for c in (*self.loop.body, *self.loop.test) for s in c.inputs]
        for source in (*sources, *self.loop.nexts, self.loop.go_on):
            if not isinstance(source, int):
                outputs[source[0]] = max(outputs.get(source[0], 1), source[1] + 1)
        return Simulation(copies, LIST_OPS, self.acts, outputs, MOST_NODES)

    def _goes_on(self, simulation: Simulation, variables: list[Val], turn: int) -> bool:
        simulation.run(self.loop.test, variables, turn)
        found = simulation.get(self.loop.go_on, variables).known
        if found is None:
            raise LoopError(self._why_open(simulation, variables))
        if found.shape:
            raise LoopError("what says whether it goes on is not one bool")
        return bool(found)

    def _step(
        self, simulation: Simulation, variables: list[Val], body: list[Cell], wanted: set[int], turn: int
    ) -> None:
        """``variables`` become those of the next iteration."""
        simulation.run(body, variables, turn)
        following = {i: simulation.get(self.loop.nexts[i], variables) for i in wanted}
        for i, value in following.items():
            variables[i] = value

    def _why_open(self, simulation: Simulation, variables: list[Val]) -> str:
        """Where the first value comes from that the test reads and that is not known."""
        cells = {c.node: c for c in self.loop.test}
        source = self.loop.go_on
        while not isinstance(source, int):
            unknown = [s for s in cells[source[0]].inputs if simulation.get(s, variables).known is None]
            if not unknown:
                return f"its end depends on {source[0].name}, whose value is not known"
            source = unknown[0]
        found = variables[source]
        if isinstance(found.ref, Out):
            made = {**self.copies.made, **simulation.copies.made}
            origin = made[found.ref.key].origin
            return f"its end depends on {origin.name}, which every iteration computes anew"
        return f"its end depends on {why_unknown(self.loop.entries[source], self.specs)}"


def _needed(copies: Copies, results: tuple[tuple[Value, Ref], ...], others: list[str]) -> tuple[Copy, ...]:
    """The copies that the results and ``others`` need, in the order in which they were made."""
    made, found = copies.made, set[str]()
    waiting = others + [ref.key for _, ref in results if isinstance(ref, Out)]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += _behind(made[key])
    return tuple(copy for key, copy in made.items() if key in found)


def _has_readers(graph: GraphView, value: Value) -> bool:
    return value in graph.outputs or any(u.slot >= 0 for u in graph.uses(value.node, value.index))


def _behind(copy: Copy) -> Iterator[str]:
    yield from (r.key for r in copy.inputs if isinstance(r, Out))
    yield from (c for c in copy.controls if isinstance(c, str))
