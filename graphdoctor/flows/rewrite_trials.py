"""test-rewrites: each rewrite of a folder over the graphs that its author wrote for it, and over graphs near those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.findings import Safety
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.runners import run_each_tensorflow
from graphdoctor.surgery import FixResult, load_rewrites, pack_names, run_rewrites, undo
from graphdoctor.surgery.outside import read_outside
from graphdoctor.surgery.packs import LoadedRewrite, bind
from graphdoctor.surgery.shelf import packs_in
from graphdoctor.surgery.trials import Book, Case, Mutant, completed, described, mutant, mutants, read_cases
from graphdoctor.targets import load_target
from graphdoctor.types import Array

_RTOL = 1e-5
"""Of results where constants were folded; elsewhere they are equal bit by bit."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RewriteTrial:
    """One rewrite on one graph, or on mutants; ``problem`` is empty where it did what it promises."""

    rewrite: str
    case: str
    problem: str = ""


@dataclass(slots=True)
class _Pair:
    """A graph before and after, what both are fed, and whose trial it belongs to."""

    rewrite: str
    case: str
    before: Graph
    after: Graph
    feeds: dict[str, Array]
    rounds: bool
    may_refuse: bool = False
    text: str = ""


@dataclass(slots=True)
class _Trials:
    """What was found so far, by rewrite and case, in order; and what TensorFlow has to run."""

    found: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    pairs: list[_Pair] = field(default_factory=list)

    def add(self, rewrite: str, case: str, problems: Iterable[str]) -> None:
        self.found.setdefault((rewrite, case), []).extend(problems)


def try_rewrites(folder: Path, count: int) -> list[RewriteTrial]:
    """Every rewrite of the packs in ``folder`` over the cases of ``fixtures/<rewrite>.toml`` in it.

    What a case says must come out, the graph must stay sound, a second run must find nothing, it must be possible to
    take it back; and TensorFlow must give the same before and after, on the cases and on ``count`` mutants of them,
    where the rewrite is safe.

    Raises:
        InputError: there is no pack, one is wrong, or a case file is.
        MissingExtraError: TensorFlow is not installed.
    """
    mine = _rewrites_in(folder)
    book = {r.name: r for r in load_rewrites(pack_names()) if isinstance(r, LoadedRewrite)} | mine
    trials = _Trials()
    for name, rewrite in mine.items():
        _try(folder, rewrite, {**book, name: rewrite}, trials, count)
    _run(trials)
    return [RewriteTrial(name, case, "; ".join(found)) for (name, case), found in trials.found.items()]


def _rewrites_in(folder: Path) -> dict[str, LoadedRewrite]:
    whole = folder.resolve()
    package = whole.name if (whole / "__init__.py").is_file() else ""
    files = packs_in(whole, package)
    if not files:
        raise InputError("holds no pack (*.toml)", where=str(folder), remedy="Give the folder of packs of rewrites")
    found: dict[str, LoadedRewrite] = {}
    for file in files:
        for row in read_outside(file).rewrite:
            if row.name in found:
                text = f"the packs {found[row.name].pack} and {file.name} both have a rewrite {row.name!r}"
                raise InputError(text, where=str(file.path), remedy="Give one of them another name")
            found[row.name] = bind(row, file)
    return found


def _try(folder: Path, rewrite: LoadedRewrite, book: Book, trials: _Trials, count: int) -> None:
    path = folder / "fixtures" / f"{rewrite.name}.toml"
    if not path.is_file():
        trials.add(rewrite.name, "cases", [f"there is no fixtures/{rewrite.name}.toml"])
        return
    cases = [c for c in read_cases(path, book) if c.rewrite == rewrite.name]
    for case in cases:
        trials.add(rewrite.name, case.name, _guarded(case, trials))
    if not any(c.fixed for c in cases):
        trials.add(rewrite.name, "cases", ["no case changes anything: one needs fixed = '''...'''"])
    if all(c.fixed for c in cases):
        trials.add(rewrite.name, "cases", ["no case stays as it is: one needs no fixed, and nearly fits"])
    failed = any(problems for (name, _), problems in trials.found.items() if name == rewrite.name)
    if rewrite.safety is Safety.SAFE and not failed:
        trials.add(rewrite.name, f"{count} mutants", _mutated(rewrite.name, cases, trials, count))


def _guarded(case: Case, trials: _Trials) -> list[str]:
    try:
        return list(_problems(case, trials))
    except GraphdoctorError as e:
        return [str(e)]


def _problems(case: Case, trials: _Trials) -> Iterator[str]:
    """What the graph alone tells; numbers come later."""
    graph = case.parsed()
    text, names = sorted(format_graph(graph).splitlines()), [v.name for v in graph.outputs]
    result = case.apply(graph)
    yield from (f"{r.rewrite} was taken back: {r.broken.detail}" for r in result.rolled_back)
    if case.refused and not any(case.refused in r.reason for r in result.refused):
        yield f"no reason has {case.refused!r}; there are {'; '.join(r.reason for r in result.refused) or 'none'}"
    yield from _difference(case, graph, result)
    yield from (f"{b.node} {b.detail}" for b in broken_invariants(graph)[:1])
    yield from (f"{c.node.name}: {c.reason}" for c in infer_shapes(graph).conflicts[:1])
    if [v.name for v in graph.outputs] != names:
        yield "the outputs have other names"
    if case.runs and result.applied:
        trials.pairs.append(_Pair(case.rewrite, case.name, case.parsed(), graph, case.feeds(), case.rounds))
    yield from _repeated(case)
    taken_back = case.parsed()
    undo(taken_back, case.apply(taken_back))
    if sorted(format_graph(taken_back).splitlines()) != text:
        yield "taken back, the graph is another"


