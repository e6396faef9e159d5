"""What became of a node, for programs."""

from __future__ import annotations

from typing import Any

from graphdoctor.ir import NodeDiff, NodeState
from graphdoctor.ir.text import format_attr
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor, TensorError


def node_record(diff: NodeDiff) -> dict[str, Any]:
    """One node's difference for programs."""
    return {"change": change_kind(diff), "name": diff.name, "before": _state(diff.before), "after": _state(diff.after)}


def _state(state: NodeState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    attrs = {key: _attr(value) for key, value in state.attrs.items()}
    return {"name": state.name, "op": state.op, "inputs": list(state.inputs), "attrs": attrs}


def _attr(value: Any) -> Any:
    if not isinstance(value, Tensor):
        plain = isinstance(value, bool | int | float | str) and not isinstance(value, DType)
        return value if plain else format_attr(value)
    try:
        return {"dtype": value.dtype.label, "shape": list(value.shape), "sha256": value.digest()}
    except TensorError as e:
        return {"damaged": e.message}


def change_kind(diff: NodeDiff) -> str:
    """``added``, ``removed`` or ``changed``."""
    if diff.before is None:
        return "added"
    return "removed" if diff.after is None else "changed"
