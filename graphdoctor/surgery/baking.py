"""One batch size for good: ``--batch 4``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from graphdoctor.errors import InputError
from graphdoctor.findings import Safety
from graphdoctor.ir import Graph, GraphView, Node, TensorSpec
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery.apply import Snapshot, restore
from graphdoctor.surgery.engine import Applied, FixResult, run_rewrites
from graphdoctor.surgery.finder import Found, NoOptions
from graphdoctor.surgery.proposal import DropAttrs, Facts, Refusal, SetAttr, Step, propose
from graphdoctor.surgery.rewrites.batch import open_batch, open_reshapes
from graphdoctor.surgery.rewrites.common import known_array
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue

BAKE = "bake-batch"
"""What it is called among the rewrites."""
OPENING = ("open-batch", "open-reshapes")
"""Rewrites that leave the batch open: parts of it, and the contrary of the whole."""
_FED = ("Placeholder", "PlaceholderV2")
_SHAPES = "_output_shapes"


@dataclass(frozen=True, slots=True)
class _Step:
    """A rewrite that one ``--batch`` needs."""

    name: str
    finder: Callable[[GraphView, Facts], Found]
    safety: Safety = Safety.UNSAFE

    def find(self, graph: GraphView, facts: Facts) -> Found:
        """As any rewrite."""
        yield from self.finder(graph, facts)


def bake_batch(graph: Graph, size: int) -> FixResult:
    """Give every input of ``graph`` ``size`` items.

    Inputs with an open batch get it as they are; where there are none, a fixed batch is opened first. Numbers for
    another batch in Reshapes become -1 where that is provably right.

    Raises:
        InputError: no input has a batch, or a node cannot work with ``size`` items.
    """
    if not _batched(graph):
        remedy = "Say the inputs with --input NAME[?,224,224,3]"
        raise InputError("no input has a batch", where="--batch", remedy=remedy)
    before = Snapshot.of(graph)
    applied: list[Applied] = []
    for step in _steps(graph, size):
        result = run_rewrites(graph, [step], unsafe=True)
        if result.refused and step.name != OPENING[1]:
            restore(graph, before)
            remedy = f"Export the model for {size} items, or cut it in front of that node with --output"
            raise InputError(result.refused[0].reason, where=f"--batch {size}", remedy=remedy)
        applied += result.applied
    return replace(result, applied=applied, refused=[], mark=before.mark, before=before)


def _steps(graph: Graph, size: int) -> list[_Step]:
    steps = [
        _Step(OPENING[1], lambda graph, facts: _other_reshapes(graph, facts, size)),
        _Step(BAKE, lambda graph, facts: _baked(graph, facts, size)),
    ]
    batches = {_batch(n) for n in _batched(graph)}
    if None in batches or batches == {size}:
        return steps
    return [_Step(OPENING[0], lambda graph, facts: open_batch(graph, facts, NoOptions())), *steps]


def _batched(graph: GraphView) -> list[Node]:
    """The inputs that have a first dimension."""
    return [n for n in graph.inputs if n.op in _FED and isinstance(s := n.attr("shape"), ShapeValue) and s.dims]


def _batch(node: Node) -> int | None:
    """The first dimension of an input; ``None`` if it is open."""
    shape = node.attr("shape")
    return shape.dims[0] if isinstance(shape, ShapeValue) and shape.dims else None


def _other_reshapes(graph: GraphView, facts: Facts, size: int) -> Found:
    for found in open_reshapes(graph, facts, NoOptions()):
        wanted = known_array(facts, found.node.inputs[1])
        if not isinstance(found, Refusal) and wanted is not None and int(wanted.reshape(-1)[0]) != size:
            yield found


def _baked(graph: GraphView, facts: Facts, size: int) -> Found:
    nodes = [n for n in _batched(graph) if _batch(n) is None]
    if not nodes:
        return
    shapes = {n: ShapeValue((size, *n.attr("shape").dims[1:]), n.attr("shape").names) for n in nodes}
    given = {n.name: TensorSpec(n.attr("dtype", DType.INVALID), shape.dims) for n, shape in shapes.items()}
    known = {c.node for c in facts.specs.conflicts}
    conflict = next((c for c in infer_shapes(graph, given).conflicts if c.node not in known), None)
    if conflict is not None:
        yield Refusal(nodes[0], f"{conflict.node.op} {conflict.node.name} does not work with it: {conflict.reason}")
        return
    steps: list[Step] = [SetAttr(node, "shape", shape) for node, shape in shapes.items()]
    steps += [DropAttrs(n, (_SHAPES,)) for n in graph if _SHAPES in n.attrs]
    first, *rest = nodes
    yield propose(first, *steps, touches=tuple(graph), note=f"always {size} items", also=tuple(rest))
