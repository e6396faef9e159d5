"""Two graphs side by side: what came, went, changed, or only has another name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphdoctor.ir import Attrs, Graph, Node, NodeDiff, NodeState
from graphdoctor.ir.edits import state_of
from graphdoctor.ops import find_op
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor, TensorError

_PRIVATE = "_"
"""Attributes that start so are hints: they do not say what a node computes."""
_INPUT_OPS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """What differs.

    Attributes:
        nodes: nodes that came, went or compute something else, by name; inputs are told by the later graph's names.
        renamed: earlier and later name of nodes that compute the same from the same.
        hints: how many nodes differ in private attributes or the requested device alone.
    """

    nodes: tuple[NodeDiff, ...]
    renamed: tuple[tuple[str, str], ...]
    hints: int

    @property
    def is_empty(self) -> bool:
        """True if both compute the same under the same names."""
        return not self.nodes and not self.renamed


def compare_graphs(before: Graph, after: Graph) -> GraphDiff:
    """What differs between two graphs; the order of their nodes does not count.

    Nodes are told by name. Of those whose name only one of the graphs has, two are one renamed node if they have the
    same op, attributes, constants and, all the way back, inputs. An attribute that is not there has its op's default.
    """
    gone = [n for n in before if n.name not in after]
    come = [n for n in after if n.name not in before]
    renamed = _renamed(before, after, gone, come)
    nodes, hints = [], 0
    for node in before:
        new = after.get(renamed.get(node.name, node.name))
        old = _renamed_state(state_of(node), renamed)
        if new is None:
            nodes.append(NodeDiff(old, None))
        elif not _is_same(old, state_of(new)):
            nodes.append(NodeDiff(old, state_of(new)))
        elif not _has_same_hints(node, new):
            hints += 1
    later = frozenset(renamed.values())
    nodes += [NodeDiff(None, state_of(n)) for n in come if n.name not in later]
    return GraphDiff(tuple(sorted(nodes, key=lambda d: d.name)), tuple(sorted(renamed.items())), hints)


def _is_same(a: NodeState, b: NodeState) -> bool:
    return (a.op, _plain(a.inputs)) == (b.op, _plain(b.inputs)) and _meaning(a.op, a.attrs) == _meaning(b.op, b.attrs)


def _plain(inputs: Iterable[str]) -> list[str]:
    """Inputs as a GraphDef may write them in two ways; in which order a node waits does not count."""
    names = [i.removesuffix(":0") for i in inputs]
    return [*(n for n in names if not n.startswith("^")), *sorted(n for n in names if n.startswith("^"))]


def _meaning(op: str, attrs: Attrs) -> dict[str, AttrPy]:
    """The attributes that say what a node computes, defaults left out."""
    known = find_op(op)
    defaults = known.defaults if known is not None else {}
    public = {k: v for k, v in attrs.items() if not k.startswith(_PRIVATE)}
    return {k: v for k, v in public.items() if k not in defaults or v != defaults[k]}


def _has_same_hints(a: Node, b: Node) -> bool:
    private = [{k: v for k, v in n.attrs.items() if k.startswith(_PRIVATE)} for n in (a, b)]
    return private[0] == private[1] and a.device == b.device


def _renamed_state(state: NodeState, renamed: Mapping[str, str]) -> NodeState:
    """``state`` with its inputs under their later names."""
    if not renamed:
        return state
    return NodeState(state.name, state.op, tuple(_renamed_input(i, renamed) for i in state.inputs), state.attrs)


def _renamed_input(reference: str, renamed: Mapping[str, str]) -> str:
    mark = "^" if reference.startswith("^") else ""
    name = reference.removeprefix("^")
    if name in renamed:
        return mark + renamed[name]
    head, colon, tail = name.rpartition(":")
    return f"{mark}{renamed[head]}:{tail}" if colon and head in renamed else reference


def _renamed(before: Graph, after: Graph, gone: list[Node], come: list[Node]) -> dict[str, str]:
    """Earlier to later name of the nodes of ``gone`` that are in ``come``.

    First by what they compute, which settles all of an unchanged part; then from what is paired backwards, input by
    input, which finds its way round a change.
    """
    if not gone or not come:
        return {}
    pairs = _Pairs(before, after, {n.name: n for n in gone}, {n.name: n for n in come})
    shared = frozenset(n.name for n in before if n.name in after and n.op in _INPUT_OPS)
    old, new = _digests(before, shared), _digests(after, shared)
    places: dict[bytes, list[Node]] = {}
    for node in reversed(come):
        places.setdefault(new.get(node, b""), []).append(node)
    for node in gone:
        if node in old and places.get(old[node]):
            pairs.pair(node, places[old[node]].pop())
    pairs.spread()
    return pairs.renamed


class _Pairs:
    """Pairs of nodes, one of each graph, and how they spread to the inputs of both."""

    def __init__(self, before: Graph, after: Graph, gone: dict[str, Node], come: dict[str, Node]) -> None:
        self.renamed: dict[str, str] = {}
        self._gone, self._come = gone, come
        self._queue = [(node, after.node(node.name)) for node in before if node.name in after]
        for old, new in zip(before.outputs, after.outputs, strict=False):
            self.pair(old.node, new.node)

    def pair(self, old: Node, new: Node) -> None:
        """Take the two for one node, if neither has a partner and both are of one op."""
        if old.op == new.op and old.name in self._gone and new.name in self._come:
            del self._gone[old.name], self._come[new.name]
            self.renamed[old.name] = new.name
            self._queue.append((old, new))

    def spread(self) -> None:
        """Pair what paired nodes read at the same place, until nothing is left to pair."""
        while self._queue and self._gone and self._come:
            old, new = self._queue.pop()
            for a, b in zip(old.inputs, new.inputs, strict=False):
                if a.index == b.index:
                    self.pair(a.node, b.node)


def _digests(graph: Graph, named: frozenset[str]) -> dict[Node, bytes]:
    """A digest of what each node computes, from its op, attributes and the digests of its inputs.

    Args:
        graph: the graph.
        named: inputs that both graphs have under one name; they are told by it.
    """
    found: dict[Node, bytes] = {}
    for node in graph.order().nodes:
        digest = hashlib.blake2b(repr((node.op, node.name if node.name in named else "")).encode(), digest_size=16)
        for key, attr in _meaning(node.op, node.attrs).items():
            digest.update(f"{key}={_value_text(attr)};".encode("utf-8", "backslashreplace"))
        for value in node.inputs:
            digest.update(found.get(value.node, value.node.name.encode("utf-8", "backslashreplace")))
            digest.update(f":{value.index}".encode())
        for control in sorted(found.get(c, c.name.encode("utf-8", "backslashreplace")) for c in node.controls):
            digest.update(b"^" + control)
        found[node] = digest.digest()
    return found


def _value_text(value: AttrPy) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    try:
        return value.digest()
    except TensorError:
        return repr(value)
