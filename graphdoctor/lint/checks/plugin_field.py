"""Fields of plugin nodes against what the plugin of the target's release declares."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.plugins import Plugin, PluginNode, plugin_nodes
from graphdoctor.targets import Target
from graphdoctor.words import plural

Problems = Iterator[str]
_SUFFIXES = {"int": "_u_int or _u_ilist", "float": "_u_float or _u_flist"}


def check(ctx: CheckContext, *, problem: str = "missing") -> Iterator[Hit]:
    """One hit for each node, target and field with ``problem``: missing, unknown, type, length or untyped.

    Of a release whose source is not public it cannot be told.
    """
    ask = _PROBLEMS[problem]
    for found in plugin_nodes(ctx):
        for target in ctx.targets:
            if found.plugin is not None and found.plugin.is_in(target):
                certain = found.plugin.is_published(target)
                for reason in ask(found, found.plugin, target):
                    yield Hit(found.node, reason, certain, target)


def _missing(found: PluginNode, plugin: Plugin, target: Target) -> Problems:
    for field in plugin.fields_in(target):
        if field.name not in found.given and plugin.wants(field, target):
            yield field.name + (f" (mostly {field.default})" if field.default else "")


def _unknown(found: PluginNode, plugin: Plugin, target: Target) -> Problems:
    had = [f.name for f in plugin.fields_in(target)]
    every = {f.name: f for f in plugin.fields}
    for name, given in found.given.items():
        if name in had or not given.type:
            continue
        if name in every:
            yield f"{name} came with TensorRT {every[name].releases[0]}"
            continue
        close = difflib.get_close_matches(name, [n for n in had if n not in found.given] or had, 1, 0.5)
        yield f"{name} is none of its fields" + (f"; did you mean {close[0]}?" if close else "")


def _type(found: PluginNode, plugin: Plugin, target: Target) -> Problems:
    for field in plugin.fields_in(target):
        given = found.given.get(field.name)
        if given is None or given.type in ("", field.type) or (given.type == "bool" and field.type == "int"):
            continue
        wrong = f"{field.name} is {given.type} ({given.shown}), and {field.type} is wanted"
        yield wrong + (
            f": write {given.shown}.0" if (field.type, given.count) == ("float", 1) and _whole(given.value) else ""
        )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _length(found: PluginNode, plugin: Plugin, target: Target) -> Problems:
    for field in plugin.fields_in(target):
        given = found.given.get(field.name)
        if given is not None and not field.many and given.type in ("int", "float") and given.count != field.length:
            elements = plural(field.length, "element")
            yield f"{field.name} has {given.count} elements, and {elements} are wanted".replace("1 element are", "1 is")


def _untyped(found: PluginNode, plugin: Plugin, target: Target) -> Problems:
    for field in plugin.fields_in(target):
        given = found.given.get(field.name)
        if given is not None and not given.type:
            yield f"{field.name} has no type in its name: {_SUFFIXES[field.type]} must follow"


_PROBLEMS: dict[str, Callable[[PluginNode, Plugin, Target], Problems]] = {
    "missing": _missing,
    "unknown": _unknown,
    "type": _type,
    "length": _length,
    "untyped": _untyped,
}
