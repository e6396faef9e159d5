"""The bodies of library functions, read so that they can be put in the place of a call.

Grammar of what a node of a function reads (TensorFlow, core/framework/function.proto): an argument by its name, output
``i`` of a list or single output of a node as ``node:output:i``, a control input as ``^node``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphdoctor.ir import Attrs, GraphView
from graphdoctor.match.functions import Library, may_act, output_names, read_library
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder, AttrPy, FuncRef, decode

MOST_NODES = 1_000_000
"""Nodes that all calls of a graph may come to."""
DEEPEST = 50
"""Functions that call each other, one in the other; a round of rewrites takes one level."""

Source = int | tuple[str, int]
"""What is read inside: an argument by its number, or an output of a node by name and number."""


class BodyError(Exception):
    """The body of a function cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class BodyNode:
    """A node of a function."""

    name: str
    op: str
    inputs: tuple[Source, ...]
    controls: tuple[str, ...]
    attrs: Attrs
    device: str


@dataclass(frozen=True, slots=True)
class Body:
    """A function that can be inlined.

    Attributes:
        arguments: their names, and their dtypes as in ``types``.
        nodes: what its results and effects need, producers first.
        results: where each result comes from.
        awaited: nodes with an effect that a result does not wait for by itself.
        defaults: attributes that a caller may leave out.
        types: dtype of each result, or the attribute of the caller that says it.
    """

    arguments: Mapping[str, DType | AttrPlaceholder]
    nodes: tuple[BodyNode, ...]
    results: tuple[Source, ...]
    awaited: tuple[str, ...]
    defaults: Mapping[str, AttrPy]
    types: tuple[DType | AttrPlaceholder, ...]


def filled(value: AttrPy, said: Mapping[str, AttrPy], defaults: Mapping[str, AttrPy], name: str) -> AttrPy:
    """``value`` of a node in the function ``name``, with what the caller says in the place of its attributes.

    Raises:
        BodyError: the caller does not say it, and there is no default.
    """
    if isinstance(value, AttrPlaceholder):
        found = said.get(value.name, defaults.get(value.name))
        if found is None:
            raise BodyError(f"the call says no attribute {value.name}, which {name} needs")
        return found
    if isinstance(value, FuncRef):
        return _filled_function(value, said, defaults, name)
    if isinstance(value, tuple):
        return tuple(_filled_function(v, said, defaults, name) if isinstance(v, FuncRef) else v for v in value)
    return value


def _filled_function(ref: FuncRef, said: Mapping[str, AttrPy], defaults: Mapping[str, AttrPy], name: str) -> FuncRef:
    return FuncRef(ref.name, {key: filled(v, said, defaults, name) for key, v in ref.attrs.items()})


