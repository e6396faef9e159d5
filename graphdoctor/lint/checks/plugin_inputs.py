"""Plugin nodes with more or fewer inputs than the plugin takes."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.plugins import plugin_nodes


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each node; the UFF converter makes a data input of a control input."""
    for found in plugin_nodes(ctx):
        if found.plugin is None:
            continue
        count, least = len(found.node.inputs) + len(found.node.controls), found.plugin.inputs[0]
        most = found.plugin.inputs[1] if len(found.plugin.inputs) > 1 else None
        if count < least:
            wanted = f"{least}" if most == least else f"{least} or more"
            yield Hit(found.node, f"it has {count}, and {wanted} {'is' if least == 1 else 'are'} needed")
        elif most is not None and count > most:
            yield Hit(found.node, f"it has {count}, and takes {most}", certain=False)
