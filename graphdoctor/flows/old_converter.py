"""What NVIDIA's UFF converter was asked for, by its command and its Python calls: done with ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import InputError
from graphdoctor.flows.opening import keep_input
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.formats.uff import save_uff, uff_from_graph
from graphdoctor.graphsurgeon import DynamicGraph, GraphDef, NodeDef
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.match.history import has_heard_of
from graphdoctor.ops import find_op
from graphdoctor.passes.signature import set_signature
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue
from graphdoctor.wire.uff import UffModel, uff_text

_NO_OUTPUTS = frozenset({"Assert", "NoOp"})
"""Ops that give no value: the converter removed the first, and nobody can ask for the second."""
_UNKNOWN_DIMS = ("-1", "?", "None")
_FORM = "Write NAME,NEW_NAME,DTYPE,DIM,DIM,..., for example x,x,float32,1,224,224,3"


@dataclass(frozen=True, slots=True)
class Asked:
    """What to convert.

    Attributes:
        outputs: names, or numbers of nodes: from 1, or from -1 at the end; none: every node that reads something and
            that nobody reads.
        inputs: ``NAME,NEW_NAME,DTYPE,DIM,...``: nodes that an Input takes the place of.
        plugins: ops that the device has a plugin for; an op that no TensorFlow has needs not be named.
    """

    outputs: Sequence[str | int] = ()
    inputs: Sequence[str] = ()
    plugins: Sequence[str] = ()


def convert_as_asked(graph: Graph, asked: Asked) -> UffModel:
    """Lower ``graph``, whose inputs and outputs are set as asked and whose replaced nodes are placeholders then.

    Outputs that the graph's file states count where none is asked for.

    Raises:
        InputError: a node is not there, an input cannot be read, or there is no output.
        UnsupportedError: nodes cannot be lowered; all are listed.
    """
    replaced = [_Input.parse(text) for text in asked.inputs]
    if asked.outputs:
        graph.outputs = tuple(_output(graph, o) for o in asked.outputs)
    elif not graph.outputs:
        graph.outputs = tuple(n.out() for n in graph if _is_end(graph, n))
    if not graph.outputs:
        raise InputError("no node reads something and is read by nobody", remedy="Name the outputs")
    for one in replaced:
        one.put_into(graph)
    graph.inputs = ()
    set_signature(graph)
    return uff_from_graph(graph, plugins={*asked.plugins, *_ops_of_nobody(graph)})


def node_lines(graph: Graph) -> Iterator[str]:
    """The nodes with the numbers that an output can be named by."""
    for number, node in enumerate(graph, 1):
        yield f'{number} {node.op}: "{node.name}"'


def ends_of(graph: Graph, data: bytes) -> tuple[list[NodeDef], list[NodeDef]]:
    """The inputs and outputs of ``graph``, whose bytes are ``data``, as nodes of a GraphDef."""
    nodes = {n.name: n for n in GraphDef.FromString(data).nodes()}
    return [nodes[n.name] for n in graph.inputs], [nodes[v.node.name] for v in graph.outputs]


@dataclass(frozen=True, slots=True)
class Files:
    """What to write: ``out``, and beside it, with its stem, the text (.pbtxt) and the graph as it was preprocessed.

    ``source`` is the model that was read, which none of them may be; empty where it was no file.
    """

    out: str
    text: bool = False
    preprocessed: bool = False
    source: str = ""

    def check(self) -> None:
        """Refuse to write over the model.

        Raises:
            InputError: one of the files is the model.
        """
        beside = [self.text_place] if self.text else []
        beside += [self.graph_place] if self.preprocessed else []
        for place in (self.out, *beside):
            if self.source:
                keep_input(self.source, place, "Choose another output")
        if self.out in beside:
            raise InputError("is the output and its text at once", where=self.out, remedy="Choose another output")

    @property
    def text_place(self) -> str:
        """Where the text goes."""
        return f"{_stem(self.out)}.pbtxt"

    @property
    def graph_place(self) -> str:
        """Where the preprocessed graph goes."""
        return f"{_stem(self.out)}_preprocessed.pb"

    def write(self, model: UffModel, graph: bytes) -> list[str]:
        """Write them; gives their places, the UFF file's first. ``graph`` is the preprocessed one.

        Raises:
            InputError: one cannot be written.
        """
        save_uff(model, self.out)
        places = [self.out]
        if self.text:
            atomic_write(self.text_place, uff_text(model).encode())
            places.append(self.text_place)
        if self.preprocessed:
            dynamic = DynamicGraph(GraphDef.FromString(graph))
            dynamic.write(self.graph_place)
            dynamic.write_tensorboard(self.graph_place.removesuffix(".pb"))
            places.append(self.graph_place)
        return places


@dataclass(frozen=True, slots=True)
class _Input:
    """An Input, and the node that it takes the place of."""

    name: str
    new_name: str
    dtype: DType
    dims: tuple[int | None, ...]

    @classmethod
    def parse(cls, text: str) -> _Input:
        parts = [p.strip() for p in text.split(",")]
        if len(parts) < 3 or not parts[0]:
            raise _bad(text, "it names no node, new name and dtype")
        name, new_name, label, *dims = parts
        dtype = DType.parse(label)
        if dtype is None or dtype is DType.INVALID:
            raise _bad(text, f"{label!r} is no dtype")
        wrong = next((d for d in dims if d not in _UNKNOWN_DIMS and not (d.isascii() and d.isdecimal())), None)
        if wrong is not None:
            raise _bad(text, f"{wrong!r} is no dimension")
        return cls(name, new_name or name, dtype, tuple(None if d in _UNKNOWN_DIMS else int(d) for d in dims))

    def put_into(self, graph: Graph) -> None:
        """Make the node a placeholder."""
        node = graph.node(self.name)
        if self.new_name != self.name and self.new_name in graph:
            raise InputError(f"a node named {self.new_name!r} exists already", remedy="Give the input another name")
        further = [u.index for u in graph.uses(node) if u.index > 0]
        if further:
            raise InputError(
                f"output {min(further)} of {self.name!r} is read too, and an input has one output",
                remedy="Replace the nodes that read it",
            )
        graph.set_inputs(node, (), ())
        graph.drop_attrs(node, *node.attrs)
        graph.set_op(node, "Placeholder")
        graph.set_attr(node, "dtype", self.dtype)
        graph.set_attr(node, "shape", ShapeValue(self.dims))
        if self.new_name != self.name:
            graph.rename(node, self.new_name)


def _stem(path: str) -> str:
    """``path`` without its ending; a folder's name as it is."""
    return path.removesuffix(Path(path).suffix)


