"""An ONNX model as plain records, before any protobuf message is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphdoctor.ir import TensorSpec
from graphdoctor.types import Array

OPSET = 17
"""Opset of everything graphdoctor writes: the newest that TensorRT 8.6 reads."""
IR_VERSION = 8
"""The ONNX IR version that belongs to opset 17."""


@dataclass(slots=True)
class Emitted:
    """One ONNX node; ``origins`` are the TensorFlow nodes it came from, nearest first."""

    op_type: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attrs: Mapping[str, Any]
    origins: tuple[str, ...]


@dataclass(slots=True)
class OnnxModel:
    """A lowered graph.

    Attributes:
        nodes: in order, producers first.
        initializers: constants by name.
        inputs, outputs: (name, spec) in the order of the TensorFlow graph; layouts are unchanged.
        dropped: TensorFlow nodes that left no ONNX node, with the reason.
    """

    name: str
    nodes: list[Emitted] = field(default_factory=list)
    initializers: dict[str, Array] = field(default_factory=dict)
    inputs: list[tuple[str, TensorSpec]] = field(default_factory=list)
    outputs: list[tuple[str, TensorSpec]] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)

    def origins(self) -> dict[str, tuple[str, ...]]:
        """ONNX node name to the TensorFlow nodes it stands for."""
        return {n.name: n.origins for n in self.nodes}