class Bodies:
    """The functions of a graph's library; bodies are read when they are first asked for."""

    def __init__(self, graph: GraphView) -> None:
        functions = graph.source.library.function if graph.source is not None else ()
        self._functions = {f.signature.name: f for f in functions}
        self._library = read_library(functions)
        self._sizes, self._depth = _sizes(self._library), self._library.depth()
        self._effects: dict[str, frozenset[str]] = {}
        self._bodies: dict[str, Body] = {}

    @property
    def names(self) -> list[str]:
        """The functions, in order of the file."""
        return list(self._functions)

    def size(self, name: str) -> int:
        """Nodes that a call of ``name`` comes to, calls inside counted with them; 0 where that has no end."""
        return self._sizes.get(name, 0)

    def effects(self, name: str) -> frozenset[str]:
        """The ops by which a call of ``name`` may do more than give its results; itself where that is not known."""
        if name not in self._functions or name not in self._sizes:
            return frozenset({name})
        if name not in self._effects:
            own = frozenset(op for op in self._library.ops[name] if may_act(op))
            self._effects[name] = own.union(*map(self.effects, self._library.calls[name]))
        return self._effects[name]

    def body(self, name: str) -> Body:
        """The body of the function ``name``.

        Raises:
            BodyError: there is no such function, it calls itself, or it cannot be read.
        """
        if name not in self._functions:
            raise BodyError(f"there is no function {name} in the library")
        if name not in self._sizes:
            raise BodyError(f"the function {name} calls itself, or one that does, and has no end")
        if self._depth[name] > DEEPEST:
            raise BodyError(f"the function {name} calls others {self._depth[name]} deep")
        if name not in self._bodies:
            self._bodies[name] = self._read(self._functions[name])
        return self._bodies[name]

    # ---- reading ----------------------------------------------------------------------------------------------

    def _read(self, function: Any) -> Body:
        signature = function.signature
        if any(a.number_attr or a.type_list_attr or a.is_ref for a in (*signature.input_arg, *signature.output_arg)):
            raise BodyError(f"{signature.name} takes or gives a list of tensors or a reference")
        messages = {n.name: n for n in function.node_def}
        arguments = {a.name: i for i, a in enumerate(signature.input_arg)}
        if len(messages) < len(function.node_def) or not messages.keys().isdisjoint(arguments):
            raise BodyError(f"two nodes of {signature.name} have one name")
        nodes = {name: self._node(message, messages, arguments) for name, message in messages.items()}
        results = tuple(self._source(function.ret[a.name], messages, arguments) for a in signature.output_arg)
        effects = [n.name for n in nodes.values() if self._acts(n.op)]
        starts = [source[0] for source in results if isinstance(source, tuple)]
        order = _ordered([*starts, *effects], nodes, signature.name)
        reached = {n.name for n in _ordered(starts, nodes, signature.name)} if len(results) == 1 else set()
        return Body(
            {a.name: _type(a) for a in signature.input_arg},
            tuple(order),
            results,
            tuple(name for name in effects if name not in reached),
            {a.name: decode(a.default_value) for a in signature.attr if a.HasField("default_value")},
            tuple(map(_type, signature.output_arg)),
        )

    def _node(self, message: Any, nodes: Mapping[str, Any], arguments: Mapping[str, int]) -> BodyNode:
        waits = [ref.removeprefix("^") for ref in message.input if ref.startswith("^")]
        unknown = [name for name in waits if name not in nodes and name not in arguments]
        if unknown:
            raise BodyError(f"its node {message.name} waits for {unknown[0]}, which is not there")
        inputs = tuple(self._source(ref, nodes, arguments) for ref in message.input if not ref.startswith("^"))
        controls = tuple(name for name in dict.fromkeys(waits) if name in nodes)
        attrs = Attrs(messages={key: message.attr[key] for key in message.attr if key != "_class"})
        return BodyNode(message.name, message.op, inputs, controls, attrs, message.device)

    def _source(self, ref: str, nodes: Mapping[str, Any], arguments: Mapping[str, int]) -> Source:
        if ref in arguments:
            return arguments[ref]
        name, _, rest = ref.partition(":")
        output, _, index = rest.partition(":")
        if name not in nodes or not output or not index.isdecimal():
            raise BodyError(f"it reads {ref}, which is not there")
        return name, self._first(nodes[name], output) + int(index)

    def _first(self, node: Any, output: str) -> int:
        """The number of the first tensor of the output that is called ``output``."""
        called = self._functions.get(node.op)
        names = output_names(node.op) if called is None else tuple(a.name for a in called.signature.output_arg)
        if names is None:
            raise BodyError(f"what the outputs of {node.op} {node.name} are called is not known")
        if names == ("*",):
            return 0
        count = 0
        for name in names:
            single, _, length = name.partition("*")
            if single == output:
                return count
            count += _length(node, length) if length else 1
        raise BodyError(f"{node.op} {node.name} has no output {output}")

    def _acts(self, op: str) -> bool:
        """True if a node of ``op`` may have an effect: TensorFlow runs it in a function though nothing may read it."""
        return bool(self.effects(op)) if op in self._functions else may_act(op)


def _sizes(library: Library) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for name in library.order():
        found[name] = len(library.ops[name]) + sum(1 + found[called] for called in library.calls[name])
    return found


def _type(arg: Any) -> DType | AttrPlaceholder:
    return AttrPlaceholder(arg.type_attr) if arg.type_attr else DType.of(arg.type)


def _length(node: Any, attr: str) -> int:
    """How many tensors an output of ``node`` is whose length the attribute ``attr`` says."""
    value = decode(node.attr[attr]) if attr in node.attr else None
    if isinstance(value, int):
        return value
    if isinstance(value, tuple):
        return len(value)
    raise BodyError(f"how many outputs {node.op} {node.name} has is not known")


def _ordered(starts: Iterable[str], nodes: Mapping[str, BodyNode], name: str) -> list[BodyNode]:
    """What ``starts`` need, they included, producers first."""
    done: dict[str, BodyNode] = {}
    open_: set[str] = set()
    stack = list(starts)
    while stack:
        node = nodes[stack[-1]]
        needs = [n for n in _needs(node) if n not in done] if node.name not in done else []
        if not needs:
            done.setdefault(stack.pop(), node)
            open_.discard(node.name)
            continue
        if node.name in open_:
            raise BodyError(f"{name} has a loop")
        open_.add(node.name)
        stack += needs
    return list(done.values())


def _needs(node: BodyNode) -> Iterator[str]:
    yield from (source[0] for source in node.inputs if isinstance(source, tuple))
    yield from node.controls
