"""A part of a graph computed in numpy, from values that are given and constants."""

from __future__ import annotations

from collections.abc import Mapping

from graphdoctor.ir import Node, TensorSpec, Value, tensor_of
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.match.context import SpecTable
from graphdoctor.ops import InferError, OpContext, find_op
from graphdoctor.types import Array, DType
from graphdoctor.wire.tensors import TensorError

_LARGEST = 1 << 24
"""Elements of a constant that is computed with."""
_MOST_NODES = 100_000
FLOW = frozenset("Switch Merge RefSwitch RefMerge NextIteration RefNextIteration LoopCond".split())


class CannotEvaluateError(Exception):
    """A node on the way cannot be computed. The text says which and why."""

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(f"{node.op} {node.name} {why}")
        self.node = node


def evaluate(wanted: Value, given: Mapping[Value, Array], specs: SpecTable) -> Array:
    """``wanted``, computed as TensorFlow would.

    Args:
        wanted: the value.
        given: values that are known; nothing behind them is looked at.
        specs: what inference found; a value that it knows is taken from there.

    Raises:
        CannotEvaluateError: something on the way is no constant, not given, and has no numpy form.
    """
    known = dict(given)
    waiting, steps = [wanted], 0
    while waiting:
        value, steps = waiting[-1], steps + 1
        if steps > _MOST_NODES:
            raise CannotEvaluateError(wanted.node, "stands behind too many nodes")
        if value in known or _settle(value, known, specs):
            waiting.pop()
            continue
        missing = [v for v in value.node.inputs if v not in known]
        if missing:
            waiting += missing
        else:
            _compute(value.node, known)
            waiting.pop()
    return known[wanted]


def _settle(value: Value, known: dict[Value, Array], specs: SpecTable) -> bool:
    """Take ``value`` from inference, from a constant, or refuse it where it comes from outside."""
    inferred = specs.of(value).constant
    if inferred is not None:
        known[value] = inferred
        return True
    node = value.node
    if node.op == "Const":
        known[value] = _constant(node)
        return True
    if not node.inputs:
        raise CannotEvaluateError(node, "is not given")
    if node.op in FLOW or node.op.startswith("TensorArray"):
        raise CannotEvaluateError(node, "lies in a loop or a branch")
    return False


def _constant(node: Node) -> Array:
    tensor = tensor_of(node)
    try:
        if tensor is None or tensor.element_count > _LARGEST:
            raise CannotEvaluateError(node, "is damaged or too large")
        return tensor.array()
    except TensorError as e:
        raise CannotEvaluateError(node, f"is damaged: {e}") from e


def _compute(node: Node, known: dict[Value, Array]) -> None:
    """All outputs of ``node``, whose inputs are known."""
    values = [known[v] for v in node.inputs]
    if node.op in PASS_THROUGH:
        known[node.out()] = values[0]
        return
    op = find_op(node.op)
    if op is None or op.stateful:
        raise CannotEvaluateError(node, "has no numpy form")
    if not op.arity[0] <= len(values) <= op.arity[1]:
        raise CannotEvaluateError(node, f"has {len(values)} inputs")
    specs = tuple(TensorSpec(DType.from_numpy(v.dtype), tuple(v.shape), v) for v in values)
    context = OpContext(node, specs, op.defaults)
    try:
        outputs = op.fold(context, values)
        found = outputs if outputs is not None else [s.constant for s in op.infer(context)]
    except InferError as e:
        raise CannotEvaluateError(node, f"contradicts itself: {e}") from e
    for index, array in enumerate(found):
        if array is not None:
            known[node.out(index)] = array
    if not any(node.out(i) in known for i in range(len(found))):
        raise CannotEvaluateError(node, "has no numpy form")
