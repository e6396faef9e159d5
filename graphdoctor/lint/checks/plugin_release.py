"""Plugin nodes whose plugin the target's library does not have, or that no parser of the target looks up."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.plugins import SUFFIX, PluginNode, plugin_nodes
from graphdoctor.targets import Target
from graphdoctor.targets.plugins import Plugin, all_plugins


def check(ctx: CheckContext, *, ask: str = "release") -> Iterator[Hit]:
    """One hit for each plugin node and target.

    ``ask`` is ``release`` (the library of the target does not have it), ``name`` (nobody knows it), ``parser`` (the
    target does not read UFF), ``future`` (a later release removed it) or ``register`` (it runs once it is registered).
    """
    asked = {"release": _release, "name": _name, "parser": _parser, "future": _future, "register": _register}[ask]
    for found in plugin_nodes(ctx):
        for target in ctx.targets:
            reason = asked(found, target)
            if reason:
                yield Hit(found.node, reason, target=target)


def _release(found: PluginNode, target: Target) -> str:
    plugin = found.plugin
    if plugin is None or not target.plugins or plugin.is_in(target):
        return ""
    return f"its library has it in {_spans(plugin)}"


def _spans(plugin: Plugin) -> str:
    first, last = plugin.releases[0], plugin.releases[-1]
    known = max((p.releases for p in all_plugins().values()), key=lambda releases: len(releases))
    between = known[known.index(first) : known.index(last) + 1]
    gaps = [r for r in between if r not in plugin.releases]
    return f"TensorRT {first} to {last}" + (f", not in {', '.join(gaps)}" if gaps else "")


def _name(found: PluginNode, target: Target) -> str:
    relatives = [name for p in all_plugins().values() for name in p.same]
    if found.plugin is not None or found.node.op in relatives:
        return ""
    known = [p.name for p in all_plugins().values() if p.is_in(target)] or list(all_plugins())
    close = difflib.get_close_matches(found.node.op, known, 1, 0.6)
    if not close:
        folded = {name.lower().removesuffix(SUFFIX.lower()): name for name in known}
        close = [
            folded[k] for k in difflib.get_close_matches(found.node.op.lower().removesuffix("_trt"), folded, 1, 0.6)
        ]
    return f"did you mean {close[0]}?" if close else "the library of NVIDIA has none of that name"


def _parser(found: PluginNode, target: Target) -> str:
    return "TensorFlow has no such op" if target.parser == "tftrt" else "only the UFF parser looks plugins up by op"


def _register(found: PluginNode, target: Target) -> str:
    is_there = found.plugin is not None and found.plugin.is_in(target)
    return "call initLibNvInferPlugins first" if is_there else ""


def _future(found: PluginNode, target: Target) -> str:
    plugin = found.plugin
    return f"TensorRT {plugin.removed} has it no more" if plugin is not None and plugin.removed else ""
