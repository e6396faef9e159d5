"""Inputs and outputs of a graph: found, or given by the user; and the cut that a given input makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphdoctor.errors import InputError
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.types import DType, Shape, dims_text
from graphdoctor.wire.attrs import ShapeValue

_INPUT_OPS = (
    "Placeholder",
    "PlaceholderV2",
    "IteratorGetNext",
    "QueueDequeueV2",
    "QueueDequeueManyV2",
    "FIFOQueueV2",
)
_NEVER_OUTPUTS = frozenset(
    "Const Placeholder PlaceholderWithDefault NoOp Assert Print PrintV2 SaveV2 Save SaveSlices RestoreV2 "
    "MergeV2Checkpoints ShardedFilename VarHandleOp VariableV2 Variable HashTableV2 ScalarSummary HistogramSummary "
    "MergeSummary ImageSummary Assign AssignAdd AssignSub AssignVariableOp IsVariableInitialized VarIsInitializedOp "
    "InitializeTableV2 LookupTableImportV2 ControlTrigger".split()
)
_TRAINING_SCOPES = ("gradients", "save", "init", "train", "GradientDescent", "Adam", "report_uninitialized")
_ARGUMENT = re.compile(r"(?P<name>[^\[\]]+?)(?::(?P<dtype>[A-Za-z]\w*))?(?P<dims>\[[^\[\]]*\])?\Z")


@dataclass(frozen=True, slots=True)
class GivenInput:
    """What ``--input NAME[:DTYPE][DIMS]`` says. ``has_dims`` is False when no dimensions were given."""

    name: str
    dtype: DType | None = None
    dims: Shape = None
    has_dims: bool = False

    @classmethod
    def parse(cls, text: str) -> GivenInput:
        """Read ``x``, ``x:float32``, ``x[1,224,224,3]`` or ``x:float32[?,224,224,3]``; ``-1`` and ``?`` are unknown.

        Raises:
            InputError: the text has another form.
        """
        match = _ARGUMENT.match(text.strip())
        if not match:
            raise _bad(text, "it has not the form NAME[:DTYPE][DIMS]")
        dtype = DType.parse(match["dtype"]) if match["dtype"] else None
        if match["dtype"] and dtype is None:
            raise _bad(text, f"{match['dtype']!r} is no dtype")
        dims = _parse_dims(text, match["dims"]) if match["dims"] else None
        return cls(match["name"].removesuffix(":0"), dtype, dims, match["dims"] is not None)


def _bad(text: str, why: str) -> InputError:
    return InputError(f"cannot read --input {text!r}: {why}", remedy="Write for example --input x:float32[1,224,224,3]")


def _parse_dims(text: str, dims: str) -> Shape:
    items = [d.strip() for d in dims[1:-1].split(",") if d.strip()]
    if items == ["*"]:
        return None
    found: list[int | None] = []
    for item in items:
        if item in ("?", "-1", "None"):
            found.append(None)
        elif item.isdecimal():
            found.append(int(item))
        else:
            raise _bad(text, f"{item!r} is no dimension")
    return tuple(found)


def set_signature(graph: Graph, inputs: Sequence[GivenInput] = (), outputs: Sequence[str] = ()) -> None:
    """Set ``graph.inputs`` and ``graph.outputs``: as given, else as found.

    A given input that is no placeholder becomes one: the graph is cut there, and what only fed it is removed.

    Raises:
        InputError: a name is not in the graph (with the nearest names), or a given shape contradicts the graph.
    """
    if outputs:
        graph.outputs = tuple(_output(graph, name) for name in outputs)
    elif not graph.outputs:
        graph.outputs = tuple(n.out() for n in find_outputs(graph))
    if inputs:
        _cut(graph, inputs)
    live = graph.live()
    if inputs:
        named = [graph.node(g.name) for g in inputs]
        others = [n for n in find_inputs(graph) if n in live and n not in named]
        graph.inputs = (*named, *others)
    elif not graph.inputs:
        graph.inputs = tuple(n for n in find_inputs(graph) if n in live or not graph.outputs)


def find_inputs(graph: Graph) -> list[Node]:
    """Nodes that are fed from outside, in file order."""
    found = set(graph.by_op(*_INPUT_OPS))
    return [n for n in graph if n in found]


def find_outputs(graph: Graph) -> list[Node]:
    """The likely outputs in file order: nodes nobody reads that depend on an input and are no training left-over."""
    leaves = find_leaves(graph)
    fed = _reached(graph, [*find_inputs(graph), *graph.missing()])
    for keep in (
        [n for n in leaves if n in fed and not is_training_scope(n)],
        [n for n in leaves if n in fed],
        [n for n in leaves if not is_training_scope(n)],
    ):
        if keep:
            return keep
    return leaves


def find_leaves(graph: Graph) -> list[Node]:
    """Nodes that nobody reads or waits for and that could be an output, in file order."""
    able = [n for n in graph if n.op not in _NEVER_OUTPUTS]
    return [n for n in able if not graph.consumers(n)] or [n for n in able if not _is_read(graph, n)]


def is_training_scope(node: Node) -> bool:
    """True if the node's name says that it belongs to training, saving or initialising."""
    top = node.name.split("/", 1)[0]
    return any(top == s or top.startswith(f"{s}_") for s in _TRAINING_SCOPES)


