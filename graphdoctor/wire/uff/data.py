"""One value of a UFF file: a field, or what a reference names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Blob = bytes | memoryview
"""Bytes; a slice of the file where they are many."""
Order = tuple[tuple[int, tuple[int, ...]], ...]
"""A DimensionOrders message: its map entries in file order. See ``orders`` for what they mean."""

MEMBERS = "s s_list d d_list b b_list i i_list blob ref dtype dtype_list dim_orders dim_orders_list".split()
"""What a value can be, by the names of the schema."""


class Data(NamedTuple):
    """A value with its type; which type it is carries meaning, also where the value is zero or empty.

    Attributes:
        member: one of ``MEMBERS``, or empty for a value that says nothing.
        value: str for ``s`` and ``ref``, int for ``i`` and ``dtype``, float for ``d``, bool for ``b``, :data:`Blob`,
            :data:`Order` for ``dim_orders``, a tuple of those for the lists, ``None`` for an empty value.
    """

    member: str
    value: Any = None

    @classmethod
    def s(cls, value: str) -> Data:
        """A text."""
        return cls("s", value)

    @classmethod
    def s_list(cls, values: Iterable[str]) -> Data:
        """Texts."""
        return cls("s_list", tuple(values))

    @classmethod
    def d(cls, value: float) -> Data:
        """A number, float64."""
        return cls("d", float(value))

    @classmethod
    def d_list(cls, values: Iterable[float]) -> Data:
        """Numbers, float64."""
        return cls("d_list", tuple(map(float, values)))

    @classmethod
    def b(cls, value: bool) -> Data:
        """A truth value."""
        return cls("b", bool(value))

    @classmethod
    def b_list(cls, values: Iterable[bool]) -> Data:
        """Truth values."""
        return cls("b_list", tuple(map(bool, values)))

    @classmethod
    def i(cls, value: int) -> Data:
        """An int64."""
        return cls("i", int(value))

    @classmethod
    def i_list(cls, values: Iterable[int]) -> Data:
        """int64 numbers."""
        return cls("i_list", tuple(map(int, values)))

    @classmethod
    def blob(cls, value: Blob) -> Data:
        """Bytes; kept as they are given, not copied."""
        return cls("blob", value)

    @classmethod
    def ref(cls, key: str) -> Data:
        """What is filed under ``key`` in the model's ``references``."""
        return cls("ref", key)

    @classmethod
    def dtype(cls, number: int) -> Data:
        """An element type by UFF's number."""
        return cls("dtype", int(number))

    @classmethod
    def dtype_list(cls, numbers: Iterable[int]) -> Data:
        """Element types by UFF's numbers."""
        return cls("dtype_list", tuple(map(int, numbers)))

    @classmethod
    def dim_orders(cls, order: Order) -> Data:
        """The order of one tensor's dimensions."""
        return cls("dim_orders", order)

    @classmethod
    def dim_orders_list(cls, orders: Iterable[Order]) -> Data:
        """The orders of several tensors' dimensions, one each."""
        return cls("dim_orders_list", tuple(orders))


EMPTY = Data("")
"""A value that says nothing: legal, and written by NVIDIA's converter for attributes that UFF has no type for."""
