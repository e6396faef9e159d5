"""What TF-TRT asks of the shapes of every node that it converts."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.targets import Target
from graphdoctor.types import Answer, dims_text
from graphdoctor.words import plural


def check(ctx: CheckContext, *, batched: bool = True) -> Iterator[Hit]:
    """One hit for each node: with ``batched``, no input has two dimensions; else, output 0 has an unknown one."""
    for target in ctx.targets:
        for nodes in _offered(ctx, target):
            # Nodes of one kind have inputs of the same ranks; their outputs may differ.
            if not batched or _batched(ctx, nodes[0], target) is not None:
                for node in nodes:
                    hit = _batched(ctx, node, target) if batched else _static(ctx, node, target)
                    if hit is not None:
                        yield hit


def _offered(ctx: CheckContext, target: Target) -> Iterator[list[Node]]:
    """The nodes that the target converts or may convert, kind by kind; not the ends of the graph and what is folded."""
    ends = {*ctx.graph.inputs, *(v.node for v in ctx.graph.outputs)}
    for kind, nodes in ctx.kinds(target).items():
        if kind.op != "Const" and ctx.judge.support_of(kind, target).ok is not Answer.NO and nodes[0].inputs:
            inner = nodes if ends.isdisjoint(nodes) else [n for n in nodes if n not in ends]
            if inner:
                yield inner


def _batched(ctx: CheckContext, node: Node, target: Target) -> Hit | None:
    ranks = [ctx.specs.of(v).rank for v in node.inputs]
    known = [r for r in ranks if r is not None]
    if any(r >= 2 for r in known):
        return None
    if len(known) < len(ranks):
        return Hit(node, "the rank of its inputs is not known", certain=False, target=target)
    return Hit(node, f"its largest input has {plural(max(known), 'dimension')}", target=target)


def _static(ctx: CheckContext, node: Node, target: Target) -> Hit | None:
    shape = ctx.specs.output(node).shape
    if shape is None:
        return Hit(node, "not even its rank is known", certain=False, target=target)
    if None not in shape[1:]:
        return None
    return Hit(node, f"its output is {dims_text(shape)}", target=target)
