"""NVIDIA's plugins as data: ``rules/plugins``."""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir, toml_files
from graphdoctor.targets.target import Target

_KEYS = "graphdoctor/targets/plugins.py says what each key means"


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


class PluginMeaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of a plugin node of a UFF file where no plugin is: ``rules/plugin_meanings.toml``.

    Attributes:
        becomes: the ops that do the same; empty where none is made.
        reason: why none is made; empty where one is.
        open: what the source leaves open, or is not copied.
        refused: fields and values that are refused.
        source: where what it computes is said.
        confidence: of that.
    """

    becomes: str = ""
    reason: str = ""
    open: list[str] = []
    refused: list[str] = []
    source: str
    confidence: Literal["high", "medium", "low"]


@cache
def plugin_meanings() -> dict[str, PluginMeaning]:
    """What is known of the meaning of each plugin, by name.

    Raises:
        InputError: the file says something that cannot be understood.
    """
    path = rules_dir() / "plugin_meanings.toml"
    try:
        return msgspec.convert(load_toml(path), dict[str, PluginMeaning])
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy=_KEYS) from e


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
            raise InputError(str(e), where=str(path), remedy=_KEYS) from e
        found[plugin.name] = plugin
    return found
