"""Graphs on one line: ``x; i=Id(x); r=R(i,^x,s:1)``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphdoctor.graphsurgeon import DynamicGraph, NodeDef, create_node

_NODE = re.compile(r"(?P<name>[\w/]+)(=(?P<op>\w+)(\((?P<inputs>[^)]*)\))?)?")


def graph(text: str) -> DynamicGraph:
    """The graph of ``text``; a node without ``=`` has the op Placeholder."""
    made = DynamicGraph()
    for part in filter(None, (p.strip() for p in text.split(";"))):
        match = _NODE.fullmatch(part)
        assert match, part
        inputs = [i.strip() for i in (match["inputs"] or "").split(",") if i.strip()]
        made.append(create_node(match["name"], match["op"] or "Placeholder", inputs=inputs))
    return made


def text(nodes: Iterable[NodeDef]) -> str:
    """The nodes as :func:`graph` reads them."""
    return "; ".join(n.name if n.op == "Placeholder" else f"{n.name}={n.op}({','.join(n.input)})" for n in nodes)


def node(made: DynamicGraph, name: str) -> str:
    """One node of a graph as text."""
    return text([made.node_map[name]])
