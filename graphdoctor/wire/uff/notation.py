"""UFF as people write it down, a node a line: what ``diff`` shows and what tests state.

::

    # anything after a hash is a comment
    x = Input {shape: [-1,4,4,1], dtype: float32}
    w = Const float32[1,1,1,2] [2.0, -1.0]
    c = Conv(x, w) {strides: [1,1], inputs_orders: orders(N+C, +CK), implicit_padding: "same"}
    MarkOutput_0 = MarkOutput(c)
    reference weights_v = hex:00000040
    descriptors: tensorflow_extension, custom

The ids of inputs need not exist. A value is a whole number (``i``), a number with a point (``d``), ``true`` or
``false``, a ``"text"``, a type (``float32``, ``type 7``), a list of those, ``hex:..`` (``blob``), ``ref(key)``,
``order(N+C)``, ``orders(N+C, +CK)`` (a reference to such a list, which is filed with it), or ``nothing``. An order that
has no letters is ``(-1: 0 1)``. ``extra`` before a key makes it an extra field. A constant's payload is one number for
all elements, ``[all, of, them]`` or ``hex:..``; it is filed as NVIDIA's converter does it. Without ``descriptors:`` the
model has those that the converter gives it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from graphdoctor.wire.uff.constants import UffConstant, constant_of
from graphdoctor.wire.uff.data import Data, Order
from graphdoctor.wire.uff.dtypes import dtype_text
from graphdoctor.wire.uff.model import CONST, UffModel, UffNode
from graphdoctor.wire.uff.orders import decode_order

PLAIN = re.compile(r"[A-Za-z0-9_./>][A-Za-z0-9_./>\-]*\Z")
_CONST_FIELDS = frozenset({"shape", "dtype", "values"})


def format_node(model: UffModel, node: UffNode, *, rename: Mapping[str, str] | None = None) -> str:
    """``node`` as one line: references followed, keys sorted, weights by their digest.

    Two nodes have the same line exactly if they mean the same, wherever their values are filed.

    Args:
        model: the model it is in.
        node: the node.
        rename: ids that are said otherwise.
    """
    names = rename or {}
    const = constant_of(model, node) if node.op == CONST and node.fields.keys() == _CONST_FIELDS else None
    text = f"{_name(names.get(node.id, node.id))} = {_name(node.op)}"
    if node.inputs:
        text += "(" + ", ".join(_name(names.get(i, i)) for i in node.inputs) + ")"
    if const is not None:
        text += f" {_constant(model, const)}"
    fields = [] if const is not None else [_field(model, k, v) for k, v in sorted(node.fields.items())]
    fields += ["extra " + _field(model, k, v) for k, v in sorted(node.extra_fields.items())]
    return text + (" {" + ", ".join(fields) + "}" if fields else "")


def _constant(model: UffModel, const: UffConstant) -> str:
    dims = ",".join(map(str, const.shape))
    return f"{dtype_text(const.number)}[{dims}] ... #{_digest(model, const.blob)}"


def _digest(model: UffModel, blob: Any) -> str:
    found = model.digests.get(id(blob))
    if found is None or found[0] is not blob:
        found = model.digests[id(blob)] = blob, hashlib.sha256(blob).hexdigest()[:12]
    return found[1]


def _field(model: UffModel, key: str, data: Data) -> str:
    return f"{_name(key)}: {format_data(model, data)}"


def format_data(model: UffModel, data: Data) -> str:
    """A value in words; a reference as what it refers to, or as itself where that is missing."""
    found = model.resolve(data) or data
    if found.member == "blob":
        return f"#{_digest(model, found.value)}"
    return _FORMAT.get(found.member, _plain)(found.value)


def _plain(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return "[" + ",".join(_plain(v) for v in value) + "]"
    return json.dumps(value) if isinstance(value, (str, bool)) else repr(value)


def _types(values: tuple[int, ...]) -> str:
    return "[" + ",".join(map(dtype_text, values)) + "]"


def _orders(orders: tuple[Order, ...]) -> str:
    return "orders(" + ", ".join(_order(o, kernel=i > 0) for i, o in enumerate(orders)) + ")"


def _order(order: Order, kernel: bool = False) -> str:
    for canonical in ("KC+", "KC") if kernel else ("NC+", "NC"):
        letters = decode_order(order, canonical)
        if letters:
            return letters
    return "".join(f"({key}: {' '.join(map(str, items))})" for key, items in order) or "()"


_FORMAT: dict[str, Callable[[Any], str]] = {
    "ref": lambda key: f"ref({_name(key)})",
    "dtype": dtype_text,
    "dtype_list": _types,
    "dim_orders": lambda order: f"order({_order(order)})",
    "dim_orders_list": _orders,
}


def _name(name: str) -> str:
    return name if PLAIN.match(name) else json.dumps(name)
