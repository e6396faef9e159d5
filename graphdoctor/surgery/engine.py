"""The one engine that applies rewrites: in rounds, checked, until nothing changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from graphdoctor.findings import Safety
from graphdoctor.ir import Broken, Graph, Node, frozen
from graphdoctor.ir.edits import Added
from graphdoctor.match.frames import nodes_in_loops
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.surgery.apply import NotApplicableError, Snapshot, apply_proposal, restore
from graphdoctor.surgery.contract import Contract
from graphdoctor.surgery.outside import is_outside, place_in, said
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite, SetOp
from graphdoctor.surgery.tidy import drop_stale_colocation, remove_orphans, remove_unread
from graphdoctor.targets import Target

MAX_ROUNDS = 100
"""Rounds in a row that may pass without the graph becoming smaller than ever before."""
MAX_REPEATS = 12
"""A rewrite that was applied so often at one node in such rounds goes round in circles."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A rewrite that was applied at a node; ``safety`` is that of this place.

    ``new_outputs``: the graph has other outputs since.
    """

    rewrite: str
    safety: Safety
    node: str
    note: str
    new_outputs: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A rewrite that looked as if it applied, and why it did not. ``held_back`` if only --unsafe-fixes was missing."""

    rewrite: str
    node: str
    reason: str
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A rewrite that broke an invariant or never came to an end; what it did was taken back."""

    rewrite: str
    broken: Broken


@dataclass(slots=True)
class FixResult:
    """What a run of the engine did.

    Attributes:
        applied: in order; one for each node that a proposal was about.
        refused: what still looked as if it applied at the end.
        rolled_back: rewrites that were taken back; ``applied`` does not list what they did in that round.
        rounds: rounds in all, those that were taken back included.
        converged: False if rewrites were still applying when the engine gave up.
        mark: place in the graph's edit log before the first change.
        before: the graph's state before the first change, for :func:`undo`.
    """

    applied: list[Applied] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    rolled_back: list[RolledBack] = field(default_factory=list)
    rounds: int = 0
    converged: bool = False
    mark: int = 0
    before: Snapshot | None = None


def run_rewrites(
    graph: Graph,
    rewrites: Sequence[Rewrite],
    *,
    target: Target | None = None,
    unsafe: bool = False,
    on_round: Callable[[int, int], None] | None = None,
) -> FixResult:
    """Apply ``rewrites`` to ``graph`` until none finds anything.

    In a round each rewrite proposes on the frozen graph, and the proposals that touch nothing which was changed in
    this round are applied, the earlier rewrites first; what they leave dead is removed; then the invariants are
    checked. A rewrite that breaks
    one is taken back and not asked again. If rewrites go on for ever, everything is taken back and done again
    without the last one of those.

    Args:
        graph: changed in place; its edit log since ``result.mark`` says how.
        rewrites: in the order of their packs.
        target: what the repairs are for, if one was named.
        unsafe: also apply what is unsafe.
        on_round: called with the round's number and the proposals applied so far.
    """
    before = Snapshot.of(graph)
    result = FixResult(mark=before.mark, before=before)
    engine = _Engine(graph, list(rewrites), target, unsafe, result)
    while not result.converged:
        result.rounds += 1
        result.converged = not engine.round()
        if on_round is not None:
            on_round(result.rounds, len(result.applied))
        if not result.converged and engine.circles():
            engine.start_again()
    engine.finish()
    return result


def undo(graph: Graph, result: FixResult) -> None:
    """Take back everything that the run which gave ``result`` did, inputs and outputs included."""
    if result.before is not None:
        restore(graph, result.before)


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
        self.start = Snapshot.of(graph)
        self.repeats: Counter[tuple[str, str]] = Counter()
        self.last: list[set[tuple[str, str]]] = []
        self.retyped: set[Node] = set()
        self.smallest = len(graph)
        self._specs: tuple[int, Specs] | None = None

    def specs(self) -> Specs:
        """What is known of the graph as it is now; inferred once per version."""
        if self._specs is None or self._specs[0] != self.graph.version:
            self._specs = (self.graph.version, infer_shapes(self.graph))
        return self._specs[1]

    def round(self) -> bool:
        """One round over all rewrites; True if something was applied and kept, or a rewrite was given up."""
        before, kept = Snapshot.of(self.graph), len(self.rewrites)
        contract, alive = Contract.of(self.graph, self.specs()), self.graph.live()
        self.result.refused.clear()
        applied = self._apply_all(self.rewrites, alive)
        if not applied:
            return False
        if self._broken(before, contract, alive, applied):
            restore(self.graph, before)
            applied = self._one_by_one()
        self._note_progress({(a.rewrite, a.node) for a in applied})
        self.result.applied += applied
        return bool(applied) or len(self.rewrites) < kept

    def _apply_all(self, rewrites: Sequence[Rewrite], alive: set[Node]) -> list[Applied]:
        specs, used, reserved = self.specs(), set[Node](), set[Node]()
        in_loop: Callable[[Node], bool] | None = None
        if self.graph.by_op("Enter", "RefEnter"):
            in_loop = nodes_in_loops(self.graph).__contains__
        applied: list[Applied] = []
        for rewrite in rewrites:
            mark = self.graph.mark()
            found = self._found(rewrite, specs)
            for item in found:
                if isinstance(item, Refusal):
                    self.result.refused.append(Refused(rewrite.name, item.node.name, item.reason))
                elif self._allowed(rewrite, item):
                    if used.isdisjoint(item.touches) and reserved.isdisjoint(item.changes):
                        applied += self._apply(rewrite, item, used, alive, in_loop)
                    else:
                        # It comes first in the next round: what it was decided on stays as it is till then.
                        reserved |= item.touches
            remove_unread(self.graph, mark, alive)
        return applied

    def _found(self, rewrite: Rewrite, specs: Specs) -> list[Proposal | Refusal]:
        """What ``rewrite`` proposes; one of others that raises proposes nothing, and is not asked again."""
        if any(r.rewrite == rewrite.name for r in self.result.rolled_back):
            return []
        with frozen(self.graph) as view:
            try:
                found = list(rewrite.find(view, Facts(specs, self.target)))
            except Exception as e:
                if not is_outside(rewrite):
                    raise
                self._failed(rewrite, e)
                return []
        odd = next((f for f in found if not isinstance(f, Proposal | Refusal)), None) if is_outside(rewrite) else None
        if odd is not None:
            self._failed(rewrite, TypeError(f"it yields {odd!r}, which is neither a Proposal nor a Refusal"))
            return []
        return found

    def _failed(self, rewrite: Rewrite, error: Exception) -> None:
        where = place_in(error, "")
        detail = f"{said(error)} at {where}" if where else said(error)
        self.result.rolled_back.append(RolledBack(rewrite.name, Broken("runs", "", detail)))

    def _allowed(self, rewrite: Rewrite, proposal: Proposal) -> bool:
        safety = _safety(rewrite, proposal)
        if safety is Safety.SAFE or (safety is Safety.UNSAFE and self.unsafe):
            return True
        hint = f"{proposal.unsafe or 'it may change results or the I/O contract'}; allow it with --unsafe-fixes"
        if safety is Safety.MANUAL:
            hint = "it has to be done by hand"
        note = f"{proposal.note}; {hint}" if proposal.note else hint
        self.result.refused.append(Refused(rewrite.name, proposal.node.name, note, held_back=True))
        return False

    def _apply(
        self,
        rewrite: Rewrite,
        proposal: Proposal,
        used: set[Node],
        alive: set[Node],
        in_loop: Callable[[Node], bool] | None,
    ) -> list[Applied]:
        safety, names = _safety(rewrite, proposal), [n.name for n in (proposal.node, *proposal.also)]
        before = Snapshot.of(self.graph)
        try:
            made = apply_proposal(self.graph, proposal, in_loop=in_loop)
        except NotApplicableError as e:
            self.result.refused.append(Refused(rewrite.name, names[0], str(e)))
            return []
        except Exception as e:
            if not is_outside(rewrite):
                raise
            restore(self.graph, before)
            self._failed(rewrite, e)
            return []
        if is_outside(rewrite):
            self.retyped |= {s.node for s in proposal.steps if isinstance(s, SetOp)}
        used |= proposal.changes
        used.update(made)
        if proposal.has_new_outputs:
            remove_orphans(self.graph, alive | {*made})
        return [Applied(rewrite.name, safety, n, proposal.note, proposal.has_new_outputs) for n in names]

    def _broken(
        self, before: Snapshot, contract: Contract, alive: set[Node], applied: Sequence[Applied]
    ) -> Broken | None:
        """Tidy up after proposals were applied, and say which invariant does not hold."""
        made = {e.node for e in self.graph.edits(before.mark) if isinstance(e, Added)}
        remove_orphans(self.graph, alive | made)
        fresh = [n for n in self.graph if n in made or n in self.retyped] if made or self.retyped else []
        specs = self.specs()
        if fresh:
            complete_attrs(self.graph, fresh, specs)
            self._specs = (self.graph.version, specs)
        loose = any(a.safety is not Safety.SAFE for a in applied)
        if any(a.new_outputs for a in applied):
            contract = replace(contract, outputs=None)
        foreign = {r.name for r in self.rewrites if is_outside(r)}
        return contract.broken(
            self.graph,
            specs,
            missing=self.missing,
            cyclic=self.cyclic,
            inputs_may_change=loose,
            outputs_may_be_unknown=any(a.safety is not Safety.SAFE and a.rewrite in foreign for a in applied),
        )

    def _one_by_one(self) -> list[Applied]:
        """The round again, rewrite by rewrite, to find and drop the one that breaks an invariant."""
        self.result.refused.clear()
        applied: list[Applied] = []
        for rewrite in list(self.rewrites):
            before, alive = Snapshot.of(self.graph), self.graph.live()
            contract = Contract.of(self.graph, self.specs())
            done = self._apply_all([rewrite], alive)
            broken = self._broken(before, contract, alive, done) if done else None
            if broken is None:
                applied += done
            else:
                restore(self.graph, before)
                self._give_up(rewrite, broken)
        return applied

    def _give_up(self, rewrite: Rewrite, broken: Broken) -> None:
        self.rewrites.remove(rewrite)
        self.result.refused = [r for r in self.result.refused if r.rewrite != rewrite.name]
        self.result.rolled_back.append(RolledBack(rewrite.name, broken))

    # ---- rewrites that never end ------------------------------------------------------------------------------

    def _note_progress(self, applied: set[tuple[str, str]]) -> None:
        if len(self.graph) < self.smallest:
            self.smallest = len(self.graph)
            self.repeats.clear()
            self.last.clear()
        self.last.append(applied)
        self.repeats.update(applied)

    def circles(self) -> bool:
        """True if the rewrites seem to go on for ever."""
        return len(self.last) >= MAX_ROUNDS or max(self.repeats.values(), default=0) >= MAX_REPEATS

    def start_again(self) -> None:
        """Take everything back and give up a rewrite: of those still applied, the busiest, the last in order."""
        rounds = Counter(name for seen in self.last for name in {r for r, _ in seen})
        still = set().union(*self.last[-2:])
        busiest = max(rounds[name] for name, _ in still)
        guilty = {(r, n) for r, n in still if rounds[r] >= busiest - 1}
        rewrite = next(r for r in reversed(self.rewrites) if any(r.name == name for name, _ in guilty))
        node = min(n for name, n in guilty if name == rewrite.name)
        count = len(self.last)
        restore(self.graph, self.start)
        self.result.applied.clear()
        self._give_up(rewrite, Broken("converges", node, f"was still being changed after {count} rounds"))
        self.repeats.clear()
        self.last.clear()
        self.smallest = len(self.graph)

    def finish(self) -> None:
        """What is left to do once nothing applies any more."""
        if self.graph.mark() > self.start.mark:
            drop_stale_colocation(self.graph)


def _safety(rewrite: Rewrite, proposal: Proposal) -> Safety:
    """That of the place where it differs from that of the rewrite."""
    if rewrite.safety is Safety.MANUAL:
        return Safety.MANUAL
    if proposal.unsafe:
        return Safety.UNSAFE
    return Safety.SAFE if proposal.safe else rewrite.safety
