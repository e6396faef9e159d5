"""A proof in parts, for graphs with ops that choose: end to end, rounding alone can make them choose otherwise.

Both graphs are cut in front of what chooses and behind it (:mod:`graphdoctor.passes.frontier`). Each cut, and each
output, is compared where the cuts before it have the same values in both graphs. So each part of the repaired graph is
held against the original by itself: on what the original has there, on what the repaired graph has there, and on values
that are made up. Nothing is fed that was not compared where it is made, so no node is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphdoctor.compare import compare_arrays, sensitivity
from graphdoctor.compare.closeness import rounding_of, spread_of
from graphdoctor.compare.made_up import Kind, made_up
from graphdoctor.flows.part_runs import Arrays, PartModel, Question
from graphdoctor.flows.parts_judged import Compared, InParts, Seen, end_to_end
from graphdoctor.passes.frontier import Frontier, frontier
from graphdoctor.types import Array


@dataclass(frozen=True, slots=True)
class Asked:
    """What to compare on, and how: two sets of inputs, tolerances (``None``: of the dtype), seconds for each run.

    ``exact``: nothing that was applied rounds, so that cuts must be equal to the bit.
    """

    sets: Sequence[Arrays]
    rtol: float | None = None
    atol: float | None = None
    timeout: float = 600.0
    seed: int = 0
    exact: bool = False


def prove_in_parts(before: PartModel, after: PartModel, asked: Asked) -> InParts | None:
    """Compare in parts; ``None`` where nothing chooses, or nothing can be cut.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        WorkerError: it crashed or ran out of time.
    """
    found = frontier(before.graph, after.graph)
    if not found.levels:
        return None
    names = {cut.before: cut.after for cut in found.cuts}
    last = tuple(v.name for v in after.graph.outputs if v.name not in names.values())
    levels = [tuple(cut.before for cut in level) for level in found.levels] + ([last] if last else [])
    names |= {name: name for name in last}
    before = replace(before, names={name: name for name in names})
    return _Proof(before, replace(after, names=names), asked, found, levels).run()


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a graph has at every tensor, fed ``inputs`` and made-up values at the level before ``start``."""

    inputs: Arrays
    values: Mapping[str, Array]
    start: int = 1


class _RefusedError(Exception):
    """TensorFlow does not run one of the graphs as a whole; :attr:`_Proof.refusal` says why."""