def _bad(text: str, why: str) -> InputError:
    return InputError(f"cannot read the input {text!r}: {why}", remedy=_FORM)


def _output(graph: Graph, wanted: str | int) -> Value:
    """The value that a name or a number stands for; a node may be called like a number."""
    text = str(wanted)
    if text in graph:
        return graph.node(text).out()
    if text.removeprefix("-").isdecimal():
        return _numbered(graph, int(text)).out()
    value = graph.value(text)
    return value if not value.node.is_missing else graph.node(text.partition(":")[0]).out()


def _numbered(graph: Graph, number: int) -> Node:
    nodes = list(graph)
    if not 1 <= abs(number) <= len(nodes):
        raise InputError(
            f"there is no node number {number}", remedy=f"Give 1 to {len(nodes)}, or -1 to {-len(nodes)} from the end"
        )
    return nodes[number - 1 if number > 0 else number]


def _is_end(graph: Graph, node: Node) -> bool:
    return bool(node.inputs or node.controls) and node.op not in _NO_OUTPUTS and not graph.consumers(node)


def _ops_of_nobody(graph: Graph) -> set[str]:
    """Ops that are neither TensorFlow's nor functions of the graph: nothing but a plugin can be meant."""
    source = graph.source
    functions = set() if source is None else {f.signature.name for f in source.library.function}
    ops = {n.op for n in graph.live()}
    return {op for op in ops - functions if find_op(op) is None and not has_heard_of(op)}
