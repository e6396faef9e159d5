"""Safe means safe: on graphs near the cases of each safe rewrite, TensorFlow gives the same before and after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pytest

from graphdoctor.findings import Safety
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import Rewrite, load_rewrites, run_rewrites
from graphdoctor.surgery.trials import Mutant, mutant
from graphdoctor.targets import load_target
from graphdoctor.types import Array
from tests.ops.harness import _plain_config, tensorflow, tf_graph_def
from tests.surgery.cases import all_cases, all_rewrites, mutants

COUNT = int(os.environ.get("GRAPHDOCTOR_MUTANTS", "100"))
"""Graphs per safe rewrite; 2000 find more, and take half an hour."""
SAFE = sorted(name for name, r in all_rewrites().items() if r.safety is Safety.SAFE and next(mutants(name), None))
RANDOM = {"remove-dropout"}
"""Rewrites around random numbers, which no two runs share."""
SAME = sorted(
    name
    for name, r in all_rewrites().items()
    if r.safety is Safety.UNSAFE and name not in RANDOM and any(c.same for c in all_cases() if c.rewrite == name)
)
"""Unsafe ones that give the same numbers to rounding, where these are finite."""
Results = dict[str, Array]


@dataclass(frozen=True)
class Pair:
    """A mutant, and its graph after the rewrites."""

    mutant: Mutant
    fixed: Graph


@pytest.mark.tensorflow
@pytest.mark.parametrize("rewrite", [*SAFE, *SAME])
def test_near_its_cases_it_changes_no_result(rewrite: str) -> None:
    unsafe = rewrite in SAME
    pairs = [p for m in islice(mutants(rewrite, odd=not unsafe), COUNT) if (p := rewritten(m)) is not None]
    done = evaluated(pairs)
    folds = unsafe or all_rewrites()[rewrite].row.rounds_constants
    compared = 0
    for pair, results in zip(pairs, done, strict=True):
        if results is not None:
            compare(pair, *results, folds=folds)
            compared += 1
    assert compared, "no mutant could be run"


@pytest.mark.tensorflow
@pytest.mark.parametrize("part", range(4))
def test_all_safe_rewrites_together_change_no_result(part: int) -> None:
    everything = load_rewrites(["all-safe"])
    found = [m for name in SAFE[part::4] for m in islice(mutants(name, odd=False), max(COUNT // 10, 1))]
    pairs = [p for m in found if (p := rewritten(m, everything)) is not None]
    for pair, results in zip(pairs, evaluated(pairs), strict=True):
        if results is not None:
            compare(pair, *results, folds=True)


def rewritten(found: Mutant, rewrites: Sequence[Rewrite] | None = None) -> Pair | None:
    """The pair, checked for what needs no run; ``None`` where the mutation made no sense or nothing applies.

    ``rewrites``: those of the case where none are given.
    """
    if infer_shapes(found.graph).conflicts:
        return None
    graph = mutant(found.case, found.seed, odd=found.odd).graph
    names = [v.name for v in graph.outputs]
    target = load_target(found.case.target) if found.case.target else None
    unsafe = found.case.unsafe and rewrites is None
    rewrites = found.case.rewrites() if rewrites is None else rewrites
    result = run_rewrites(graph, rewrites, target=target, unsafe=unsafe)
    assert (result.converged, result.rolled_back, broken_invariants(graph)) == (True, [], []), found
    assert [v.name for v in graph.outputs] == names, found
    if not result.applied:
        return None
    again = run_rewrites(graph, rewrites, target=target, unsafe=unsafe)
    assert (again.applied, graph.diff(again.mark)) == ([], []), found
    return Pair(found, graph)


def evaluated(pairs: Sequence[Pair]) -> list[tuple[Results, Results] | None]:
    """Both graphs of each pair run; ``None`` where TensorFlow refuses the first one. All at once, halved on errors."""
    if not pairs:
        return []
    try:
        return list(run(pairs))
    except errors():
        if len(pairs) > 1:
            middle = len(pairs) // 2
            return evaluated(pairs[:middle]) + evaluated(pairs[middle:])
    try:
        run(pairs, after=False)
    except errors():
        return [None]
    return list(run(pairs))  # what fails now, fails after the rewrites only


def errors() -> Any:
    """What TensorFlow raises for graphs that it cannot import or run."""
    return ValueError, TypeError, tensorflow().errors.OpError


def run(pairs: Sequence[Pair], *, after: bool = True) -> list[tuple[Results, Results]]:
    """The outputs of all graphs, in one session: each graph under a name of its own."""
    tf = tensorflow()
    message, fed, wanted = tf.GraphDef(), {}, {}
    message.versions.producer = 1286
    for i, pair in enumerate(pairs):
        sides = [("a", pair.mutant.graph), ("b", pair.fixed if after else pair.mutant.graph)]
        for side, graph in sides:
            prefix, single = f"{side}{i}/", functions_renamed(tf_graph_def(graph), f"{side}{i}_")
            message.node.extend(prefixed(node, prefix) for node in single.node)
            message.library.function.extend(single.library.function)
            fed.update({f"{prefix}{k}:0": v for k, v in pair.mutant.feeds.items() if k in graph})
            wanted.update({(i, side, v.name): f"{prefix}{long(v.name)}" for v in graph.outputs})
    with tf.Graph().as_default() as made:
        tf.import_graph_def(message, name="")
        with tf.Session(graph=made, config=_plain_config()) as session:
            got = session.run(wanted, fed)
    results: list[tuple[Results, Results]] = [({}, {}) for _ in pairs]
    for (i, side, name), value in got.items():
        results[i][side == "b"][name] = np.asarray(value)
    return results


def functions_renamed(message: Any, prefix: str) -> Any:
    """``message`` with ``prefix`` in front of the names of its functions."""
    functions = message.library.function
    for function in functions:
        function.signature.name = prefix + function.signature.name
    for node in (*message.node, *(n for f in functions for n in f.node_def)) if functions else ():
        for value in node.attr.values():
            kind = value.WhichOneof("value")
            for called in [value.func] if kind == "func" else value.list.func if kind == "list" else []:
                called.name = prefix + called.name
    return message


def prefixed(node: Any, prefix: str) -> Any:
    """``node`` under ``prefix``, and so are its inputs."""
    node.name = prefix + node.name
    for k, name in enumerate(node.input):
        node.input[k] = f"^{prefix}{name[1:]}" if name.startswith("^") else prefix + name
    if "_class" in node.attr:
        del node.attr["_class"]
    return node


def long(name: str) -> str:
    return name if ":" in name else f"{name}:0"


def compare(pair: Pair, before: Results, after: Results, *, folds: bool) -> None:
    """Equal bit for bit but for what a NaN carries, or to rounding where constants were folded."""
    assert before.keys() == after.keys(), pair.mutant
    for name, want in before.items():
        got = after[name]
        if pair.mutant.case.unsafe and (got.dtype, want.dtype) == (np.float32, np.float64):
            want = want.astype(np.float32)
        assert (got.dtype, got.shape) == (want.dtype, want.shape), f"{name} of {pair.mutant}"
        if folds and want.dtype.kind == "f":
            scale = float(np.abs(want[np.isfinite(want)]).max(initial=0))
            np.testing.assert_allclose(
                got, want, rtol=1e-5, atol=1e-5 * (1 + scale), err_msg=f"{name} of {pair.mutant}"
            )
            continue
        np.testing.assert_array_equal(got, want, err_msg=f"{name} of {pair.mutant}")
        if want.dtype.kind == "f":
            numbers = ~np.isnan(want)
            np.testing.assert_array_equal(
                np.signbit(got[numbers]), np.signbit(want[numbers]), err_msg=f"sign of {name} of {pair.mutant}"
            )
