"""Who reads whom: the edges of a graph, from producer to consumers."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.ir.node import CONTROL_SLOT, Node, Use, Value

Readers = dict[Node, dict[tuple[Node, int], int]]
"""Producer -> {(consumer, its input number; controls count down from -1): the producer's output, -1 for a control}."""


class ReaderIndex:
    """The edges, kept in step with the inputs of the nodes by :class:`Graph`."""

    def __init__(self) -> None:
        self.table: Readers = {}

    def uses(self, node: Node, index: int | None = None) -> list[Use]:
        """Where ``node`` (or only its output ``index``) is read; control uses are left out when ``index`` is given."""
        readers = self.table.get(node, {}).items()
        if index is not None:
            return [Use(user, slot, port) for (user, slot), port in readers if port == index]
        return [Use(user, max(slot, CONTROL_SLOT), port) for (user, slot), port in readers]

    def consumers(self, node: Node) -> list[Node]:
        """The nodes that read ``node``, by data or control, each once."""
        return list(dict.fromkeys(user for user, _ in self.table.get(node, ())))

    def connect(self, node: Node) -> None:
        """Add the edges into ``node``."""
        for slot, value in enumerate(node.inputs):
            self.table.setdefault(value.node, {})[node, slot] = value.index
        for k, control in enumerate(node.controls):
            self.table.setdefault(control, {})[node, CONTROL_SLOT - k] = CONTROL_SLOT

    def disconnect(self, node: Node) -> None:
        """Remove the edges into ``node``."""
        for slot, value in enumerate(node.inputs):
            del self.table[value.node][node, slot]
        for k, control in enumerate(node.controls):
            del self.table[control][node, CONTROL_SLOT - k]

    def rewire(self, node: Node, before: Sequence[Value], after: Sequence[Value]) -> None:
        """Change only the data edges that differ: a ConcatV2 may have thousands of inputs that stay."""
        for slot, value in enumerate(before):
            if slot >= len(after) or after[slot] != value:
                del self.table[value.node][node, slot]
        for slot, value in enumerate(after):
            if slot >= len(before) or before[slot] != value:
                self.table.setdefault(value.node, {})[node, slot] = value.index

    def forget(self, node: Node) -> None:
        """``node`` is gone; nothing reads it any more."""
        self.table.pop(node, None)
