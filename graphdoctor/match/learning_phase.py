"""The switch between training and inference that TensorFlow 1 leaves in a graph.

::

    phase ---------------+--> Switch(phase, phase) -> Identity (switch_t, switch_f)
        \\-> Identity -----+--> Switch(x, pred) --true--> ... --\\
                                             \\--false-> ... ---> Merge -> y

Keras feeds it from ``keras_learning_phase``, slim from ``is_training`` or ``phase_train``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.constants import small_constant, uses_through
from graphdoctor.match.results import NoMatch
from graphdoctor.types import DType

SWITCH_OPS = frozenset({"Switch", "RefSwitch"})
MERGE_OPS = frozenset({"Merge", "RefMerge"})
BRANCH_OPS = frozenset({"If", "StatelessIf"})
PHASE_OPS = ("Placeholder", "PlaceholderWithDefault", "PlaceholderV2")
_PASSES_ON = frozenset({"Identity", "LogicalNot"})


@dataclass(frozen=True, slots=True)
class LearningPhaseMatch:
    """A boolean input that selects training or inference.

    Attributes:
        phase: the placeholder.
        default: its default where it has one that is constant, else ``None``.
        switches: the Switch nodes whose predicate it is, in file order.
        branches: If nodes whose predicate it is.
        merges: the Merge nodes that join what those switches part.
    """

    phase: Node
    default: bool | None
    switches: tuple[Node, ...]
    branches: tuple[Node, ...]
    merges: tuple[Node, ...]


def learning_phase(graph: GraphView, node: Node) -> LearningPhaseMatch | NoMatch:
    """``node`` as the placeholder of a learning phase."""
    if node.op not in PHASE_OPS:
        return NoMatch(f"{node.op} is no placeholder", node.name)
    if node.attr("dtype") is not DType.BOOL:
        return NoMatch("it is not boolean", node.name)
    switches: dict[Node, None] = {}
    branches: dict[Node, None] = {}
    for user, slot in uses_through(graph, node.out(), _PASSES_ON):
        if user.op in SWITCH_OPS and slot == 1:
            switches[user] = None
        elif user.op in BRANCH_OPS and slot == 0:
            branches[user] = None
    if not switches and not branches:
        return NoMatch("no Switch and no If reads it as its predicate", node.name)
    return LearningPhaseMatch(node, _default(node), tuple(switches), tuple(branches), tuple(_merges(graph, switches)))


def learning_phases(graph: GraphView) -> Iterator[LearningPhaseMatch]:
    """Every learning phase of the graph, in file order."""
    for node in graph.by_op(*PHASE_OPS):
        found = learning_phase(graph, node)
        if isinstance(found, LearningPhaseMatch):
            yield found


def _default(node: Node) -> bool | None:
    if node.op != "PlaceholderWithDefault" or not node.inputs:
        return None
    array = small_constant(node.inputs[0])
    return bool(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def _merges(graph: GraphView, switches: dict[Node, None]) -> Iterator[Node]:
    """Merges that are reached from ``switches`` before another merge is."""
    waiting, seen = list(switches), set(switches)
    while waiting:
        node = waiting.pop()
        for user in graph.consumers(node):
            if user in seen:
                continue
            seen.add(user)
            if user.op in MERGE_OPS:
                yield user
            else:
                waiting.append(user)
