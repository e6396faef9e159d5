"""convert: a graph to an ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import UnsupportedError
from graphdoctor.flows.opening import Opened, SignatureOptions, keep_input, open_model
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, require_onnx, to_chunks
from graphdoctor.formats.readfile import atomic_write

FORMATS = ("onnx", "uff")


@dataclass(frozen=True, slots=True)
class Converted:
    """A model that was lowered; ``onnx.dropped`` lists the TensorFlow nodes that left no ONNX node."""

    opened: Opened
    onnx: OnnxModel
    path: str
    size: int


def convert_model(path: str, to: str, out: str, signature: SignatureOptions) -> Converted:
    """Lower the model at ``path`` and write it to ``out``.

    Raises:
        InputError: the model cannot be read, or ``out`` cannot be written.
        UnsupportedError: nodes cannot be lowered (all are listed), or the format is not written by this version.
        MissingExtraError: onnx is not installed.
    """
    if to == "uff":
        raise UnsupportedError(
            "this version of graphdoctor does not write UFF",
            remedy="Convert to ONNX with --to onnx; docs/limits.md says what is to come",
        )
    require_onnx()
    keep_input(path, out)
    return convert_opened(open_model(path, signature), out)


def convert_opened(opened: Opened, out: str) -> Converted:
    """Lower an opened model and write it to ``out``."""
    model = onnx_from_graph(opened.graph)
    atomic_write(out, to_chunks(model))
    return Converted(opened, model, out, Path(out).stat().st_size)
