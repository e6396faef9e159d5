"""Constants of a UFF file whose values are lost or cannot be told, and types that UFF has no name for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import live_nodes, subject
from graphdoctor.types import DType
from graphdoctor.wire.uff import UffConstant, UffModel, UffNode, constant_of, dtype_of, dtype_text
from graphdoctor.wire.uff.model import CONST

_TYPES = ("dtype", "indices_dtype", "params_dtype")


def check(ctx: CheckContext, *, ask: str = "empty") -> Iterator[Hit]:
    """One hit for each node that ``ask`` is true of: ``empty``, ``bytes`` (contradicts itself) or ``type``."""
    model = subject(ctx).model
    for node, place in live_nodes(ctx) if ask == "type" else live_nodes(ctx, CONST):
        reason = _type(model, node) if ask == "type" else _of_constant(model, node, _ASK[ask])
        if reason:
            yield Hit(place, reason)


def _of_constant(model: UffModel, node: UffNode, ask: Callable[[UffConstant], str]) -> str:
    const = constant_of(model, node)
    return "" if const is None else ask(const)


def _empty(const: UffConstant) -> str:
    if const.size or 0 not in const.shape:
        return ""
    return f"it is {dtype_text(const.number)}{list(const.shape)} and has no bytes"


def _bytes(const: UffConstant) -> str:
    said = f"{dtype_text(const.number)}{list(const.shape)}"
    if any(d < 0 for d in const.shape):
        return f"its shape is {list(const.shape)}"
    if const.expected is None or const.expected == const.size:
        return ""
    return f"it is {said}, which takes {const.expected:,} bytes, and {const.size:,} are there"


_ASK: dict[str, Callable[[UffConstant], str]] = {"empty": _empty, "bytes": _bytes}


def _type(model: UffModel, node: UffNode) -> str:
    """A type without a name. A plugin may have one among its attributes and never look at it."""
    for key in () if node.is_custom else _TYPES:
        number = model.value(node, key, "dtype")
        if isinstance(number, int) and dtype_of(number) is DType.INVALID:
            return f"{key} is {number}"
    return ""
