"""The proof of a cut: each part against TensorFlow's run of the whole graph, on the same seeded inputs.

Every part is given what the whole graph has at its place, and must give what the whole graph gives there. So rounding
in a network cannot make a suppression of boxes choose otherwise, which would say nothing of the cut: each part is right
by itself, and one behind the other they are the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdoctor.compare import Verdict3
from graphdoctor.errors import InputError
from graphdoctor.flows.cut_detector import loaded, sized
from graphdoctor.flows.cutting import Cut
from graphdoctor.flows.verify import Arrays, Side, Verified, VerifyOptions, compare_sides
from graphdoctor.formats.host import Engine, Written
from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes
from graphdoctor.ir import Value
from graphdoctor.runners import run_tensorflow
from graphdoctor.types import Array


@dataclass(frozen=True, slots=True)
class _Whole(Side):
    """The whole graph; keeps what it gave, for the parts to start from."""

    kept: list[list[dict[str, Array]]] = field(default_factory=list)

    def run(self, sets: Sequence[Arrays], fetches: Sequence[str], timeout: float) -> list[dict[str, Array]]:
        """The outputs ``fetches`` for each set of inputs."""
        found = Side.run(self, sets, fetches, timeout)
        self.kept[:] = [[{**given, **outputs} for given, outputs in zip(sets, found, strict=True)]]
        return found


@dataclass(frozen=True, slots=True)
class _Parts(Side):
    """Engines and functions, each on what ``whole`` has at its place."""

    cut: Cut | None = None
    whole: _Whole | None = None

    def run(self, sets: Sequence[Arrays], fetches: Sequence[str], timeout: float) -> list[dict[str, Array]]:
        """What every part gives; each engine is started once for all sets."""
        found: list[dict[str, Array]] = [{} for _ in sets]
        if self.cut is None or self.whole is None:
            return found
        host, number = loaded(self.cut.host), 0
        for part in self.cut.order:
            known = self.whole.kept[0]
            if isinstance(part, Written):
                function = getattr(host, part.function.name)
                made = [function(**{n: one[v.name] for n, v in part.parameters.items()}) for one in known]
            else:
                made = _run_engine(self.cut, number, known, timeout)
                number += 1
            for one, outputs in zip(found, made, strict=True):
                one.update(outputs)
        return [{name: one[name] for name in fetches} for one in found]


def _run_engine(cut: Cut, number: int, known: Sequence[Arrays], timeout: float) -> list[dict[str, Array]]:
    engine = cut.parts[number].engine
    graph = graphdef_bytes(cut.parts[number].graph)
    fed = [{name: one[value.name] for name, value in engine.takes.items()} for one in known]
    found = run_tensorflow(graph, fed, list(engine.gives), timeout=timeout, name=engine.model)
    return [{value.name: one[name] for name, value in engine.gives.items()} for one in found]


def prove_cut(reference: Side, cut: Cut, options: VerifyOptions | None = None) -> Verified:
    """Run the whole graph and its parts on the same inputs.

    Args:
        reference: the graph before it was cut and repaired, in TensorFlow; its bytes are given.
        cut: its parts.
        options: seed, tolerances, data, time limit.

    Raises:
        InputError: the original has no tensor of the name that a part starts or ends with.
        MissingExtraError: TensorFlow is not installed.
        WorkerError: TensorFlow refuses the graph or a part.
    """
    crossing = tuple(dict.fromkeys(v.name for part in cut.order for v in _gives(part)))
    _check_names(reference, crossing)
    whole = _Whole(
        reference.path,
        reference.runner,
        tuple(sized(i) for i in reference.inputs),
        crossing,
        reference.data,
        reference.pinned,
    )
    parts = _Parts(f"{reference.path} (cut)", "cut", whole.inputs, crossing, cut=cut, whole=whole)
    return compare_sides(whole, parts, options or VerifyOptions())


def _gives(part: Written | Engine) -> Sequence[Value]:
    return part.function.gives if isinstance(part, Written) else list(part.gives.values())


def _check_names(reference: Side, names: Sequence[str]) -> None:
    graph = graph_from_bytes(reference.data or b"")
    missing = [n for n in names if graph.value(n).node.is_missing]
    if missing:
        raise InputError(
            f"the graph has no {missing[0]!r} before it is repaired, so that the parts cannot be compared with it",
            where=reference.path,
            remedy="Repair and prove first (fix --verify), then cut what was written",
        )


def is_proven(verified: Verified, cut: Cut) -> bool:
    """True if nothing differs, and every engine and the last function give something that moves with the input.

    Single outputs may stay the same, as a number of rows does; so may functions whose results hang on sizes alone.
    """
    outcomes = {o.name: o.verdict for o in verified.judgement.outputs}
    asked = [part for part in cut.order if isinstance(part, Engine) or part is cut.order[-1]]
    moving = all(any(outcomes.get(v.name) is Verdict3.SAME for v in _gives(part)) for part in asked)
    return moving and Verdict3.DIFFERENT not in outcomes.values()
