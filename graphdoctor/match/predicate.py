"""What all named predicates have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from graphdoctor.ir import Node, TensorSpec, Value
from graphdoctor.match.context import MatchContext
from graphdoctor.match.layout import data_format
from graphdoctor.match.results import CannotTell, Outcome

Slot = Annotated[int, msgspec.Meta(ge=0)]
"""Which input or output of a node, from 0."""


class Predicate(msgspec.Struct, frozen=True, tag_field="predicate", forbid_unknown_fields=True, kw_only=True):
    """Base of all predicates.

    Attributes:
        on: the pattern node that is asked about; empty is the anchor.
        negate: True to ask the opposite.
        per_target: True if the answer depends on the target.
    """

    on: str = ""
    negate: bool = False

    per_target: ClassVar[bool] = False

    def test(self, ctx: MatchContext, node: Node) -> Outcome:
        """Whether it holds of ``node``."""
        raise NotImplementedError


def spec_of(ctx: MatchContext, node: Node, of: str, index: int) -> TensorSpec:
    """What is known of output ``index`` of ``node``, or of its data input ``index`` where ``of`` is ``input``."""
    if of == "output":
        return ctx.specs.output(node, index)
    return ctx.specs.of(node.inputs[index]) if index < len(node.inputs) else TensorSpec()


def is_arithmetic(ctx: MatchContext, node: Node) -> bool:
    """True where ``node`` is arithmetic on constants or on shapes, and no layer of a network."""
    return ctx.judge is not None and ctx.judge.engine_rank(node.out()).arithmetic


def layout_of(ctx: MatchContext, value: Value) -> str | CannotTell:
    """``NHWC`` or ``NCHW``, for a value of four dimensions."""
    return data_format(ctx.graph, value) if ctx.judge is None else ctx.judge.layout(value)
