"""The one engine that applies rewrites: in rounds, checked, until nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphdoctor.findings import Safety
from graphdoctor.ir import Broken, Graph, Node, TensorSpec, broken_invariants, frozen
from graphdoctor.ir.edits import Added
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.surgery.apply import NotApplicableError, apply_proposal
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite
from graphdoctor.targets import Target

MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Applied:
    """A rewrite that was applied at a node."""

    rewrite: str
    safety: Safety
    node: str
    note: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A rewrite that looked as if it applied, and why it did not. ``held_back`` if only --unsafe-fixes was missing."""

    rewrite: str
    node: str
    reason: str
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A rewrite that broke an invariant; everything it did was taken back."""

    rewrite: str
    broken: Broken


@dataclass(slots=True)
class FixResult:
    """What a run of the engine did. ``converged`` is False if rewrites were still applying after MAX_ROUNDS."""

    applied: list[Applied] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    rolled_back: list[RolledBack] = field(default_factory=list)
    rounds: int = 0
    converged: bool = False
    mark: int = 0


def run_rewrites(
    graph: Graph,
    rewrites: Sequence[Rewrite],
    *,
    target: Target | None = None,
    unsafe: bool = False,
    on_round: Callable[[int, int], None] | None = None,
) -> FixResult:
    """Apply ``rewrites`` to ``graph`` until none finds anything.

    In a round each rewrite proposes on the frozen graph and non-overlapping proposals are applied; what they leave
    dead is removed; then the invariants are checked. A rewrite that breaks one is taken back and not asked again.

    Args:
        graph: changed in place; its edit log since ``result.mark`` says how.
        rewrites: in the order of their packs.
        target: what the repairs are for, if one was named.
        unsafe: also apply rewrites whose safety is UNSAFE.
        on_round: called with the round's number and the proposals applied so far.
    """
    result = FixResult(mark=graph.mark())
    engine = _Engine(graph, list(rewrites), target, unsafe, result)
    while result.rounds < MAX_ROUNDS and not result.converged:
        result.rounds += 1
        result.converged = not engine.round()
        if on_round is not None:
            on_round(result.rounds, len(result.applied))
    return result


class _Engine:
    def __init__(
        self, graph: Graph, rewrites: list[Rewrite], target: Target | None, unsafe: bool, result: FixResult
    ) -> None:
        self.graph = graph
        self.rewrites = rewrites
        self.target = target
        self.unsafe = unsafe
        self.result = result
        self.missing = frozenset(n.name for n in graph.missing())
        self.cyclic = bool(graph.order().cyclic)

    def round(self) -> bool:
        """One round over all rewrites; True if something was applied and kept."""
        graph, specs = self.graph, infer_shapes(self.graph)
        mark, outputs = graph.mark(), graph.outputs
        wanted = [specs.of(v) for v in outputs]
        alive = graph.live()
        self.result.refused.clear()
        applied = self._apply_all(self.rewrites, specs)
        if not applied:
            return False
        self._tidy(alive, mark)
        if self._broken(wanted):
            graph.rollback(mark)
            graph.outputs = outputs
            applied = self._one_by_one(specs, wanted)
        self.result.applied += applied
        return bool(applied)

    def _apply_all(self, rewrites: Sequence[Rewrite], specs: Specs) -> list[Applied]:
        used: set[Node] = set()
        applied: list[Applied] = []
        for rewrite in rewrites:
            with frozen(self.graph) as view:
                found = list(rewrite.find(view, Facts(specs, self.target)))
            for item in found:
                if isinstance(item, Refusal):
                    self.result.refused.append(Refused(rewrite.name, item.node.name, item.reason))
                elif self._allowed(rewrite, item) and not used & item.touches:
                    applied += self._apply(rewrite, item, used)
        return applied

    def _allowed(self, rewrite: Rewrite, proposal: Proposal) -> bool:
        if rewrite.safety is Safety.SAFE or (rewrite.safety is Safety.UNSAFE and self.unsafe):
            return True
        hint = "it may change results or the I/O contract; allow it with --unsafe-fixes"
        if rewrite.safety is Safety.MANUAL:
            hint = "it has to be done by hand"
        note = f"{proposal.note}; {hint}" if proposal.note else hint
        self.result.refused.append(Refused(rewrite.name, proposal.node.name, note, held_back=True))
        return False

    def _apply(self, rewrite: Rewrite, proposal: Proposal, used: set[Node]) -> list[Applied]:
        name = proposal.node.name
        try:
            made = apply_proposal(self.graph, proposal)
        except NotApplicableError as e:
            self.result.refused.append(Refused(rewrite.name, name, str(e)))
            return []
        used |= proposal.touches
        used.update(made)
        return [Applied(rewrite.name, rewrite.safety, name, proposal.note)]

    def _tidy(self, alive: set[Node], mark: int) -> None:
        """Remove what was needed at ``mark`` and is not any more, and complete the nodes made since."""
        graph = self.graph
        made = {e.node for e in graph.edits(mark) if isinstance(e, Added)}
        live = graph.live()
        kept = live.union(graph.inputs)
        orphans = [n for n in graph if n not in kept and (n in alive or n in made)]
        for node in orphans:
            graph.set_inputs(node, (), ())
        for node in orphans:
            if not graph.consumers(node):
                graph.remove(node)
        fresh = [n for n in graph if n in made]
        if fresh:
            complete_attrs(graph, fresh)

    def _broken(self, wanted: list[TensorSpec]) -> Broken | None:
        """The first invariant that does not hold, those of the interface included."""
        for broken in broken_invariants(self.graph, allow_missing=self.missing):
            if not (broken.invariant == "acyclic" and self.cyclic):
                return broken
        specs = infer_shapes(self.graph)
        for value, before in zip(self.graph.outputs, wanted, strict=True):
            after = specs.of(value)
            if after.dtype != before.dtype or not _compatible(before, after):
                return Broken("keeps-interface", value.name, f"was {before} and would be {after}")
        return None

    def _one_by_one(self, specs: Specs, wanted: list[TensorSpec]) -> list[Applied]:
        """The round again, rewrite by rewrite, to find and drop the one that breaks an invariant."""
        applied: list[Applied] = []
        for rewrite in list(self.rewrites):
            mark, outputs, alive = self.graph.mark(), self.graph.outputs, self.graph.live()
            done = self._apply_all([rewrite], infer_shapes(self.graph))
            self._tidy(alive, mark)
            broken = self._broken(wanted)
            if broken is None:
                applied += done
                continue
            self.graph.rollback(mark)
            self.graph.outputs = outputs
            self.rewrites.remove(rewrite)
            self.result.rolled_back.append(RolledBack(rewrite.name, broken))
        return applied


def _compatible(before: TensorSpec, after: TensorSpec) -> bool:
    """Equal as far as both are known; nothing that was known may be lost."""
    if before.shape is None:
        return True
    if after.shape is None or len(after.shape) != len(before.shape):
        return False
    return all(b is None or a == b for a, b in zip(after.shape, before.shape, strict=True))
