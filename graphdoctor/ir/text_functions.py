"""Functions of a graph's library in the text form.

::

    function scale(x: $T, by: float32) {
        attr T: type
        cast = Cast(by) {SrcT: float32, DstT: $T}
        y = Mul(x, cast:y:0) {T: $T}
        return out: $T = y:z:0
        control done = y
    }

Inside, an argument is read by its name and a node's output as ``node:output:0``, as in a FunctionDef. ``attr`` states
an attribute of the caller and its kind, ``control`` a node that runs whether or not something reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphdoctor.ir.attrs import Attrs
from graphdoctor.ir.edits import NodeState
from graphdoctor.ir.node import NodeRecord
from graphdoctor.types import DType
from graphdoctor.wire.attrs import AttrPlaceholder
from graphdoctor.wire.messages import FunctionDef, GraphDef

Argument = tuple[str, DType | AttrPlaceholder]
"""Name, and dtype or the attribute that says it."""


@dataclass(slots=True)
class FunctionText:
    """What the lines of one function state."""

    name: str
    arguments: list[Argument] = field(default_factory=list)
    attrs: list[tuple[str, str]] = field(default_factory=list)
    nodes: list[NodeRecord] = field(default_factory=list)
    returns: list[tuple[Argument, str]] = field(default_factory=list)
    controls: list[tuple[str, str]] = field(default_factory=list)


def library_of(functions: Iterable[FunctionText]) -> GraphDef:
    """A GraphDef without nodes whose library holds ``functions``."""
    message = GraphDef()
    message.library.function.extend(map(function_def, functions))
    return message


def function_def(text: FunctionText) -> FunctionDef:
    """The FunctionDef that ``text`` states."""
    message = FunctionDef()
    signature: Any = message.signature
    signature.name = text.name
    for argument in text.arguments:
        _fill(signature.input_arg.add(), argument)
    for argument, value in text.returns:
        _fill(signature.output_arg.add(), argument)
        message.ret[argument[0]] = value
    for control, node in text.controls:
        signature.control_output.append(control)
        message.control_ret[control] = node
    for key, kind in text.attrs:
        signature.attr.add(name=key, type=kind)
    for record in text.nodes:
        made = message.node_def.add(name=record.name, op=record.op, input=record.inputs)
        for key in record.attrs:
            made.attr[key].CopyFrom(record.attrs.message(key))
    return message


def _fill(made: Any, argument: Argument) -> None:
    made.name = argument[0]
    if isinstance(argument[1], DType):
        made.type = int(argument[1])
    else:
        made.type_attr = argument[1].name


def arguments_of(args: Iterable[Any]) -> Iterator[Argument]:
    """The arguments that ``args`` of a signature state; a list of tensors has no text form, and no dtype here."""
    for arg in args:
        yield arg.name, AttrPlaceholder(arg.type_attr) if arg.type_attr else DType.of(arg.type)


def states_of(function: Any) -> Iterator[NodeState]:
    """The nodes of a FunctionDef as they are written."""
    for node in function.node_def:
        yield NodeState(node.name, node.op, tuple(node.input), Attrs(messages=node.attr))
