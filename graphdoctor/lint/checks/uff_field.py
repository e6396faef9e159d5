"""Fields of nodes of a UFF file against what the op has."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import live_nodes, subject
from graphdoctor.wire.uff import Order, UffModel, UffNode, decode_order
from graphdoctor.wire.uff.ops import CORE_OPS, OUTPUTS_ORDERS
from graphdoctor.wire.uff.orders import CANONICAL
from graphdoctor.words import plural

Reasons = Iterator[str]
_WRAPPED = re.compile(r"b'.*'|b\".*\"", re.DOTALL)
_WORDS = {
    "s": "a text",
    "d": "a number with a point",
    "b": "true or false",
    "i": "a whole number",
    "i_list": "a list of whole numbers",
    "blob": "bytes",
    "dtype": "a type",
    "dim_orders_list": "a list of orders",
}


def check(ctx: CheckContext, *, ask: str = "missing") -> Iterator[Hit]:
    """One hit for each node and field with what ``ask`` names.

    ``reference``: it refers to nothing. ``missing``: it is not there, or is of another type, or says what the op does
    not know. ``unknown``: the op has no such field. ``wrapped``: a text with Python's marks around it. ``order``:
    orders that are none, or too few.
    """
    model, found = subject(ctx).model, _QUESTIONS[ask]
    for node, place in live_nodes(ctx):
        for reason in found(model, node):
            yield Hit(place, reason)


def _reference(model: UffModel, node: UffNode) -> Reasons:
    for key, data in node.fields.items():
        if data.member == "ref" and model.resolve(data) is None:
            goes = "goes round in a circle" if data.value in model.references else "is not in the file"
            yield f"{key} refers to {data.value!r}, which {goes}"


def _missing(model: UffModel, node: UffNode) -> Reasons:
    op = CORE_OPS.get(node.op)
    for key, spec in op.fields.items() if op is not None else ():
        if key not in node.fields:
            if spec.required:
                yield f"{key} is not there"
            continue
        data = model.field(node, key)
        if data is not None and data.member != spec.member:
            yield f"{key} is {_WORDS.get(data.member, 'of another type')}, and must be {_WORDS[spec.member]}"
    function = model.value(node, "func", "s")
    if op is not None and isinstance(function, str) and function not in op.functions and op.functions:
        close = difflib.get_close_matches(function, op.functions, 1, 0.5)
        yield f"func is {function!r}, which no {node.op} is" + (f"; did you mean {close[0]!r}?" if close else "")


def _unknown(model: UffModel, node: UffNode) -> Reasons:
    op = CORE_OPS.get(node.op)
    if op is None:
        return
    known = {*op.fields, OUTPUTS_ORDERS} if "inputs_orders" in op.fields else {*op.fields}
    for key in (*(k for k in node.fields if k not in known), *node.extra_fields):
        close = difflib.get_close_matches(key, [k for k in op.fields if k not in node.fields], 1, 0.6)
        yield f"{key} is no field of {node.op}" + (f"; did you mean {close[0]}?" if close else "")


def _wrapped(model: UffModel, node: UffNode) -> Reasons:
    for key, data in node.fields.items():
        texts = data.value if data.member == "s_list" else (data.value,) if data.member == "s" else ()
        found = next((t for t in texts if _WRAPPED.fullmatch(t)), None)
        if found is not None:
            yield f"{key} is {found[:40]}"


def _order(model: UffModel, node: UffNode) -> Reasons:
    op = CORE_OPS.get(node.op)
    spec = op.fields.get("inputs_orders") if op is not None else None
    orders = model.value(node, "inputs_orders", "dim_orders_list")
    if spec is None or not isinstance(orders, tuple):
        return
    if len(orders) != spec.orders:
        needing = plural(spec.orders, "input that needs", "inputs that need")
        yield f"inputs_orders has {plural(len(orders), 'order')}, and {node.op} has {needing} one"
        return
    for index, order in enumerate(orders):
        if not _is_known(order):
            yield f"the order of input {index} is none of TensorFlow's layouts"


def _is_known(order: Order) -> bool:
    return any(decode_order(order, canonical) for canonical in CANONICAL)


_QUESTIONS = {
    "reference": _reference,
    "missing": _missing,
    "unknown": _unknown,
    "wrapped": _wrapped,
    "order": _order,
}
