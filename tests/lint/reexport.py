"""The same graph as another export would write it: other names, other order."""

from __future__ import annotations

import random
from pathlib import Path

from graphdoctor.ir import Graph
from graphdoctor.ir.edits import state_of
from graphdoctor.ir.node import NodeRecord
from graphdoctor.ir.text import parse_graph

FIXTURES = Path(__file__).parents[2] / "fixtures"


def texts() -> dict[str, Path]:
    """Every graph in text form that shows a rule broken, by the rule's code."""
    return {p.parent.name: p for p in sorted((FIXTURES / "rules").glob("*/bad.gdt"))}


def parsed(path: Path) -> Graph:
    """The graph in a fixture."""
    return parse_graph(path.read_text(encoding="utf-8"), path.name)


def reexported(graph: Graph, seed: int, prefix: str = "StatefulPartitionedCall/") -> Graph:
    """``graph`` with every part of every name numbered anew, ``prefix`` before it, and its nodes shuffled."""
    draw = random.Random(seed)
    parts: dict[str, str] = {}

    def named(name: str) -> str:
        done, made = "", []
        for part in name.split("/"):
            done += "/" + part
            parts.setdefault(done, f"{part}_{draw.randrange(1, 100)}.{len(parts)}")
            made.append(parts[done])
        return prefix + "/".join(made)

    def ref(text: str) -> str:
        mark, bare = ("^", text[1:]) if text.startswith("^") else ("", text)
        name, colon, port = bare.rpartition(":")
        return f"{mark}{named(name)}:{port}" if colon and port.isdecimal() else mark + named(bare)

    states = [state_of(n) for n in graph]
    records = [NodeRecord(named(s.name), s.op, [ref(r) for r in s.inputs], s.attrs) for s in states]
    draw.shuffle(records)
    made = Graph.from_records(records, graph.source)
    made.producer = graph.producer
    made.inputs = tuple(made.node(named(n.name)) for n in graph.inputs)
    made.outputs = tuple(made.value(ref(v.name)) for v in graph.outputs)
    return made
