"""A target: parser and TensorRT release that a model must run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graphdoctor.targets.judge import Specs, judge
from graphdoctor.targets.rows import EngineTypes, Limit, OpRow, SegmentRules
from graphdoctor.types import DType, Support

Parser = Literal["uff", "onnx", "tftrt"]


@dataclass(frozen=True, slots=True)
class Target:
    """A target with everything that it inherits resolved; read by :func:`graphdoctor.targets.load_target`.

    Attributes:
        name: what ``--target`` takes.
        title: what people call it.
        parser: ``uff`` (rows by TensorFlow op type), ``onnx`` (rows by ONNX op type) or ``tftrt`` (rows by TensorFlow
            op type; what has none stays in TensorFlow).
        layout: memory layout of the engine's image tensors.
        opset: smallest and largest ONNX opset, ``None`` where no bound is known; ``None`` for UFF.
        types: element types of the target as a whole.
        limits: by name.
        ops: by op type.
        absent: the row of an op type that the table does not have, never YES; ``{op}`` in its texts is the op.
        live: True if NVIDIA's own parser for this target can be asked, where the extra is installed.
        packs: rewrites that ``cure`` applies for this target, in order, when the user names none.
        segments: how the graph is cut, for ``tftrt``; ``None`` where all of it becomes one engine.
        releases: how the version of a ``tensorrt`` module begins whose UFF parser is this target's; not inherited.
        plugins: releases of NVIDIA's plugin library that ``rules/plugins`` speaks of and that this target has.
        lineage: this target and those it extends, nearest first.
        alone: True for a UFF parser that is asked about a file, without NVIDIA's converter in front of it.
    """

    name: str
    title: str
    parser: Parser
    layout: str
    opset: tuple[int | None, int | None] | None
    types: EngineTypes
    absent: OpRow
    limits: Mapping[str, Limit] = field(default_factory=dict)
    ops: Mapping[str, OpRow] = field(default_factory=dict)
    live: bool = False
    packs: tuple[str, ...] = ()
    segments: SegmentRules | None = None
    releases: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    alone: bool = False

    @property
    def dtypes(self) -> frozenset[DType]:
        """Types that tensors in the engine can have."""
        return self.types.dtypes

    def row(self, op: str) -> OpRow:
        """The row of ``op``; for an op that the table does not have, the target's row for such ops."""
        found = self.ops.get(op)
        if found is not None:
            return found
        a = self.absent
        return replace(a, reason=a.reason.replace("{op}", op), error=a.error.replace("{op}", op))

    def supports(self, op: str, specs: Specs, attrs: Mapping[str, Any], outputs: int = 1) -> Support:
        """Whether the target runs a node of type ``op``.

        Args:
            op: TensorFlow op type for the UFF parser and TF-TRT, ONNX op type for the ONNX parser.
            specs: what is known of each input; ``None`` for an optional input that is absent.
            attrs: attributes by name; a type attribute is a :class:`DType`. An absent one is at its default.
            outputs: number of leading outputs that are used.
        """
        return judge(self.row(op), specs, attrs, outputs, self.types)

    def has_limit(self, name: str) -> Limit | None:
        """The limit called ``name``, or ``None`` when this target does not have it."""
        return self.limits.get(name)