@dataclass(slots=True)
class _Proof:
    """Tensors go by their name in the original."""

    before: PartModel
    after: PartModel
    asked: Asked
    found: Frontier
    levels: list[tuple[str, ...]]
    seen: dict[str, Seen] = field(init=False)
    spreads: dict[str, float] = field(default_factory=dict)
    trials: int = 0
    refusal: str = ""

    def __post_init__(self) -> None:
        self.seen = {name: Seen() for name in self.before.names}

    def run(self) -> InParts:
        """Part by part on the original's values; if all are equal, on the repaired graph's and on made-up ones too."""
        notes: tuple[str, ...] = ()
        try:
            originals = self._plain()
            repaired = self._on_originals(originals)
            notes = self._ends(originals, repaired)
            if self._all_equal() and not self.refusal:
                self._on_others(originals, repaired)
        except _RefusedError:
            pass
        if self.refusal and self._all_equal():
            return self._compared(notes).refused(f"not every part runs: {self.refusal}")
        return self._compared(notes).judged()

    def _all_equal(self) -> bool:
        return all(c.passed for seen in self.seen.values() for c in seen.comparisons)

    def _compared(self, notes: tuple[str, ...] = ()) -> Compared:
        graphs = self.before.graph, self.after.graph
        return Compared(*graphs, self.found, self.after.names, self.levels, self.seen, self.trials, notes)

    # ---- asking ---------------------------------------------------------------------------------------------

    def _plain(self) -> list[_Trial]:
        """What the original has everywhere, for each set of inputs."""
        wanted = tuple(self.before.names)
        done = self._ask(self.before, [Question(one, {}, wanted) for one in self.asked.sets])
        trials = [_Trial(one, _present(values)) for one, values in zip(self.asked.sets, done, strict=True)]
        self.spreads = {name: spread_of(trials[0].values[name], trials[1].values[name]) for name in wanted}
        self._note_moves(trials[0].values, trials[1].values)
        return trials

    def _on_originals(self, originals: Sequence[_Trial]) -> list[_Trial]:
        """The repaired graph by itself, its first part compared, and its other parts on what the original has."""
        wanted = tuple(self.after.names)
        plain = [Question(one.inputs, {}, wanted) for one in originals]
        asked = [(trial, level) for trial in originals for level in self._levels(trial)]
        done = self._ask(self.after, [*plain, *(self._question(*pair) for pair in asked)])
        for trial, values in zip(originals, done, strict=False):
            self._compare(trial.values, _present(values), self.levels[0])
        for (trial, level), values in zip(asked, done[len(plain) :], strict=True):
            if values is not None:
                self._compare(trial.values, values, self.levels[level])
        self.trials += len(originals)
        return [_Trial(one.inputs, _present(values)) for one, values in zip(originals, done, strict=False)]

    def _on_others(self, originals: Sequence[_Trial], repaired: Sequence[_Trial]) -> None:
        """The original's parts on what the repaired graph has; the repaired graph's on what is made up."""
        made = list(self._made_up(originals[0]))
        asked = [(trial, level) for trial in repaired for level in self._levels(trial)]
        questions = [Question(t.inputs, t.values, self._wanted(t)) for t in made]
        done = self._ask(self.before, [*questions, *(self._question(*pair) for pair in asked)], may_refuse=len(made))
        for (trial, level), values in zip(asked, done[len(made) :], strict=True):
            if values is not None:
                self._compare(values, trial.values, self.levels[level])
        full = [replace(t, values={**t.values, **v}) for t, v in zip(made, done, strict=False) if v is not None]
        pairs = [(trial, level) for trial in full for level in self._worth_asking(trial, originals[0])]
        for (trial, level), values in zip(
            pairs, self._ask(self.after, [self._question(*p) for p in pairs]), strict=True
        ):
            if values is not None:
                self._compare(trial.values, values, self.levels[level])
        self.trials += len(repaired) + len(full)

    def _made_up(self, base: _Trial) -> Iterator[_Trial]:
        """For each level of cuts, values in the place of its floats that hear of an input; what is before stays."""
        fixed = {cut.before for cut in self.found.fixed}
        for level in range(len(self.found.levels)):
            free = [k for k in self.levels[level] if k not in fixed and base.values[k].dtype.kind == "f"]
            known = {k: base.values[k] for one in self.levels[: level + 1] for k in one}
            if free and level + 1 < len(self.levels):
                made = {k: made_up(self._kind(k), k, base.values[k], self.asked.seed) for k in free}
                yield _Trial(base.inputs, {**known, **made}, level + 1)

    def _kind(self, name: str) -> Kind:
        """Little to choose from in front of what chooses; behind it, a choice that was never made."""
        return "others" if name in self.found.behind else "few"

    def _levels(self, trial: _Trial) -> range:
        return range(trial.start, len(self.levels))

    def _worth_asking(self, trial: _Trial, base: _Trial) -> Iterator[int]:
        """The two levels behind what was made up, what chooses and what takes the choice; of others, those where a
        tensor moves that did not before.
        """
        for level in self._levels(trial):
            still = [k for k in self.levels[level] if not self.seen[k].moved]
            self._note_moves(base.values, {k: trial.values[k] for k in still})
            if level < trial.start + 2 or any(self.seen[k].moved for k in still):
                yield level

    def _wanted(self, trial: _Trial) -> tuple[str, ...]:
        return tuple(k for level in self._levels(trial) for k in self.levels[level])

    def _question(self, trial: _Trial, level: int) -> Question:
        known = {k: trial.values[k] for one in self.levels[:level] for k in one}
        return Question(trial.inputs, known, self.levels[level])

    def _ask(
        self, model: PartModel, questions: Sequence[Question], may_refuse: int = 0
    ) -> list[Mapping[str, Array] | None]:
        """Answers, ``None`` where TensorFlow runs it not, as it may the first ``may_refuse``: those are made up."""
        found = model.ask(questions, self.asked.timeout)
        self.refusal = self.refusal or next((one for one in found[may_refuse:] if isinstance(one, str)), "")
        return [None if isinstance(one, str) else one for one in found]

    # ---- comparing ------------------------------------------------------------------------------------------

    def _compare(self, expected: Arrays, actual: Arrays, names: Sequence[str]) -> None:
        """Cuts by the rounding that they may have; outputs, those that are cuts too, by the tolerance asked for."""
        cuts = {cut.before for cut in self.found.cuts}
        outputs = {v.name for v in self.after.graph.outputs}
        for name in names:
            first, second = expected[name], actual[name]
            if name in cuts:
                atol = 0.0 if self.asked.exact else rounding_of(first, self.spreads[name])
                self.seen[name].comparisons.append(compare_arrays(first, second, 0.0, atol))
            if self.after.names[name] in outputs:
                self.seen[name].comparisons.append(compare_arrays(first, second, self.asked.rtol, self.asked.atol))

    def _note_moves(self, first: Arrays, second: Arrays) -> None:
        outputs = {v.name for v in self.after.graph.outputs}
        for name, value in second.items():
            rounding = (0.0, rounding_of(first[name], self.spreads[name]))
            if not self.seen[name].moved:
                asked = (self.asked.rtol, self.asked.atol) if self.after.names[name] in outputs else rounding
                self.seen[name].moves = sensitivity(first[name], value, *asked)

    def _ends(self, originals: Sequence[_Trial], repaired: Sequence[_Trial]) -> tuple[str, ...]:
        """How the outputs differ where nothing is fed within, and by how much what is chosen among."""
        notes: dict[str, str] = {}
        keys = {after: before for before, after in self.after.names.items()}
        for output in (v.name for v in self.after.graph.outputs):
            for one, other in zip(originals, repaired, strict=True):
                first, second = one.values[keys[output]], other.values[keys[output]]
                found = compare_arrays(first, second, self.asked.rtol, self.asked.atol)
                if not found.passed:
                    notes.setdefault(output, end_to_end(output, first, second, found))
        return tuple(notes.values())


def _present(values: Mapping[str, Array] | None) -> Mapping[str, Array]:
    if values is None:
        raise _RefusedError
    return values
