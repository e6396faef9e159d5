"""Ops that an older TensorFlow has under another name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.names import reads_other_outputs
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import DropAttrs, Facts, Refusal, SetAttr, SetInputs, SetOp, Step, propose
from graphdoctor.surgery.rewrites.common import known_array, looked_at
from graphdoctor.types import DType
from graphdoctor.words import plural

Scalar = str | int | float | bool


class RenameOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"ops": "from"}):
    """Options of ``rename-op``.

    Attributes:
        ops: op types to rename.
        to: what they are called in the older TensorFlow.
        drop: attributes the older op lacks.
        rename: attribute -> what it is called in the older op.
        require: attribute -> value it must have, if it is there or has a default (dtypes by label).
        defaults: attribute -> value it has where it is absent.
        same: attributes that must be equal, those that are there.
        types: attribute -> dtypes (by label) the older op takes.
        layouts: values of data_format the older op takes; none listed: it is not asked.
        outputs: number of outputs the older op has; 0 is not asked.
        inputs: number of inputs the older op has; further ones are dropped. 0 is not asked.
        constants: input -> number that every element of it must be, as a condition for dropping it.
        shapes: ``equal`` (all inputs) or ``equal-batch`` (all dimensions but the last two), where the older op does
            not broadcast.
    """

    ops: tuple[str, ...]
    to: str
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = {}
    require: Mapping[str, Scalar] = {}
    defaults: Mapping[str, Scalar] = {}
    same: tuple[str, ...] = ()
    types: Mapping[str, tuple[str, ...]] = {}
    layouts: tuple[str, ...] = ()
    outputs: int = 0
    inputs: int = 0
    constants: Mapping[str, float] = {}
    shapes: str = ""


def rename_op(graph: GraphView, facts: Facts, options: RenameOptions) -> Found:
    """Give nodes of the ops ``from`` the op ``to``, where the older op can say the same."""
    for node in graph.by_op(*options.ops):
        reason = _attributes(node, options) or _edges(graph, node, facts, options)
        if reason:
            yield Refusal(node, f"{options.to} {reason}")
            continue
        touched = [n for k in options.constants for n in looked_at(node.inputs[int(k)])]
        steps = _steps(node, options)
        yield propose(node, *steps, touches=tuple(touched), note=f"{node.op} -> {options.to}")


def _steps(node: Node, options: RenameOptions) -> list[Step]:
    steps: list[Step] = [SetOp(node, options.to)]
    if options.inputs and len(node.inputs) > options.inputs:
        steps.append(SetInputs(node, node.inputs[: options.inputs]))
    gone = tuple(k for k in (*options.drop, *options.rename) if k in node.attrs)
    if gone:
        steps.append(DropAttrs(node, gone))
    steps += [SetAttr(node, new, node.attr(old)) for old, new in options.rename.items() if old in node.attrs]
    return steps


def _attributes(node: Node, options: RenameOptions) -> str:
    for key, wanted in options.require.items():
        value = _plain(node.attr(key, options.defaults.get(key)))
        if value is not None and value != wanted:
            return f"needs {key} = {_word(wanted)}, and it is {_word(value)}"
    there = {k: _plain(node.attr(k)) for k in options.same if k in node.attrs}
    if len(set(there.values())) > 1:
        return f"has one type where this node has several: {', '.join(f'{k} = {v}' for k, v in there.items())}"
    allowed_values = {**options.types, **({"data_format": options.layouts} if options.layouts else {})}
    for key, allowed in allowed_values.items():
        value = _plain(node.attr(key))
        if value is not None and value not in allowed:
            return f"does not take {key} = {value}"
    return ""


def _edges(graph: GraphView, node: Node, facts: Facts, options: RenameOptions) -> str:
    if options.outputs:
        extra = reads_other_outputs(graph, node, options.outputs)
        if extra is not None:
            return f"has {plural(options.outputs, 'output')}, and output {extra} is in use"
    if options.inputs and len(node.inputs) < options.inputs:
        return f"has {plural(options.inputs, 'input')}, and this node has {len(node.inputs)}"
    for slot, wanted in options.constants.items():
        index = int(slot)
        array = known_array(facts, node.inputs[index]) if index < len(node.inputs) else None
        if array is None:
            return f"has no input {slot}, and whether it is {wanted:g} here is not known"
        if not np.all(array == wanted) or (array.dtype.kind == "f" and np.any(np.signbit(array) != np.signbit(wanted))):
            return f"has no input {slot}, and it is not {wanted:g} here"
    return _shapes(node, facts, options.shapes)


def _shapes(node: Node, facts: Facts, wanted: str) -> str:
    if not wanted:
        return ""
    shapes = [s.shape for s in facts.specs.inputs(node)]
    if any(s is None for s in shapes):
        return "does not broadcast, and the rank of an input is unknown"
    compared = [s[:-2] if wanted == "equal-batch" else s for s in shapes if s is not None]
    if not compared:
        return "has inputs, and this node has none"
    if any(len(c) != len(compared[0]) for c in compared):
        return "does not broadcast, and the ranks of the inputs differ"
    if any(None not in dims and len(set(dims)) > 1 for dims in zip(*compared, strict=True)):
        return "does not broadcast, and the shapes of the inputs differ"
    if any(None in c for c in compared):
        return "does not broadcast, and a dimension is unknown; fix it with --input"
    return ""


def _plain(value: object) -> object:
    return value.label if isinstance(value, DType) else value


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


FINDERS = {"rename-op": Finder(rename_op, RenameOptions)}
