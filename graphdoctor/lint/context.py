"""What checks are given, and what they give back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.context import MatchContext
from graphdoctor.match.kinds import Kind
from graphdoctor.match.support import Judge
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.targets import Target
from graphdoctor.words import plural

_NONE_BOUND: Mapping[str, Node] = MappingProxyType({})


class Hit(NamedTuple):
    """A place where a rule is broken, or where it could not tell.

    Attributes:
        node: where.
        reason: what was seen; fills ``{reason}`` of the message.
        certain: False where it could not be told; ``reason`` is then what is missing.
        target: the only target concerned; ``None`` is every target that the rule is about.
        case: which of the rule's ``fixes`` applies; empty is its ``fix``.
        covers: other nodes that are part of the same trouble.
        covers_node: False where the node itself may have other trouble, which another rule should tell.
        bound: further nodes that the message may name.
    """

    node: Node
    reason: str
    certain: bool = True
    target: Target | None = None
    case: str = ""
    covers: tuple[Node, ...] = ()
    covers_node: bool = True
    bound: Mapping[str, Node] = _NONE_BOUND


def counted(hits: Iterable[tuple[Hit, Target | None]]) -> list[tuple[Hit, Target | None]]:
    """One hit for those that say the same of a target with the same certainty: the first, with how many there are."""
    groups: dict[tuple[str, bool, str], list[Hit]] = {}
    targets: dict[str, Target | None] = {}
    for hit, target in hits:
        name = "" if target is None else target.name
        targets[name] = target
        groups.setdefault((name, hit.certain, hit.case), []).append(hit)
    return [(_one_of(group), targets[name]) for (name, _, _), group in groups.items()]


def _one_of(group: Sequence[Hit]) -> Hit:
    first, rest = group[0], group[1:]
    if not rest:
        return first
    covers = tuple(n for h in rest for n in (h.node, *h.covers))
    reason = f"{first.reason} ({plural(len(rest), 'more node')})"
    return first._replace(reason=reason, covers=(*first.covers, *covers))


@dataclass(frozen=True, slots=True)
class CheckContext:
    """One graph under the rules.

    Attributes:
        graph: frozen.
        specs: what inference found.
        live: the nodes that the outputs depend on; all nodes where the outputs are not known.
        targets: those that the rule is about.
        judge: whether a target runs a node.
        shared: what checks keep for each other during one run.
    """

    graph: GraphView
    specs: Specs
    live: AbstractSet[Node]
    targets: Sequence[Target]
    judge: Judge
    shared: dict[str, Any] = field(default_factory=dict)

    def live_nodes(self, *ops: str) -> Iterator[Node]:
        """The live nodes of ``ops``, by the op index."""
        return (n for n in self.graph.by_op(*ops) if n in self.live)

    def kinds(self, target: Target) -> Mapping[Kind, list[Node]]:
        """The live nodes by what ``target`` can ask of them; the same for all targets with one parser."""
        key = f"kinds of {target.parser}"
        if key not in self.shared:
            found: dict[Kind, list[Node]] = {}
            for node in self.graph:
                if node in self.live:
                    found.setdefault(self.judge.kind(node, target), []).append(node)
            self.shared[key] = found
        kinds: Mapping[Kind, list[Node]] = self.shared[key]
        return kinds

    def narrowed_to(self, targets: Sequence[Target]) -> CheckContext:
        """The same for other targets."""
        return replace(self, targets=targets)

    def match(self, target: Target | None = None) -> MatchContext:
        """What predicates are given."""
        return MatchContext(self.graph, self.specs, target, self.judge)


Check = Callable[..., Iterator[Hit]]
"""``check(ctx, **args)``: what a module of ``lint/checks`` has."""
Args = Mapping[str, Any]
