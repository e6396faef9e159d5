"""NVIDIA's plugins as data (``rules/plugins``), and the plugin nodes of a graph.

A plugin node is what graphsurgeon's ``create_plugin_node`` writes: its op is the plugin's name, and each field is an
attribute whose name ends in its type (``nmsThreshold_u_float``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext
from graphdoctor.resources import load_toml, toml_files
from graphdoctor.targets import Target

SUFFIX = "_TRT"
_TENSORFLOW_NAMES = frozenset({"CropAndResize", "Proposal"})
"""Plugins that are called like ops of TensorFlow or of others: a node is one if a field is written as a plugin's."""
_KINDS = {"int": "int", "ilist": "int", "float": "float", "flist": "float", "bool": "bool", "str": "str"}
_RAW = frozenset({"dtype", "shape", "T", "data_format", "value", "inputs"})
"""Attributes that are no field, whatever the plugin."""


class PluginField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field.

    Attributes:
        name: without the suffix of its type.
        type: ``int`` or ``float``.
        length: number of elements.
        many: True for any number of elements.
        releases: those that have the field; empty is every one that has the plugin.
        required: True if it must be there.
        optional_in: releases in which it need not.
        default: what is known of its default, empty for nothing.
    """

    name: str
    type: Literal["int", "float"]
    length: int = 1
    many: bool = False
    releases: list[str] = []
    required: bool = False
    optional_in: list[str] = []
    default: str = ""


class Plugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One plugin.

    Attributes:
        name: what the parser looks up.
        purpose: what it is for.
        inputs: smallest number of inputs and, where there is one, the largest.
        releases: TensorRT releases whose library has it.
        published: the first whose source is public; before, its fields are not known.
        removed: the release that has it no more, empty for none.
        notes: what else is known of it.
        same: names of its relatives, of which nothing else is known.
        fields: in the order of the source.
        source: where the facts are from.
        confidence: of the fields.
    """

    name: str
    purpose: str
    inputs: list[int]
    releases: list[str]
    published: str
    source: str
    confidence: Literal["high", "medium"]
    removed: str = ""
    notes: list[str] = []
    same: list[str] = []
    fields: list[PluginField] = []

    def fields_in(self, target: Target) -> list[PluginField]:
        """The fields that a release of ``target`` has."""
        return [f for f in self.fields if not f.releases or any(r in f.releases for r in target.plugins)]

    def wants(self, field: PluginField, target: Target) -> bool:
        """True if ``field`` must be there in ``target``."""
        return field.required and not any(r in field.optional_in for r in target.plugins)

    def is_published(self, target: Target) -> bool:
        """True if the source of the plugin in ``target`` is public; else its fields are not known for certain."""
        return any(r in self.releases[self.releases.index(self.published) :] for r in target.plugins)

    def is_in(self, target: Target) -> bool:
        """True if a release of ``target`` has the plugin."""
        return any(r in self.releases for r in target.plugins)


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


@cache
def all_plugins() -> dict[str, Plugin]:
    """Every known plugin by name.

    Raises:
        InputError: a file of ``rules/plugins`` says something that cannot be understood.
    """
    found = {}
    for path in toml_files("plugins"):
        try:
            plugin = msgspec.convert(load_toml(path), Plugin)
        except msgspec.ValidationError as e:
            raise InputError(
                str(e), where=str(path), remedy="graphdoctor/lint/plugins.py says what each key means"
            ) from e
        found[plugin.name] = plugin
    return found


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
