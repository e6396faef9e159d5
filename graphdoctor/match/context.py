"""What predicates are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.targets import Target
from graphdoctor.types import Support


class SpecTable(Protocol):
    """What inference found; fits ``passes.infer_shapes.Specs``."""

    @property
    def table(self) -> Mapping[Node, tuple[TensorSpec, ...]]:
        """Node to what is known of each output; nothing for a node that contradicts itself."""

    def of(self, value: Value) -> TensorSpec:
        """What is known of ``value``."""

    def output(self, node: Node, index: int = 0) -> TensorSpec:
        """What is known of output ``index`` of ``node``."""

    def inputs(self, node: Node) -> tuple[TensorSpec, ...]:
        """What is known of each data input of ``node``."""


class SupportTable(Protocol):
    """Answers whether a target runs a node; fits :class:`graphdoctor.match.support.Judge`."""

    def support(self, node: Node, target: Target) -> Support:
        """Whether ``target`` runs ``node``, and why."""

    def is_constant(self, node: Node) -> bool:
        """True if folding makes a constant of output 0 of ``node``."""


@dataclass(frozen=True, slots=True)
class MatchContext:
    """The graph, what is known of its values, and the target in question.

    ``target`` is ``None`` for questions that do not depend on one; ``judge`` is ``None`` where no target is judged
    (a rewrite that only looks for a pattern).
    """

    graph: GraphView
    specs: SpecTable
    target: Target | None = None
    judge: SupportTable | None = None
