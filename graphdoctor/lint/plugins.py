"""The plugin nodes of a graph, and what they say of their fields.

A plugin node is what graphsurgeon's ``create_plugin_node`` writes: its op is the plugin's name, and each field is an
attribute whose name ends in its type (``nmsThreshold_u_float``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.targets.plugins import Plugin, PluginField, all_plugins

__all__ = [
    "SUFFIX",
    "Given",
    "Plugin",
    "PluginField",
    "PluginNode",
    "all_plugins",
    "given_fields",
    "plugin_nodes",
]

SUFFIX = "_TRT"
_TENSORFLOW_NAMES = frozenset({"CropAndResize", "Proposal"})
"""Plugins that are called like ops of TensorFlow or of others: a node is one if a field is written as a plugin's."""
_KINDS = {"int": "int", "ilist": "int", "float": "float", "flist": "float", "bool": "bool", "str": "str"}
_RAW = frozenset({"dtype", "shape", "T", "data_format", "value", "inputs"})
"""Attributes that are no field, whatever the plugin."""


@dataclass(frozen=True, slots=True)
class Given:
    """A field as a node has it: the attribute's name, its type (empty if it has none) and its value."""

    key: str
    type: str
    value: Any

    @property
    def count(self) -> int:
        """Number of elements."""
        return len(self.value) if isinstance(self.value, (tuple, list)) else 1

    @property
    def shown(self) -> str:
        """The value for people."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class PluginNode:
    """A plugin node: ``plugin`` is ``None`` where its name is not known."""

    node: Node
    plugin: Plugin | None
    given: dict[str, Given]

    def number(self, name: str) -> int | float | None:
        """The field ``name`` if it is one number."""
        found = self.given.get(name)
        if found is None or isinstance(found.value, bool) or not isinstance(found.value, (int, float)):
            return None
        return found.value

    def numbers(self, name: str) -> Sequence[int | float] | None:
        """The field ``name`` if it is numbers."""
        found = self.given.get(name)
        if found is None:
            return None
        values = found.value if isinstance(found.value, (tuple, list)) else (found.value,)
        return values if all(isinstance(v, (int, float)) for v in values) else None


def plugin_nodes(ctx: CheckContext) -> Iterator[PluginNode]:
    """The live plugin nodes; the table is read only where there may be one."""
    if "plugin nodes" not in ctx.shared:
        ops = [op for op in ctx.graph.ops() if op.endswith(SUFFIX) or op in _TENSORFLOW_NAMES]
        nodes = [n for n in ctx.live_nodes(*ops) if n.op.endswith(SUFFIX) or any("_u_" in key for key in n.attrs)]
        ctx.shared["plugin nodes"] = [PluginNode(n, all_plugins().get(n.op), given_fields(n)) for n in nodes]
    yield from ctx.shared["plugin nodes"]


def given_fields(node: Node) -> dict[str, Given]:
    """The fields of ``node`` by name; those without a type that graphsurgeon would add are here too."""
    found: dict[str, Given] = {}
    for key in node.attrs:
        name, mark, suffix = key.rpartition("_u_")
        if mark and suffix in _KINDS:
            found[name] = Given(key, _KINDS[suffix], node.attr(key))
        elif key not in _RAW and not key.startswith("_"):
            found.setdefault(key, Given(key, "", node.attr(key)))
    return found
