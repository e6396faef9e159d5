"""The nodes of a graph by number."""

from __future__ import annotations

import numpy as np

from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.numbered import Mask, Numbered

GRAPH = parse_graph("x = P\ns = Split(x)\na = A(s, s:1)\nb = B(a, gone, ^s)\nc = C(d)\nd = D(c)")


def names(numbered: Numbered, mask: Mask) -> list[str]:
    return [numbered.nodes[i].name for i in np.flatnonzero(mask)]


def test_every_node_has_a_number_producers_first_and_then_what_has_no_order() -> None:
    numbered = Numbered(GRAPH)
    assert [n.name for n in numbered.nodes] == ["x", "s", "a", "b", "c", "d", "gone"]
    assert {numbered.nodes[i] for i in range(len(numbered.nodes))} == {*GRAPH, *GRAPH.missing()}
    assert [n.name for n in numbered.nodes[numbered.ordered :]] == ["c", "d", "gone"]


def test_what_reads_and_what_is_read() -> None:
    numbered = Numbered(GRAPH)
    s, b = numbered.mask([GRAPH.node("s")]), numbered.mask([GRAPH.node("b")])
    assert names(numbered, numbered.readers_of(s)) == ["a"]
    assert names(numbered, numbered.read_by(b)) == ["a", "gone"]
    assert names(numbered, numbered.read_by(b, controls=True)) == ["s", "a", "gone"]


def test_lists_of_readers_and_producers_agree_with_the_graph() -> None:
    numbered = Numbered(GRAPH)
    readers, first = numbered.readers
    read, begin = numbered.producers
    for i, node in enumerate(numbered.nodes):
        found = [numbered.nodes[k] for k in readers[first[i] : first[i + 1]]]
        assert len(found) == len(set(found))
        assert set(found) == set(GRAPH.consumers(node))
        assert [numbered.nodes[k] for k in read[begin[i] : begin[i + 1]]] == [v.node for v in node.inputs]


def test_values_of_other_outputs_are_marked() -> None:
    numbered = Numbered(GRAPH)
    producers, consumers = numbered.data
    edges = [(numbered.nodes[p].name, numbered.nodes[c].name) for p, c in zip(producers, consumers, strict=True)]
    assert [e for e, other in zip(edges, numbered.spare, strict=True) if other] == [("s", "a")]
