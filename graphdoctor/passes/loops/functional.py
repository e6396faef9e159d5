"""The loops of TensorFlow 2: a node that calls one function as long as another one says so."""

from __future__ import annotations

from collections.abc import Mapping

from graphdoctor.ir import Attrs, Node
from graphdoctor.match.bodies import Bodies, Body, BodyError, BodyNode, filled
from graphdoctor.passes.loops.form import Cell, Loop, LoopError, Source
from graphdoctor.wire.attrs import FuncRef

WHILE_OPS = ("While", "StatelessWhile")


def loop_of_while(node: Node, bodies: Bodies) -> Loop:
    """``node`` as a loop.

    Raises:
        LoopError: its functions are not there, have an effect, or do not fit it.
    """
    test, test_cells = _read(node, "cond", bodies)
    body, cells = _read(node, "body", bodies)
    if len(test.results) != 1 or len(body.results) != len(node.inputs):
        raise LoopError("its functions do not give what it carries")
    go_on, *_ = _sources(test, test_cells)
    return Loop(
        node.name,
        node,
        node.inputs,
        _cells(test, test_cells),
        go_on,
        _cells(body, cells),
        _sources(body, cells),
        tuple((node.out(i), i) for i in range(len(node.inputs))),
        (node,),
        node.controls,
        waits_for_all=True,
    )


def _read(node: Node, key: str, bodies: Bodies) -> tuple[Body, Mapping[str, Node]]:
    function = node.attr(key)
    if not isinstance(function, FuncRef):
        raise LoopError(f"it names no function as its {key}")
    try:
        body = bodies.body(function.name)
        if len(body.arguments) != len(node.inputs):
            raise LoopError(f"{function.name} takes {len(body.arguments)} tensors, and it carries {len(node.inputs)}")
        if body.awaited:
            raise LoopError(f"{body.awaited[0]} in {function.name} has an effect")
        return body, {n.name: _node(node, function, body, n) for n in body.nodes}
    except BodyError as e:
        raise LoopError(str(e)) from e


def _node(node: Node, function: FuncRef, body: Body, inner: BodyNode) -> Node:
    attrs = {k: filled(v, function.attrs, body.defaults, function.name) for k, v in inner.attrs.items()}
    return Node(f"{node.name}/{inner.name}", inner.op, Attrs(attrs), device=inner.device, origins=node.origins)


def _source(source: int | tuple[str, int], nodes: Mapping[str, Node]) -> Source:
    return source if isinstance(source, int) else (nodes[source[0]], source[1])


def _sources(body: Body, nodes: Mapping[str, Node]) -> tuple[Source, ...]:
    return tuple(_source(s, nodes) for s in body.results)


def _cells(body: Body, nodes: Mapping[str, Node]) -> tuple[Cell, ...]:
    return tuple(
        Cell(nodes[n.name], tuple(_source(s, nodes) for s in n.inputs), tuple(nodes[c] for c in n.controls))
        for n in body.nodes
    )
