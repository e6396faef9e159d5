"""What a graph is fed with."""

from __future__ import annotations

import msgspec

from graphdoctor.ir import GraphView, Node, Use
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, SetAttr, Step, propose
from graphdoctor.surgery.rewrites.common import forward
from graphdoctor.targets import Target
from graphdoctor.types import Answer, DType

_ONLY_SHAPE = frozenset({"Shape", "Size", "Rank"})


class CastOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """Options of ``cast-input``: inputs of dtype ``from`` become ``to``."""

    source: str
    to: str


def cast_input(graph: GraphView, facts: Facts, options: CastOptions) -> Found:
    """Give an input the dtype that every reader casts it to."""
    old, new = DType.parse(options.source), DType.parse(options.to)
    if old is None or new is None or _takes(facts.target, old):
        return
    for node in graph.by_op("Placeholder"):
        if node.attr("dtype") is old and node in graph.inputs:
            yield _cast(graph, node, old, new)


def _takes(target: Target | None, old: DType) -> bool:
    """True if ``target`` has inputs of ``old``, and a Cast behind them."""
    if target is None:
        return False
    return old in target.dtypes and (target.parser != "uff" or target.row("Cast").support is Answer.YES)


def _cast(graph: GraphView, node: Node, old: DType, new: DType) -> Proposal | Refusal:
    uses = [u for u in graph.uses(node) if u.slot >= 0]
    other = next((u.node for u in uses if u.node.op not in _ONLY_SHAPE and not _is_cast(u, old)), None)
    if graph.is_output(node):
        return Refusal(node, "it is an output of the graph as well")
    if other is not None:
        return Refusal(node, f"{other.op} {other.name} reads it as {old.label}")
    if not any(u.node.op == "Cast" for u in uses):
        return Refusal(node, "nothing casts it")
    steps: list[Step] = [SetAttr(node, "dtype", new)]
    for use in uses:
        steps += _adapted(graph, use.node, node, new)
    touched = tuple(u.node for u in uses)
    note = f"fed as {new.label} in place of {old.label}"
    return propose(node, *steps, touches=touched, note=note)


def _is_cast(use: Use, old: DType) -> bool:
    return use.node.op == "Cast" and use.node.attr("SrcT", old) is old


def _adapted(graph: GraphView, reader: Node, node: Node, new: DType) -> tuple[Step, ...]:
    """What a reader of the input becomes: a Cast to the new dtype goes, others start from it."""
    if reader.op != "Cast":
        return (SetAttr(reader, "T", new),)
    if reader.attr("DstT") is new:
        return forward(graph, reader, node.out(), new)
    return (SetAttr(reader, "SrcT", new),)


FINDERS = {"cast-input": Finder(cast_input, CastOptions)}