def _difference(case: Case, graph: Graph, result: FixResult) -> Iterator[str]:
    """What the graph is and should not be."""
    wanted = completed(case.fixed or case.graph, f"{case.id}: {'fixed' if case.fixed else 'graph'}")
    if case.fixed and not any(a.rewrite == case.rewrite for a in result.applied):
        reasons = "; ".join(r.reason for r in result.refused)
        yield f"it does not apply{f': {reasons}' if reasons else ''}"
        return
    want, have = described(wanted), described(graph)
    lines = {n.name: line for n, line in zip(graph, format_graph(graph).splitlines(), strict=False)}
    missing = [name for name in want if name not in have]
    odd = [lines[name] for name in have if want.get(name) != have[name]]
    if missing:
        yield f"{', '.join(missing[:_SHOWN])} {'is' if len(missing) == 1 else 'are'} not there"
    if odd:
        yield f"not as expected: {' | '.join(odd[:_SHOWN])}"


def _repeated(case: Case) -> Iterator[str]:
    """A second run must find nothing to do."""
    graph = case.parsed()
    case.apply(graph)
    again = case.apply(graph)
    if again.applied:
        yield f"a second run applies {again.applied[0].rewrite} again, at {again.applied[0].node}"


# ---- near the cases --------------------------------------------------------------------------------------


def _mutated(name: str, cases: Sequence[Case], trials: _Trials, count: int) -> Iterator[str]:
    """What is wrong with graphs near the cases before they are run; those that can be are kept."""
    for made in islice(mutants(name, cases), count):
        found = list(_in_mutant(name, made, trials, f"{count} mutants"))
        if found:
            yield f"{found[0]} in\n{format_graph(made.graph)}"
            return


def _in_mutant(name: str, made: Mutant, trials: _Trials, case: str) -> Iterator[str]:
    if infer_shapes(made.graph).conflicts:
        return
    graph, rewrites = mutant(made.case, made.seed, odd=made.odd).graph, made.case.rewrites()
    target = load_target(made.case.target) if made.case.target else None
    result = run_rewrites(graph, rewrites, target=target)
    yield from (f"{r.rewrite} was taken back: {r.broken.detail}" for r in result.rolled_back)
    yield from (f"{b.node} {b.detail}" for b in broken_invariants(graph)[:1])
    again = run_rewrites(graph, rewrites, target=target) if result.applied else FixResult()
    yield from (f"a second run applies {a.rewrite} again, at {a.node}" for a in again.applied[:1])
    if result.applied:
        text = format_graph(made.graph)
        trials.pairs.append(_Pair(name, case, made.graph, graph, made.feeds, made.case.rounds, True, text))


# ---- numbers ---------------------------------------------------------------------------------------------


def _run(trials: _Trials) -> None:
    """Run every pair in TensorFlow; what differs is a problem of its trial, the first of a rewrite's mutants alone."""
    graphs = [graph for pair in trials.pairs for graph in (pair.before, pair.after)]
    feeds = [{n: v for n, v in p.feeds.items() if n in g} for p in trials.pairs for g in (p.before, p.after)]
    fetches = [[v.name for v in graph.outputs] for graph in graphs]
    done = run_each_tensorflow([graphdef_bytes(g) for g in graphs], feeds, fetches) if graphs else []
    for pair, before, after in zip(trials.pairs, done[::2], done[1::2], strict=True):
        found = list(_unequal(pair, before, after))
        told = trials.found[pair.rewrite, pair.case]
        if found and not (pair.text and told):
            told.append(found[0] + (f" in\n{pair.text}" if pair.text else ""))


def _unequal(pair: _Pair, before: dict[str, Array] | str, after: dict[str, Array] | str) -> Iterator[str]:
    if isinstance(before, str):
        if not pair.may_refuse:
            yield f"the graph cannot be run: {before}"
        return
    if isinstance(after, str):
        yield f"the graph after it cannot be run: {after}"
        return
    for name, want in before.items():
        got = after[name]
        if (got.dtype, got.shape) != (want.dtype, want.shape):
            yield f"{name} was {want.dtype}{list(want.shape)} and is {got.dtype}{list(got.shape)}"
        elif not _is_same(want, got, rounds=pair.rounds):
            worst = np.flatnonzero(~_same_elements(want, got, rounds=pair.rounds))[0]
            yield f"{name} was {want.reshape(-1)[worst]} and is {got.reshape(-1)[worst]}, at element {worst}"


def _is_same(want: Array, got: Array, *, rounds: bool) -> bool:
    return bool(_same_elements(want, got, rounds=rounds).all())


def _same_elements(want: Array, got: Array, *, rounds: bool) -> Array:
    """Element by element, flat: equal bit for bit but for what a NaN carries, or to rounding."""
    want, got = want.reshape(-1), got.reshape(-1)
    if want.dtype.kind != "f":
        return np.asarray(want == got)
    both_nan = np.isnan(want) & np.isnan(got)
    if rounds:
        scale = float(np.abs(want[np.isfinite(want)]).max(initial=0))
        return np.asarray(both_nan | np.isclose(got, want, rtol=_RTOL, atol=_RTOL * (1 + scale)))
    return np.asarray(both_nan | ((want == got) & (np.signbit(want) == np.signbit(got))))
