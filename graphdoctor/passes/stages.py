"""Where a graph is cut: parts for the host and parts for an engine, in turns.

Stage 0 runs on the host, stage 1 in an engine, stage 2 on the host, and so on. An op that the target does not run
belongs to a host stage; an op with weights belongs to an engine stage; everything else stays with what it reads, or
goes with the engine that reads it. So an engine gets as long a prefix of the graph as the target can run, less what is
behind its last weights where fewer tensors would leave it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from graphdoctor.errors import InputError
from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.passes.narrowest import narrowest

NETWORK_OPS = frozenset(
    "Conv2D DepthwiseConv2dNative Conv2DBackpropInput Conv3D MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 "
    "Einsum".split()
)
"""Ops with weights: what makes a part of a graph worth an engine."""
_ENTERS, _EXITS = frozenset({"Enter", "RefEnter"}), frozenset({"Exit", "RefExit"})
FLOW_OPS = frozenset(
    "Switch RefSwitch Merge RefMerge Enter RefEnter Exit RefExit NextIteration RefNextIteration LoopCond".split()
)
"""Control flow of TensorFlow 1."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The stage of each live node that depends on an input; the inputs themselves are in none.

    Attributes:
        stage: node -> stage, producers first; even stages are the host's.
        engines: the engine stages that hold something, in order.
    """

    stage: Mapping[Node, int]
    engines: tuple[int, ...]

    def nodes(self, stage: int) -> list[Node]:
        """The nodes of one stage."""
        return [n for n, s in self.stage.items() if s == stage]

    def reads(self, graph: GraphView, stage: int) -> list[Value]:
        """What nodes of ``stage`` read from other stages and from the inputs, in order of reading."""
        fed = {**self.stage, **dict.fromkeys(graph.inputs, -1)}
        values = (v for n in self.nodes(stage) for v in n.inputs if fed.get(v.node, stage) != stage)
        return list(dict.fromkeys(values))

    def gives(self, graph: GraphView, stage: int) -> list[Value]:
        """What ``stage`` computes that later stages, or the user, want; the user's come first."""
        found = {v: None for v in graph.outputs if self.stage.get(v.node) == stage}
        for node in self.nodes(stage):
            for use in graph.uses(node):
                if use.slot >= 0 and self.stage.get(use.node, stage) != stage:
                    found[Value(node, use.index)] = None
        return list(found)


def find_stages(
    graph: GraphView,
    specs: Specs,
    refused: AbstractSet[Node],
    ends: Sequence[Value] = (),
    portable: Callable[[Node], bool] = lambda _: True,
    *,
    loops_run: bool = False,
) -> Stages:
    """Cut ``graph``.

    Args:
        graph: its inputs and outputs are set.
        specs: from inference over it.
        refused: nodes that the target does not run, or of which it cannot be told.
        ends: values behind which everything is the host's; none: the cut is found.
        portable: whether the host could run a node as well.
        loops_run: take loops for work of an engine, to see what stands in front of them.

    Raises:
        InputError: nothing is left for an engine.
    """
    live = _live(graph, specs)
    loops = _loops(graph, live)
    flow = {n for n in live if n in loops or _is_flow(n)}
    host = (live.keys() & refused) - flow if loops_run else (live.keys() & refused) | flow
    if not host and not ends:
        return Stages(dict.fromkeys(live, 1), (1,))
    anchors = {n for n in live if n.op in NETWORK_OPS}
    if ends:
        before = graph.live([v.node for v in ends], controls=False)
        host |= live.keys() - before
        anchors |= {v.node for v in ends}
    stage = _lowest(live, loops, host, anchors)
    if not any(s % 2 for s in stage.values()):
        raise InputError(
            "nothing is left for an engine: no op with weights can be cut out for it",
            where=ends[0].name if ends else "",
            remedy="Name where to cut with --cut NAME, or take another target",
        )
    _with_later(graph, stage, host)
    if not ends:
        _narrow(graph, stage, anchors, portable)
    _with_readers(graph, stage, loops)
    return Stages(stage, tuple(sorted({s for s in stage.values() if s % 2})))


