"""What a proof in parts came to: over what was compared part by part, and over what that cannot show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.compare import Comparison, Judgement, OutputJudgement, Sensitivity, Verdict3
from graphdoctor.ir import Graph, Node
from graphdoctor.match.choosing import enclosed
from graphdoctor.passes.changed import changed_nodes, covered
from graphdoctor.passes.frontier import Frontier, upstream
from graphdoctor.types import Array

Arrays = Mapping[str, Array]
_SHOWN = 3


@dataclass(slots=True)
class Seen:
    """What is known of one tensor: how the repaired graph's compares with the original's, and whether that moves."""

    comparisons: list[Comparison] = field(default_factory=list)
    moves: Sensitivity | None = None

    @property
    def worst(self) -> Comparison:
        """The comparison that is furthest off."""
        return min(self.comparisons, key=lambda c: (c.passed, -c.n_mismatched, -c.max_abs))

    @property
    def moved(self) -> bool:
        """True if the original's moved between two of the sets of values that were tried."""
        return self.moves is not None and self.moves.moves


@dataclass(frozen=True, slots=True)
class Part:
    """The tensors of one level, those that were cut or the last outputs, and the largest differences there."""

    tensors: tuple[str, ...]
    max_abs: float
    max_rel: float


@dataclass(frozen=True, slots=True)
class InParts:
    """What a proof in parts came to.

    Attributes:
        judgement: over the outputs, each compared where the cuts before it have the same values in both graphs.
        choosing: nodes that choose.
        parts: level by level, where all are equal.
        trials: sets of values that parts were compared on.
        notes: how outputs differ end to end, and what could not be shown, in words.
    """

    judgement: Judgement
    choosing: int
    parts: tuple[Part, ...] = ()
    trials: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that was compared; tensors by their name in the original.

    ``names``: what they are called in the repaired graph. ``levels``: of cuts, and of the outputs that are none.
    ``trials``: sets of values that parts were compared on.
    """

    before: Graph
    after: Graph
    found: Frontier
    names: Mapping[str, str]
    levels: Sequence[tuple[str, ...]]
    seen: Mapping[str, Seen]
    trials: int
    notes: tuple[str, ...] = ()

    def refused(self, reason: str, verdict: Verdict3 = Verdict3.INCONCLUSIVE) -> InParts:
        """No proof, and why."""
        return InParts(Judgement(verdict, reason, self._outputs()), self.found.choosing, notes=self.notes)

    def judged(self) -> InParts:
        """Equal only if every part is, and everything that was changed lies in one that could have differed."""
        wrong = next((k for level in self.levels for k in level if self.seen[k].comparisons and self._differs(k)), None)
        if wrong is not None:
            return self._different(wrong)
        outputs = self._outputs()
        verdict, reason = self._shown(outputs)
        parts = tuple(_part(level, [self.seen[k].worst for k in level]) for level in self.levels)
        return InParts(Judgement(verdict, reason, outputs), self.found.choosing, parts, self.trials, self.notes)

    def _differs(self, tensor: str) -> bool:
        return not self.seen[tensor].worst.passed

    def _different(self, tensor: str) -> InParts:
        reason = f"{self.names[tensor]}, with the same values in front of it: {self.seen[tensor].worst.reason}"
        if self.found.lost:
            lost = ", ".join(self.found.lost[:_SHOWN])
            return self.refused(f"the repaired graph has no {lost}, where it would have to be cut; {reason}")
        return self.refused(reason, Verdict3.DIFFERENT)

    def _outputs(self) -> tuple[OutputJudgement, ...]:
        keys = {after: before for before, after in self.names.items()}
        return tuple(self._output(v.name, self.seen[keys[v.name]]) for v in self.after.outputs if v.name in keys)

    def _output(self, name: str, seen: Seen) -> OutputJudgement:
        if not seen.comparisons:
            return OutputJudgement(name, Verdict3.INCONCLUSIVE, "a part before it differs", None, seen.moves)
        worst = seen.worst
        if not worst.passed:
            return OutputJudgement(name, Verdict3.DIFFERENT, worst.reason, worst, seen.moves)
        if seen.moved:
            return OutputJudgement(name, Verdict3.SAME, "", worst, seen.moves)
        if worst.max_abs:
            text = "off by rounding, and it does not move: equality shows nothing"
            return OutputJudgement(name, Verdict3.INCONCLUSIVE, text, worst, seen.moves)
        text = "equal to the bit, and the same on everything that was tried"
        return OutputJudgement(name, Verdict3.SAME, text, worst, seen.moves)

    def _shown(self, outputs: Sequence[OutputJudgement]) -> tuple[Verdict3, str]:
        """What equality of all parts shows."""
        odd = next((o for o in outputs if o.verdict is not Verdict3.SAME), None)
        if odd is not None:
            return Verdict3.INCONCLUSIVE, f"{odd.name}: {odd.reason}"
        if not any(o.sensitivity is not None and o.sensitivity.moves for o in outputs):
            return Verdict3.INCONCLUSIVE, "no output moves on anything that was tried: equality shows nothing"
        left = self._left_out()
        if left:
            text = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else "")
            return Verdict3.INCONCLUSIVE, f"nothing that was compared and moves depends on what was changed: {text}"
        return Verdict3.SAME, ""

    def _left_out(self) -> list[str]:
        """Nodes that were changed and lie in no part whose result could have differed; nodes that lie in none at all.

        A cut that hears of no input has one value at all, so that this being equal is proof.
        """
        inside = enclosed(self.after)
        cuts = frozenset(self.after.value(cut.after) for cut in self.found.cuts)
        fixed = {cut.before for cut in self.found.fixed}
        told, any_part = set[Node](), set[Node]()
        for key, name in self.names.items():
            part = upstream([self.after.value(name).node], cuts)[0]
            any_part |= part
            if self.seen[key].moved or key in fixed:
                told |= part
        changed = changed_nodes(self.before, self.after, enclosed(self.before), inside)
        skipped = self.after.live(controls=False) - any_part
        return sorted(n.name for n in (changed - covered(changed, told, inside)) | skipped)


def _part(tensors: tuple[str, ...], worst: Iterable[Comparison]) -> Part:
    worst = list(worst)
    return Part(tensors, max((c.max_abs for c in worst), default=0.0), max((c.max_rel for c in worst), default=0.0))


def end_to_end(name: str, expected: Array, actual: Array, found: Comparison) -> str:
    """In words how an output differs where nothing is fed within: rows that change places, or others."""
    if expected.shape != actual.shape or expected.ndim < 2:
        share = f"{found.n_mismatched} of {found.size} elements" if expected.shape == actual.shape else "the shape"
        return f"end to end {share} of {name} {'differ' if found.size else 'differs'}"
    first, second = (_rows(a) for a in (expected, actual))
    near = found.tolerance.atol + found.tolerance.rtol * np.abs(first.astype(np.float64))
    others = np.flatnonzero((np.abs(first.astype(np.float64) - second) > near).any(axis=1))
    moved = sorted(map(tuple, np.round(first[others], 3).tolist())) == sorted(
        map(tuple, np.round(second[others], 3).tolist())
    )
    return f"end to end {len(others)} of {len(first)} rows of {name} {'change places' if moved else 'are others'}"


def _rows(array: Array) -> Array:
    """One row for each item: what lies behind the batch where that is 1."""
    items = array.shape[1] if array.shape[0] == 1 and array.ndim > 1 else array.shape[0]
    return array.reshape(items, -1)
