"""What is known of a value while a loop is run ahead, and the lists that its tensor arrays hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from graphdoctor.ir import UNKNOWN_SPEC, Node, TensorSpec, Value
from graphdoctor.types import Array, DType
from graphdoctor.wire.attrs import AttrPy


class Out(NamedTuple):
    """Output ``number`` of the copy ``key``."""

    key: str
    number: int = 0


Ref = Value | Out
"""A value outside of the loop, or one that a copy gives."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A node that is to be made.

    Attributes:
        key: the name it should get; unique among the copies.
        controls: what it waits for: nodes that are there, and copies by their key.
        origin: the node that it stands for.
    """

    key: str
    op: str
    inputs: tuple[Ref, ...]
    attrs: Mapping[str, AttrPy]
    controls: tuple[Node | str, ...]
    origin: Node


@dataclass(eq=False, slots=True)
class Val:
    """A value in one iteration. Two are the same if they are the same object.

    Attributes:
        spec: what is known of it; the value itself where it is known and small.
        ref: where it is to be had; ``None`` for a known one that no node gives yet.
        branch: the branches in which it lies, of which only the running graph knows whether they are taken: predicate
            and side of each. Empty where it is always there.
        items: the elements, of a list or of the flow of a tensor array.
        handle: the TensorArray, of its handle.
    """

    spec: TensorSpec = UNKNOWN_SPEC
    ref: Ref | None = None
    branch: frozenset[object] = frozenset()
    items: Items | None = None
    handle: Node | None = None

    @property
    def known(self) -> Array | None:
        """The value, if it is the same whenever the graph runs."""
        return None if self.branch else self.spec.constant


DEAD = Val()
"""The value of what does not run."""


@dataclass(slots=True)
class _Store:
    """The elements of all states of one array, each with the state since which it is there."""

    slots: dict[int, list[tuple[int, Val]]] = field(default_factory=dict)
    latest: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """The elements of a list at one time; writing gives another one. States share what they hold, so that it is linear.

    Attributes:
        source: the node that made the list.
        size: how many elements there are, written or not.
        dtype: of the elements.
        fixed: it cannot grow.
    """

    source: Node
    size: int
    dtype: DType = DType.INVALID
    fixed: bool = True
    store: _Store = field(default_factory=_Store)
    state: int = 0

    def get(self, place: int) -> Val | None:
        """The element at ``place``; ``None`` if it was not written."""
        for since, value in reversed(self.store.slots.get(place, ())):
            if since <= self.state:
                return value
        return None

    def put(self, place: int, value: Val) -> Items:
        """The list with ``value`` at ``place``."""
        store = self.store if self.store.latest == self.state else self._forked()
        store.latest += 1
        store.slots.setdefault(place, []).append((store.latest, value))
        return Items(self.source, max(self.size, place + 1), self.dtype, self.fixed, store, store.latest)

    def shortened(self) -> Items:
        """The list without its last element."""
        found = Items(self.source, self.size - 1, self.dtype, self.fixed)
        for place in range(found.size):
            value = self.get(place)
            found = found if value is None else found.put(place, value)
        return Items(self.source, self.size - 1, self.dtype, self.fixed, found.store, found.state)

    def _forked(self) -> _Store:
        """A store of this state alone: another one was written since."""
        kept = {k: [(0, v)] for k in self.store.slots if (v := self.get(k)) is not None}
        return _Store({k: [(self.state, v) for _, v in pairs] for k, pairs in kept.items()}, self.state)
