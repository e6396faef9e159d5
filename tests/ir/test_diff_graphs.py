"""Two graphs, node by node."""

from __future__ import annotations

import pytest

from graphdoctor.ir.edits import diff_graphs
from graphdoctor.ir.text import parse_graph

GRAPH = """
x = Placeholder {dtype: float32}
k = Const float32[2] [1, 2]
a = Add(x, k)
b = Identity(a, ^x)
outputs: b
"""


def changes(before: str, after: str) -> list[str]:
    diffs = diff_graphs(parse_graph(before), parse_graph(after))
    return [f"{'-' if d.after is None else '+' if d.before is None else '~'}{d.name}" for d in diffs]


def test_a_graph_does_not_differ_from_itself() -> None:
    assert changes(GRAPH, GRAPH) == []


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("a = Add(x, k)", "a = AddV2(x, k)", ["~a"]),
        ("a = Add(x, k)", "a = Add(k, x)", ["~a"]),
        ("b = Identity(a, ^x)", "b = Identity(a)", ["~b"]),
        ("[1, 2]", "[1, 3]", ["~k"]),
        ("x = Placeholder {dtype: float32}", "x = Placeholder {dtype: int32}", ["~x"]),
        ("a = Add(x, k)\nb = Identity(a, ^x)", "c = Add(x, k)\nb = Identity(c, ^x)", ["-a", "~b", "+c"]),
    ],
)
def test_what_changed_is_told_by_name(old: str, new: str, changed: list[str]) -> None:
    assert old in GRAPH
    assert changes(GRAPH, GRAPH.replace(old, new)) == changed


def test_the_order_in_the_file_is_no_difference() -> None:
    lines = GRAPH.strip().splitlines()
    assert changes(GRAPH, "\n".join([*reversed(lines[:4]), lines[4]])) == []
