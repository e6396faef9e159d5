"""What predicates are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from graphdoctor.ir import GraphView, Node, TensorSpec, Value
from graphdoctor.match.results import CannotTell
from graphdoctor.ops.reshape import is_flatten
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


class EngineRank(NamedTuple):
    """Dimensions of a value in an engine with an implicit batch, which does not count.

    Attributes:
        rank: their number, ``None`` where it cannot be told.
        flat: True behind a Reshape to [N,K]: enough for FullyConnected, not known for others.
        arithmetic: True for arithmetic on constants and shapes, which is no layer of the network.
        moot: True behind an op that no target with an implicit batch runs, or an input of unknown rank: what cannot
            be told there need not be said.
        why: what cannot be told, or what makes it so.
    """

    rank: int | None
    flat: bool = False
    arithmetic: bool = False
    moot: bool = False
    why: str = ""


class SupportTable(Protocol):
    """Answers whether a target runs a node; fits :class:`graphdoctor.match.support.Judge`."""

    def support(self, node: Node, target: Target) -> Support:
        """Whether ``target`` runs ``node``, and why."""

    def is_constant(self, node: Node) -> bool:
        """True if folding makes a constant of output 0 of ``node``."""

    def engine_rank(self, value: Value) -> EngineRank:
        """How many dimensions ``value`` has in an engine with an implicit batch."""

    def is_flatten(self, node: Node) -> bool:
        """True for a Reshape that its scope turns into a Flatten."""

    def is_near_output(self, node: Node) -> bool:
        """True if what ``node`` gives is an output of the graph, as it is or behind ops that keep its dimensions."""

    def layout(self, value: Value) -> str | CannotTell:
        """``NHWC`` or ``NCHW``, for a value of four dimensions."""


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

    def is_flatten(self, node: Node) -> bool:
        """True for a Reshape of which NVIDIA's converter makes a Flatten."""
        return is_flatten(node) if self.judge is None else self.judge.is_flatten(node)
