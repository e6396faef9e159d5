"""The nodes of a graph by number: work over all of them in flat arrays, which fit a cache where objects do not."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdoctor.ir import GraphView, Node

Mask = npt.NDArray[np.bool_]
"""True at the numbers of some nodes."""
Numbers = npt.NDArray[np.int64]


class Numbered:
    """A graph that does not change meanwhile.

    Attributes:
        nodes: producers first, then those on or behind an illegal cycle, then those that something reads and that do
            not exist.
        ordered: how many of them are in topological order.
        at: their numbers.
        data: producer and consumer of each data edge, by consumer and input.
        controls: the same of each control edge.
        spare: the numbers of data edges that do not come from output 0.
    """

    def __init__(self, graph: GraphView) -> None:
        order = graph.order()
        self.graph = graph
        self.nodes: tuple[Node, ...] = (*order.nodes, *order.cyclic, *graph.missing())
        self.ordered = len(order.nodes)
        self.at = {node: i for i, node in enumerate(self.nodes)}
        at = self.at
        read = [at[value.node] for node in self.nodes for value in node.inputs]
        self.data = self._edges(read, [len(node.inputs) for node in self.nodes])
        before = [at[control] for node in self.nodes for control in node.controls]
        self.controls = self._edges(before, [len(node.controls) for node in self.nodes])
        self.spare = np.array([value.index != 0 for node in self.nodes for value in node.inputs], np.bool_)

    def mask(self, nodes: Iterable[Node]) -> Mask:
        """True for ``nodes``; those that the graph does not have are left out."""
        found = np.zeros(len(self.nodes), np.bool_)
        found[self.numbers(nodes)] = True
        return found

    def numbers(self, nodes: Iterable[Node]) -> Numbers:
        """The numbers of ``nodes``, in their order; those that the graph does not have are left out."""
        return np.array([i for i in map(self.at.get, nodes) if i is not None], np.int64)

    def read_by(self, readers: Mask, *, controls: bool = False) -> Mask:
        """What ``readers`` read as data, with ``controls`` also what runs before them."""
        found = np.zeros(len(self.nodes), np.bool_)
        for producers, consumers in (self.data, self.controls) if controls else (self.data,):
            found[producers[readers[consumers]]] = True
        return found

    def readers_of(self, producers: Mask) -> Mask:
        """What reads ``producers`` as data."""
        sources, readers = self.data
        found = np.zeros(len(self.nodes), np.bool_)
        found[readers[producers[sources]]] = True
        return found

    @cached_property
    def readers(self) -> tuple[list[int], list[int]]:
        """What reads each node, by data or control, each once: all in one list, and where those of a node begin."""
        size = len(self.nodes)
        edges = np.unique(np.concatenate([sources * size + readers for sources, readers in (self.data, self.controls)]))
        return (edges % size).tolist(), _starts(edges // size, size)

    @cached_property
    def producers(self) -> tuple[list[int], list[int]]:
        """What each node reads as data, by its inputs: all in one list, and where those of a node begin."""
        producers, readers = self.data
        return producers.tolist(), _starts(readers, len(self.nodes))

    @staticmethod
    def _edges(producers: list[int], counts: list[int]) -> tuple[Numbers, Numbers]:
        return np.array(producers, np.int64), np.repeat(np.arange(len(counts)), counts)


def _starts(sorted_numbers: Numbers, size: int) -> list[int]:
    """Where each of ``size`` numbers begins, and the end."""
    found: list[int] = np.searchsorted(sorted_numbers, np.arange(size + 1)).tolist()
    return found
