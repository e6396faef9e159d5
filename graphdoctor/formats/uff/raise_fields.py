"""The fields of a plugin node of UFF, by the names that the plugin has for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdoctor.formats.uff.raising import Raiser, fail
from graphdoctor.ir import Value
from graphdoctor.targets.plugins import all_plugins
from graphdoctor.types import Array
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.uff import UffNode

_LARGEST = float(np.finfo(np.float32).max)
_RAW = frozenset({"dtype", "shape", "T", "data_format", "name"})
"""What graphsurgeon and scripts write beside the fields; no plugin has a field of that name."""


class PluginFields:
    """What a plugin node says, and the nodes that are made of it.

    Raises:
        RaiseError: it has a field that the plugin has not, or one that is no number.
    """

    def __init__(self, to: Raiser, node: UffNode) -> None:
        self.to, self.node = to, node
        self._given: dict[str, Any] = {}
        known = {f.name for f in all_plugins()[node.op[1:]].fields}
        for key in node.fields:
            name = key.rpartition("_u_")[0] or key
            if name in known:
                self._given[name] = self._read(key)
            elif key not in _RAW and not key.startswith("_"):
                fail(f"the plugin has no field {name}: what it would do is not known")

    def _read(self, key: str) -> Any:
        data = self.to.model.field(self.node, key)
        if data is None or data.member not in ("i", "d", "b", "i_list", "d_list"):
            fail(f"its field {key} is no number")
        if not (np.abs(np.asarray(data.value, np.float64)) <= _LARGEST).all():
            fail(f"its field {key} is no finite number")
        return data.value

    def number(self, name: str, default: float | None = None) -> float:
        """One number."""
        value = self._given.get(name, default)
        value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        if isinstance(value, tuple):
            fail(f"its field {name} has {len(value)} numbers")
        return float(value) if value is not None else fail(f"it has no field {name}")

    def whole(self, name: str, default: int | None = None) -> int:
        """One whole number."""
        value = self.number(name, default)
        return int(value) if value.is_integer() else fail(f"its field {name} is {value:g}, which is no whole number")

    def numbers(self, name: str, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        """Any number of them."""
        value = self._given.get(name, default)
        if value is None:
            fail(f"it has no field {name}")
        return tuple(float(v) for v in (value if isinstance(value, (tuple, list)) else (value,)))

    def only(self, name: str, wanted: int, why: str, default: int | None = None) -> None:
        """See that ``name`` is ``wanted``.

        Raises:
            RaiseError: it is not; ``why`` is said.
        """
        value = self.whole(name, default)
        if value != wanted:
            fail(f"its {name} is {value}: {why}")

    def priors(self, boxes: Array, variance: Sequence[float]) -> Array:
        """Prior boxes [n, 4] and their variances as a detector's plugins hand them on: [1, 2, n * 4, 1].

        Raises:
            RaiseError: they are not finite.
        """
        both = np.stack([boxes, np.broadcast_to(variance, boxes.shape)]).reshape(1, 2, -1, 1)
        if not (np.abs(both) <= _LARGEST).all():
            fail("the boxes that it makes are not finite")
        return both.astype(np.float32)

    # ---- nodes ----------------------------------------------------------------------------------------------

    def op(self, part: str, op: str, *inputs: Value, **attrs: AttrPy) -> Value:
        """A node of TensorFlow that stands for ``part``; without one it has the node's own name."""
        return self.to.add(self.node, op, inputs, attrs, part)

    def const(self, part: str, value: Any) -> Value:
        """A constant."""
        return self.to.const(self.node, value, part)

    def reshaped(self, part: str, value: Value, *dims: int) -> Value:
        """``value`` in the shape ``dims``, of which one may be -1."""
        return self.op(part, "Reshape", value, self.const(f"{part or 'shape'}/dims", list(dims)))

    def columns(self, part: str, value: Value, count: int, axis: int) -> list[Value]:
        """The ``count`` slices of ``value`` along ``axis``, without it."""
        first = self.op(part, "Unpack", value, num=count, axis=axis)
        return [first.node.out(k) for k in range(count)]
