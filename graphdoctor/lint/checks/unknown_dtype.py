"""Type attributes whose number no TensorFlow has."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.ops import find_op
from graphdoctor.types import DType
from graphdoctor.wire.attrs import UnknownDType

_ALWAYS = ("dtype", "T", "SrcT", "DstT", "out_type", "output_type")


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live node with such an attribute."""
    keys: dict[str, tuple[str, ...]] = {}
    for node in ctx.graph:
        if node not in ctx.live:
            continue
        if node.op not in keys:
            op = find_op(node.op)
            keys[node.op] = tuple(sorted({*_ALWAYS, *(op.types if op is not None else ())}))
        for key in keys[node.op]:
            if key in node.attrs and _is_unknown(node, key):
                yield Hit(node, f"attribute {key} is {_shown(node, key)}, which no TensorFlow knows")
                break


def _is_unknown(node: Node, key: str) -> bool:
    value = node.attrs[key]
    return value is DType.INVALID or isinstance(value, UnknownDType)


def _shown(node: Node, key: str) -> str:
    value = node.attrs[key]
    return value.label if isinstance(value, UnknownDType) else "dtype 0"
