"""The order of a file's nodes and the names that they have say nothing about what is repaired."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from graphdoctor.ir import Graph
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.surgery import run_rewrites
from graphdoctor.targets import load_target
from tests.surgery.cases import Case, all_cases

BY_NAME = {"flatten-to-reshape"}
"""Rewrites that are about names."""
CASES = [c for c in all_cases() if c.rewrite not in BY_NAME]
Fixes = Counter[tuple[str, str]]


def shuffled(graph: Graph, rng: random.Random) -> Graph:
    """The same graph, its nodes in another order."""
    lines = format_graph(graph).splitlines()
    functions = len(lines) - lines[::-1].index("}") if "}" in lines else 0
    ends = [line for line in lines if line.startswith(("inputs:", "outputs:"))]
    nodes = [line for line in lines[functions:] if line not in ends]
    rng.shuffle(nodes)
    return parse_graph("\n".join([*lines[:functions], *nodes, *ends]))


def renamed(graph: Graph, rng: random.Random) -> dict[str, str]:
    """Every node under a name that says nothing; new name to old."""
    names = [n.name for n in graph]
    numbers = rng.sample(range(len(names)), len(names))
    old = {}
    for name, number in zip(names, numbers, strict=True):
        node = graph.node(name)
        graph.rename(node, f"n{number:03}")
        old[node.name] = name
    return old


def fixes(case: Case, graph: Graph, old: dict[str, str]) -> tuple[Fixes, Counter[str]]:
    """What was applied where, and the ops that came of it."""
    target = load_target(case.target) if case.target else None
    result = run_rewrites(graph, case.rewrites(), target=target, unsafe=case.unsafe)
    assert (result.converged, result.rolled_back) == (True, [])
    applied: Fixes = Counter((a.rewrite, before(a.node, old)) for a in result.applied)
    return applied, Counter(n.op for n in graph)


def before(name: str, old: dict[str, str]) -> str:
    """``name``, or the one of the node that it was made for, as it was before nodes were renamed."""
    first, slash, rest = name.partition("/")
    return old.get(name) or old.get(first, first) + slash + rest


def whole(case: Case) -> bool:
    """True if the text form says everything of the case."""
    graph = case.parsed()
    return not graph.missing() and format_graph(parse_graph(format_graph(graph))) == format_graph(graph)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES if whole(c)])
def test_in_another_order_and_under_other_names_it_does_the_same(case: Case) -> None:
    rng = random.Random(case.id)
    applied, ops = fixes(case, parse_graph(format_graph(case.parsed())), {})
    for _ in range(3):
        other = shuffled(case.parsed(), rng)
        assert fixes(case, other, {})[1] == ops
        other = shuffled(case.parsed(), rng)
        old = renamed(other, rng)
        others, after = fixes(case, other, old)
        assert after == ops
        if not case.rewrite.startswith("merge-"):  # which of the twins stays is of no matter
            assert others == applied
