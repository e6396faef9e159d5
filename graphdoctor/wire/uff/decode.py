"""Messages of the protobuf library to the plain values of ``model``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphdoctor.wire.uff.data import EMPTY, Data, Order


def decode_data(message: Any) -> Data:
    """A Data message (raw variant).

    Raises:
        UnicodeDecodeError: a text in it is not UTF-8.
    """
    member = message.WhichOneof("data_oneof")
    if member is None:
        return EMPTY
    return Data(member, _DECODE[member](getattr(message, member)))


def decode_text(value: bytes) -> str:
    """A string of the raw variant."""
    return value.decode("utf-8")


def _same(value: Any) -> Any:
    return value


def _tuple(message: Any) -> tuple[Any, ...]:
    return tuple(message.val)


def _texts(message: Any) -> tuple[str, ...]:
    return tuple(map(decode_text, message.val))


def _order(message: Any) -> Order:
    return tuple((entry.key, tuple(entry.value.val)) for entry in message.orders)


def _orders(message: Any) -> tuple[Order, ...]:
    return tuple(map(_order, message.val))


_DECODE: dict[str, Callable[[Any], Any]] = {
    "s": decode_text,
    "s_list": _texts,
    "d": _same,
    "d_list": _tuple,
    "b": _same,
    "b_list": _tuple,
    "i": _same,
    "i_list": _tuple,
    "blob": _same,
    "ref": decode_text,
    "dtype": _same,
    "dtype_list": _tuple,
    "dim_orders": _order,
    "dim_orders_list": _orders,
}
