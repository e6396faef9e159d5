"""Orders of dimensions: ``N+C`` is NHWC, ``NC+`` is NCHW, ``+CK`` is a kernel as TensorFlow keeps it.

A letter for each group of axes, in the order of memory: N batch, C input channels, K output channels, ``+`` the
spatial axes (``-`` the same, last axis first). A file holds an order relative to the canonical order of its letters.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphdoctor.wire.uff.data import Order

SPECIAL, INCREMENT, DECREMENT = -1, (1 << 31) - 1, -(1 << 31)
CANONICAL = ("NC+", "KC+", "NC", "KC")
ACTIVATIONS, KERNEL, ROWS, COLUMNS = CANONICAL
"""The canonical orders: of activations, of a convolution's kernel, of the left and the right side of a product."""
_SPATIAL = "+-"
_PREFIX = "orders_"


def canonical_of(order: str) -> str:
    """The canonical order with the letters of ``order``.

    Raises:
        ValueError: no canonical order has these letters.
    """
    letters = sorted(order.replace("-", "+"))
    for canonical in CANONICAL:
        if sorted(canonical) == letters:
            return canonical
    raise ValueError(f"{order!r} is no order of {', '.join(CANONICAL)}")


def encode_order(order: str) -> Order:
    """``order`` as a file holds it.

    Raises:
        ValueError: as for :func:`canonical_of`.
    """
    canonical = canonical_of(order)
    items: list[int] = []
    for letter in order:
        items += _encode_letter(letter, canonical)
    return ((SPECIAL, tuple(items)),)


def _encode_letter(letter: str, canonical: str) -> list[int]:
    place = canonical.index("+" if letter == "-" else letter)
    if letter == "+":
        return [place, INCREMENT]
    if letter == "-":
        return [DECREMENT, place]
    behind = "+" in canonical and place > canonical.index("+")
    return [place - len(canonical) if behind else place]


def decode_order(order: Order, canonical: str) -> str | None:
    """The order that the file's ``order`` stands for where ``canonical`` is meant; ``None`` if it is none of those."""
    return _decoders(canonical).get(order)


def _decoders(canonical: str) -> dict[Order, str]:
    found = _DECODERS.get(canonical)
    if found is None:
        from itertools import permutations

        orders = ["".join(p) for p in permutations(canonical)]
        orders += [o.replace("+", "-") for o in orders if "+" in o]
        found = _DECODERS[canonical] = {encode_order(o): o for o in orders}
    return found


_DECODERS: dict[str, dict[Order, str]] = {}


def orders_key(orders: Iterable[str]) -> str:
    """The key under which NVIDIA's converter files a list of orders: ``orders_N+C_+CK``."""
    return _PREFIX + "_".join(orders)