def _is_read(graph: Graph, node: Node) -> bool:
    """By data, by any node but those that only assert, print or wait."""
    return any(u.slot >= 0 and u.node.op not in ("Assert", "NoOp") for u in graph.uses(node))


def _reached(graph: Graph, roots: Iterable[Node]) -> set[Node]:
    seen = set(roots)
    stack = list(seen)
    while stack:
        for user in graph.consumers(stack.pop()):
            if user not in seen:
                seen.add(user)
                stack.append(user)
    return seen


def _output(graph: Graph, name: str) -> Value:
    value = graph.value(name)
    if value.node.is_missing:
        graph.node(name.partition(":")[0])  # raises, with the nearest names
    return value


def _cut(graph: Graph, inputs: Sequence[GivenInput]) -> None:
    specs = infer_shapes(graph)
    before = graph.live()
    for given in inputs:
        _make_input(graph, graph.node(given.name), given, specs)
    after = graph.live() | {graph.node(g.name) for g in inputs}
    unfed = [n for n in graph if n in before and n not in after]
    for node in unfed:
        graph.set_inputs(node, (), ())
    for node in unfed:
        if not graph.consumers(node):
            graph.remove(node)


def _make_input(graph: Graph, node: Node, given: GivenInput, specs: Specs) -> None:
    known = specs.output(node)
    dtype = given.dtype or known.dtype
    if dtype is DType.INVALID:
        raise InputError(f"the dtype of {node.name!r} cannot be told", remedy=f"Write --input {node.name}:float32[...]")
    dims = given.dims if given.has_dims else known.shape
    if node.op == "Placeholder" and not _agree(dims, known.shape):
        raise InputError(
            f"--input gives {node.name!r} the shape {dims_text(dims)}, and the graph says {dims_text(known.shape)}",
            remedy="Give dimensions that agree with the graph",
        )
    further = sorted({u.index for u in graph.uses(node) if u.index > 0})
    if further:
        raise InputError(
            f"output {further[0]} of {node.name!r} is read too, and an input has one output",
            remedy="Cut behind the nodes that read it",
        )
    if node.op != "Placeholder":
        graph.set_inputs(node, (), ())
        graph.drop_attrs(node, *node.attrs)
        graph.set_op(node, "Placeholder")
    graph.set_attr(node, "dtype", dtype)
    graph.set_attr(node, "shape", ShapeValue(dims))


def _agree(a: Shape, b: Shape) -> bool:
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))