def _is_flow(node: Node) -> bool:
    return node.op in FLOW_OPS or node.op.startswith("TensorArray")


def _live(graph: GraphView, specs: Specs) -> dict[Node, None]:
    """The nodes that the outputs need and whose values hang on an input, producers first."""
    needed, inputs = graph.live(controls=False), frozenset(graph.inputs)
    found: dict[Node, None] = {}
    for node in graph.order().nodes:
        if node not in needed or node in inputs or node.op == "Const":
            continue
        fed = any(v.node in found or v.node in inputs for v in node.inputs)
        known = specs.table.get(node) and all(s.is_known for s in specs.table[node])
        if _is_flow(node) or (fed and not known):
            found[node] = None
    return found


def _loops(graph: GraphView, live: Mapping[Node, None]) -> dict[Node, str]:
    """Node in a loop, exits included -> the name of the outermost loop around it."""
    loop: dict[Node, str] = {}
    for enter in (n for n in live if n.op in _ENTERS):
        if enter in loop:
            continue
        name = f"{enter.attr('frame_name', enter.scope)}"
        depth = {enter: 1}
        stack = [enter]
        while stack:
            node = stack.pop()
            loop[node] = name
            inner = depth[node] - (node.op in _EXITS)
            for user in graph.consumers(node) if inner else ():
                if user in live and user not in depth:
                    depth[user] = inner + (user.op in _ENTERS)
                    stack.append(user)
    return loop


def _lowest(
    live: Mapping[Node, None], loops: Mapping[Node, str], host: AbstractSet[Node], anchors: AbstractSet[Node]
) -> dict[Node, int]:
    """The lowest stage of each node, those of one loop together."""
    stage = dict.fromkeys(live, 0)
    together: dict[str, int] = {}
    is_settled = False
    while not is_settled:  # once more for each loop that something behind it in the order has lifted
        is_settled = True
        for node in live:
            least = max((stage[v.node] for v in node.inputs if v.node in stage), default=0)
            least = max(least, stage[node], together.get(loops.get(node, ""), 0))
            if node in host:
                least += least % 2
            elif node in anchors:
                least += 1 - least % 2
            if node in loops and least > together.get(loops[node], 0):
                together[loops[node]] = least
                is_settled = False
            stage[node] = least
    return stage


def _with_later(graph: GraphView, stage: dict[Node, int], host: AbstractSet[Node]) -> None:
    """What only an engine and later stages read goes into that engine, where the target runs it."""
    for node in reversed(list(stage)):
        readers = [stage[c] for c in graph.consumers(node) if c in stage]
        wanted = stage[node] + 1
        if node not in host and wanted % 2 and readers and min(readers) == wanted and not graph.is_output(node):
            stage[node] = wanted


def _with_readers(graph: GraphView, stage: dict[Node, int], loops: Mapping[Node, str]) -> None:
    """What only one later host stage reads goes there: arrays of tensors, and shapes of what crosses anyway."""
    feeds_engine = any(stage[n] == 0 and any(stage.get(c, 0) % 2 for c in graph.consumers(n)) for n in stage)
    for node in reversed(list(stage)):
        readers = {stage[c] for c in graph.consumers(node) if c in stage}
        if node in loops or graph.is_output(node) or not readers or min(readers) <= stage[node] or min(readers) % 2:
            continue
        if stage[node] % 2:
            continue
        if _is_flow(node) or not any(v.node in stage for v in node.inputs) or not feeds_engine:
            stage[node] = min(readers)


def _narrow(
    graph: GraphView, stage: dict[Node, int], anchors: AbstractSet[Node], portable: Callable[[Node], bool]
) -> None:
    """What is behind the weights of an engine goes to the host where fewer tensors cross so."""
    for engine in sorted({s for s in stage.values() if s % 2}):
        nodes = [n for n in stage if stage[n] == engine]
        fixed: set[Node] = set()
        for node in reversed(nodes):
            if node in anchors or not portable(node) or any(c in fixed for c in graph.consumers(node)):
                fixed.add(node)
        for node in narrowest(graph, nodes, fixed, lambda n, e=engine: stage.get(n, e) > e):  # type: ignore[misc]
            stage[node] = engine + 1
