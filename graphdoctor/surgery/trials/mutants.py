"""Cases of a rewrite, changed at random in what a precondition must look at.

A mutant is the graph of a case with, now and then, further readers and outputs in the middle of what is rewritten,
control edges, copies and Identities between its nodes, sizes that are not known, and NaN, infinities and zeros of both
signs among what is fed and in the constants.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphdoctor.ir import Graph, Node, Value
from graphdoctor.ir.text import format_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery.trials.cases import Case
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import FuncRef, ShapeValue
from graphdoctor.wire.tensors import Tensor

SPECIAL = (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 3e38, 1e-30)
"""Nothing denormal: kernels of TensorFlow differ in whether they take that for zero."""
FLOW = frozenset("Switch Merge Enter Exit NextIteration LoopCond RefSwitch RefMerge".split())
NO_VALUE = frozenset("NoOp Assert PrintV2".split())
_SMALL = 4096
_MOST = 4


@dataclass(frozen=True)
class Mutant:
    """A changed graph, what it is fed, the case it was, and how it can be made again."""

    case: Case
    graph: Graph
    feeds: dict[str, Array]
    seed: str
    odd: bool

    def __str__(self) -> str:
        return f"{self.case.id} with seed {self.seed!r}\n{format_graph(self.graph)}\nfed {self.feeds}"


def mutants(rewrite: str, every: Sequence[Case], *, odd: bool = True) -> Iterator[Mutant]:
    """Endlessly mutants of ``every`` case of ``rewrite``, the same at each call; none if no case can be run.

    ``odd``: with NaN, infinities and the like, where the rewrite folds nothing.
    """
    cases = [c for c in every if _usable(c)]
    weights = [3 if c.fixed else 1 for c in cases]
    number = 0
    while any(c.fixed for c in cases):
        seed = f"{rewrite}/{number}"
        rng = random.Random(seed)
        yield mutant(rng.choices(cases, weights)[0], seed, odd=odd)
        number += 1


def mutant(case: Case, seed: str, *, odd: bool = True) -> Mutant:
    """The mutant of ``case`` that belongs to ``seed``."""
    rng = random.Random(f"{seed}/{case.id}")
    graph, feeds = case.parsed(), case.feeds()
    for _ in range(rng.randint(0, _MOST)):
        rng.choice(_CHANGES)(rng, graph)
    if odd and not case.rounds:
        for change in (_odd_constant, _odd_feed):
            if rng.random() < 0.4:
                change(rng, graph, feeds)
    return Mutant(case, graph, feeds, seed, odd)


def _usable(case: Case) -> bool:
    if case.skip_run or case.onednn or (case.unsafe and not (case.same or not case.fixed)):
        return False
    graph = case.parsed()
    if graph.missing() or graph.order().cyclic or not graph.outputs or not _values(graph):
        return False
    if not all(_can_feed(case, n) for n in graph.by_op("Placeholder")):
        return False
    library = graph.source.library.function if graph.source is not None else ()
    known = {f.signature.name for f in library}
    called = [v for n in graph for value in n.attrs.values() for v in (value if isinstance(value, tuple) else (value,))]
    return all(v.name in known for v in called if isinstance(v, FuncRef))


def _can_feed(case: Case, node: Node) -> bool:
    """True if the case says, or lets be guessed, what the placeholder ``node`` is fed."""
    dtype, shape = node.attr("dtype"), node.attr("shape")
    if not isinstance(dtype, DType) or dtype.numpy is None or dtype is DType.STRING:
        return False
    return node.name in (*case.values, *case.feed) or (isinstance(shape, ShapeValue) and shape.dims is not None)


# ---- changes ---------------------------------------------------------------------------------------------


def _values(graph: Graph) -> list[Value]:
    known = infer_shapes(graph)
    nodes = [n for n in graph if n.op not in FLOW | NO_VALUE]
    return [n.out() for n in nodes if known.output(n).dtype.numpy is not None]


def _reader(rng: random.Random, graph: Graph) -> None:
    """One more reader, whose result is an output."""
    value = rng.choice(_values(graph))
    copy = _copy(rng, graph, value, "Identity")
    graph.outputs = (*graph.outputs, copy.out())


def _output(rng: random.Random, graph: Graph) -> None:
    """A node in the middle is an output too."""
    value = rng.choice(_values(graph))
    if value not in graph.outputs:
        graph.outputs = (*graph.outputs, value)


def _copy(rng: random.Random, graph: Graph, value: Value, op: str) -> Node:
    dtype = infer_shapes(graph).of(value).dtype
    return graph.add(op, graph.unique_name(f"mutant{rng.randrange(1000)}"), [value], {"T": dtype})


def _between(rng: random.Random, graph: Graph) -> None:
    """An Identity on one edge."""
    value = rng.choice(_values(graph))
    uses = [u for u in graph.uses(value.node) if u.slot >= 0 and u.index == 0 and u.node.op not in FLOW]
    if uses:
        use = rng.choice(uses)
        graph.set_input(use.node, use.slot, _copy(rng, graph, value, rng.choice(["Identity", "StopGradient"])).out())


def _control(rng: random.Random, graph: Graph) -> None:
    """A node waits for one that comes earlier."""
    if graph.by_op(*FLOW):
        return
    nodes = list(graph.order().nodes)
    if len(nodes) > 1:
        first, second = sorted(rng.sample(range(len(nodes)), 2))
        waits = nodes[second]
        if nodes[first] not in waits.controls:
            graph.set_inputs(waits, waits.inputs, (*waits.controls, nodes[first]))


def _twin(rng: random.Random, graph: Graph) -> None:
    """A node twice; one of its readers, if any, reads the second."""
    node = rng.choice(_values(graph)).node
    if node.op == "Placeholder":
        return
    attrs = dict(node.attrs.items())
    twin = graph.add(node.op, graph.unique_name(node.name), list(node.inputs), attrs, controls=list(node.controls))
    uses = [u for u in graph.uses(node) if u.slot >= 0 and u.node.op not in FLOW]
    if uses:
        use = rng.choice(uses)
        graph.set_input(use.node, use.slot, Value(twin, use.index))
    else:
        graph.outputs = (*graph.outputs, twin.out())


def _unknown(rng: random.Random, graph: Graph) -> None:
    """A dimension of an input is not known."""
    node = rng.choice(graph.by_op("Placeholder")) if graph.by_op("Placeholder") else None
    shape = node.attr("shape") if node is not None else None
    if node is not None and isinstance(shape, ShapeValue) and shape.dims:
        at = rng.randrange(len(shape.dims))
        graph.set_attr(node, "shape", ShapeValue(tuple(None if i == at else d for i, d in enumerate(shape.dims))))


_CHANGES: tuple[Callable[[random.Random, Graph], None], ...] = (_reader, _output, _between, _control, _twin, _unknown)


def _odd_constant(rng: random.Random, graph: Graph, feeds: dict[str, Array]) -> None:
    for node in graph.by_op("Const"):
        tensor = node.attr("value")
        floats = isinstance(tensor, Tensor) and tensor.dtype in (DType.FLOAT, DType.DOUBLE)
        if floats and 0 < tensor.element_count <= _SMALL and rng.random() < 0.5:
            graph.set_attr(node, "value", Tensor.from_array(_odd(rng, tensor.array()), tensor.dtype))


def _odd_feed(rng: random.Random, graph: Graph, feeds: dict[str, Array]) -> None:
    for name, value in feeds.items():
        if value.dtype.kind == "f" and value.size:
            feeds[name] = _odd(rng, value)


def _odd(rng: random.Random, array: Array) -> Array:
    changed = np.array(array)
    for _ in range(rng.randint(1, 3)):
        with np.errstate(over="ignore"):  # in half precision 3e38 is one more infinity
            changed.reshape(-1)[rng.randrange(changed.size)] = rng.choice(SPECIAL)
    return changed
