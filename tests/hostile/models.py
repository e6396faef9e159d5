"""Small model files, sound and damaged, made in the test."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir.text import parse_graph
from graphdoctor.wire.messages import schema
from graphdoctor.wire.scan import encode_field
from graphdoctor.wire.schema import Variant

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "fixtures" / "graphs"
CORPUS = ROOT.parent / "shared" / "corpus"

GraphDef: Any = schema(Variant.FULL).message_class("GraphDef")
"""GraphDef with its constants decoded, to write damage into them."""

SMALL = """
x = Placeholder {dtype: float32, shape: shape[?,4]}
w = Const float32[4,2] [1, 2, 3, 4, 5, 6, 7, 8]
y = MatMul(x, w) {T: float32}
z = Relu(y) {T: float32}
"""
CHAIN = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
r = Relu(c) {T: float32}
s = Const int32[2] [1, 256]
f = Reshape(r, s) {T: float32, Tshape: int32}
"""


def pb(text: str) -> bytes:
    """The GraphDef that ``text`` states in the compact text form."""
    return graphdef_bytes(parse_graph(text))


def saved_model() -> bytes:
    """A saved_model.pb around the small graph, without variables: version 1, one MetaGraph, its graph."""
    return b"\x08\x01" + encode_field(2, encode_field(2, pb(SMALL)))


def wrong_kinds() -> dict[str, tuple[bytes, str, str]]:
    """By name: the content, a word of what it is, a word of what to do."""
    return {
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS", "git lfs pull"),
        "html": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page", "Download"),
        "gzip": (gzip.compress(pb(SMALL)), "gzip", "Unpack"),
        "zip": (zipped("model.pb"), "zip", "Unpack"),
        "keras": (zipped("metadata.json", "config.json", "model.weights.h5"), "Keras 3", "Freeze"),
        "h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5", "Freeze"),
        "uff": (b"\x08\x01\x10\x01\x22\x02\x0a\x00", "UFF", "Give"),
        "table": (bytes(40) + bytes.fromhex("57fb808b247547db"), "checkpoint", "Freeze"),
        "state": (b'model_checkpoint_path: "model.ckpt-1"\n', "checkpoint", "Freeze"),
        "tflite": (b"\x1c\0\0\0TFL3\0\0", "TensorFlow Lite", "Give"),
        "npy": (npy(), "numpy", "--data"),
        "json": (b'{"modelTopology": {}}', "JSON", "binary model"),
        "empty": (b"", "empty", "again"),
        "blank": (b" \n" * 40, "empty", "again"),
        "truncated": (pb(SMALL)[:-3], "end is missing", "whole file"),
        "prose": (b"Dear reader, this is no model.", "no kind", "frozen .pb"),
        "noise": (bytes(range(255, 0, -1)), "no kind", "frozen .pb"),
    }


def zipped(*members: str) -> bytes:
    """A zip archive of small members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in members:
            archive.writestr(name, "{}")
    return out.getvalue()


def npy() -> bytes:
    """An .npy file."""
    out = io.BytesIO()
    np.save(out, np.zeros(3, np.float32))
    return out.getvalue()


def save(folder: Path, data: bytes, name: str = "model.pb") -> Path:
    """``data`` as the file ``name``."""
    path = folder / name
    path.write_bytes(data)
    return path


def every_command(model: Path, folder: Path) -> list[list[str | Path]]:
    """Each command that opens a model, on ``model``, writing into ``folder``."""
    sound = GRAPHS / "mlp.pb"
    return [
        ["check", model, "--no-live"],
        ["inspect", model],
        ["fix", model, "--rules", "clean", "-o", folder / "fixed.pb"],
        ["convert", model, "--to", "onnx", "-o", folder / "out.onnx"],
        ["build", model, "-o", folder / "out.plan"],
        ["verify", model, sound],
        ["verify", sound, model],
        ["cure", model, "--target", "rtx1.7", "-o", folder / "cure"],
    ]
