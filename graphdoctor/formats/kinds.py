"""What a file is, told by its content.

A suffix is never believed; it is only asked where content cannot tell (the data shards of a checkpoint).
Protobuf has no magic number, so messages are told apart by the numbers and types of their fields:
GraphDef 1 = node; SavedModel 1 = version (a number), 2 = MetaGraphDef; MetaGraphDef 1 = info, 2 = GraphDef;
ONNX ModelProto 1 = IR version (a number), 7 = graph; UFF MetaGraph 1 and 2 = versions (numbers), 4 = graph.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire.scan import LEN, VARINT, Field


class Kind(enum.Enum):
    """What a file is."""

    GRAPHDEF = "graphdef"
    GRAPHDEF_TEXT = "graphdef-text"
    TRUNCATED_GRAPHDEF = "truncated-graphdef"
    SAVED_MODEL = "saved-model"
    SAVED_MODEL_TEXT = "saved-model-text"
    META_GRAPH = "meta-graph"
    META_GRAPH_TEXT = "meta-graph-text"
    CHECKPOINT = "checkpoint"
    ONNX = "onnx"
    ONNX_TEXT = "onnx-text"
    UFF = "uff"
    UFF_TEXT = "uff-text"
    PLAN = "plan"
    KERAS_H5 = "keras-h5"
    KERAS_ZIP = "keras-zip"
    TFLITE = "tflite"
    TORCH_ZIP = "torch-zip"
    PICKLE = "pickle"
    NUMPY = "numpy"
    GZIP = "gzip"
    ZIP = "zip"
    TAR = "tar"
    HTML = "html"
    JSON = "json"
    GIT_LFS = "git-lfs"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class Explanation(NamedTuple):
    """What a kind is and what to do with such a file, a sentence each."""

    what: str
    remedy: str


_KERAS_EXPORT = "Freeze it: load it with Keras, then convert_variables_to_constants_v2 on the function of its call"
_FREEZE = "Freeze it into one .pb with TensorFlow (convert_variables_to_constants) and give that"
_UNPACK = "Unpack it and give the model inside"
_RECORDS: dict[Kind, Explanation] = {
    Kind.GRAPHDEF: Explanation("a TensorFlow graph (GraphDef)", "Give it to any command"),
    Kind.GRAPHDEF_TEXT: Explanation("a TensorFlow graph in text form (.pbtxt)", "Give it to any command"),
    Kind.TRUNCATED_GRAPHDEF: Explanation(
        "a TensorFlow graph whose end is missing",
        "Get the whole file; an interrupted download or a full disk leaves such a file",
    ),
    Kind.SAVED_MODEL: Explanation("the saved_model.pb of a SavedModel", "Give it, or the folder it lies in"),
    Kind.SAVED_MODEL_TEXT: Explanation("the saved_model.pbtxt of a SavedModel", "Give it, or the folder it lies in"),
    Kind.META_GRAPH: Explanation("the .meta of a TensorFlow 1 checkpoint: a graph without its weights", _FREEZE),
    Kind.META_GRAPH_TEXT: Explanation("a MetaGraphDef in text form: a graph without its weights", _FREEZE),
    Kind.CHECKPOINT: Explanation("part of a TensorFlow checkpoint: weights without their graph", _FREEZE),
    Kind.ONNX: Explanation("an ONNX model", "Give it to build, verify or inspect"),
    Kind.ONNX_TEXT: Explanation("an ONNX model in text form", "Save it in binary form with onnx.save"),
    Kind.UFF: Explanation(
        "a UFF model for TensorRT's UFF parser",
        "Give it to check, inspect, diff, convert, build, verify or cure; here, the graph it was made from",
    ),
    Kind.UFF_TEXT: Explanation(
        "the text that goes with a UFF model, without its weights", "Give the .uff file beside it"
    ),
    Kind.PLAN: Explanation(
        "a plan: an engine that TensorRT built for one GPU", "Give the model that it was built from"
    ),
    Kind.KERAS_H5: Explanation("an HDF5 file, as Keras saves models and weights", _KERAS_EXPORT),
    Kind.KERAS_ZIP: Explanation("a Keras 3 model (.keras)", _KERAS_EXPORT),
    Kind.TFLITE: Explanation("a TensorFlow Lite model", "Give the TensorFlow graph that it was converted from"),
    Kind.TORCH_ZIP: Explanation("a PyTorch file", "Export it to ONNX with torch.onnx.export"),
    Kind.PICKLE: Explanation(
        "a Python pickle, as older PyTorch saves models",
        "Export the model to ONNX, or freeze it, where it was made",
    ),
    Kind.NUMPY: Explanation("numpy arrays", "Give the model; arrays go to verify --data"),
    Kind.GZIP: Explanation("a gzip archive", _UNPACK),
    Kind.ZIP: Explanation("a zip archive", _UNPACK),
    Kind.TAR: Explanation("a tar archive", _UNPACK),
    Kind.HTML: Explanation("a web page", "Download the file itself; a link to a web view gives its page instead"),
    Kind.JSON: Explanation("JSON text", "Give the binary model; a Keras or TensorFlow.js model.json has no graph"),
    Kind.GIT_LFS: Explanation("a Git LFS pointer, not the file it stands for", "Fetch the file: git lfs pull"),
    Kind.EMPTY: Explanation("an empty file", "Get the file again"),
    Kind.UNKNOWN: Explanation(
        "of no kind that is known here, or damaged",
        "Give a frozen .pb or .pbtxt, a SavedModel folder, an .onnx or a .uff file",
    ),
}

# Seen at the start. Plans: "ptrt" and "ftrt" are TensorRT's by Netron's reader, "vtrt" was seen in plans that
# TensorRT-RTX 1.7.1 built. Pickle: the PROTO opcode and a protocol from 2 to 5.
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x1f\x8b", Kind.GZIP),
    (b"\x89HDF\r\n\x1a\n", Kind.KERAS_H5),
    (b"\x93NUMPY", Kind.NUMPY),
    (b"ptrt", Kind.PLAN),
    (b"ftrt", Kind.PLAN),
    (b"vtrt", Kind.PLAN),
    *((bytes((0x80, protocol)), Kind.PICKLE) for protocol in range(2, 6)),
    (b"PK\x05\x06", Kind.ZIP),
)
_TABLE_MAGIC = bytes.fromhex("57fb808b247547db")  # the last 8 bytes of a checkpoint's index (a LevelDB table)
_SHARD = re.compile(r"\.data-\d{5}-of-\d{5}$")
_TEXT: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"<!doctype html|<html|<head", Kind.HTML),
        (r"version https://git-lfs\.github\.com/spec", Kind.GIT_LFS),
        (r'[{\[]\s*["{\[\]}\d-]', Kind.JSON),
        (r"model_checkpoint_path\s*:", Kind.CHECKPOINT),
        (r"version\s*:\s*\d+\s+descriptor_core_version\s*:", Kind.UFF_TEXT),
        (r"ir_version\s*:", Kind.ONNX_TEXT),
        (r"saved_model_schema_version\s*:|meta_graphs\s*:?\s*[{<]", Kind.SAVED_MODEL_TEXT),
        (r"(meta_info_def|graph_def)\s*:?\s*[{<]", Kind.META_GRAPH_TEXT),
        (r"(node|library|versions)\s*:?\s*[{<]|version\s*:\s*\d", Kind.GRAPHDEF_TEXT),
    )
)
_LEADING = re.compile(r"\A\ufeff?(?:\s|#[^\n]*\n)*")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_HEAD = 1 << 16
_MAX_TOP_FIELDS = 1 << 20
_PEEK = 8  # fields that tell what a message is

# Wire type of each field of the messages that are told apart.
_GRAPH = {1: LEN, 2: LEN, 3: VARINT, 4: LEN, 5: LEN}
_NODE = dict.fromkeys(range(1, 8), LEN)
_VERSIONS = {1: VARINT, 2: VARINT, 3: LEN}
_META = dict.fromkeys(range(1, 8), LEN)
_META_INFO = {**dict.fromkeys(range(1, 9), LEN), 7: VARINT}
_ONNX_GRAPH = dict.fromkeys((1, 2, 5, 10, 11, 12, 13, 14, 15, 16), LEN)
_OP = re.compile(rb"[A-Za-z_>][\w>./-]*")


def explain(kind: Kind) -> Explanation:
    """What a file of ``kind`` is, and what to do with it."""
    return _RECORDS[kind]


def sniff(data: bytes, path: str | None = None) -> Kind:
    """The kind of the file with content ``data``; ``path`` is asked only where content cannot tell."""
    head = data[:_HEAD]
    if not head.strip() and not data.strip():
        return Kind.EMPTY
    known = _by_magic(data) or _by_text(head) or _by_fields(data)
    if known is None and path is not None and _SHARD.search(path):
        return Kind.CHECKPOINT
    return known or Kind.UNKNOWN


def sniff_folder(folder: Path) -> tuple[Kind, Path]:
    """The kind of a folder, and the file in it to read (the folder itself for a checkpoint).

    Raises:
        InputError: the folder holds no model, or cannot be read.
    """
    names = _names_in(folder)
    found = _folder_kind(folder, names)
    if found is None:
        models = [n for n in names if n.endswith((".pb", ".pbtxt", ".onnx", ".uff"))]
        raise InputError(
            "this folder is not a SavedModel: it has no saved_model.pb",
            where=str(folder),
            remedy=f"Give a file in it: {', '.join(models[:5])}" if models else "Give a model file",
        )
    return found


def is_model_folder(folder: Path) -> bool:
    """True for the folder of a SavedModel or a checkpoint.

    Raises:
        InputError: it cannot be read.
    """
    return _folder_kind(folder, _names_in(folder)) is not None


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError as e:
        raise InputError(
            f"cannot be read: {e.strerror}", where=str(folder), remedy="Check the path and its permissions"
        ) from e


def _folder_kind(folder: Path, names: list[str]) -> tuple[Kind, Path] | None:
    for name, kind in (("saved_model.pb", Kind.SAVED_MODEL), ("saved_model.pbtxt", Kind.SAVED_MODEL_TEXT)):
        if name in names:
            return kind, folder / name
    if any(n == "checkpoint" or n.endswith(".index") or _SHARD.search(n) for n in names):
        return Kind.CHECKPOINT, folder
    return None


def _by_magic(data: bytes) -> Kind | None:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    if data[4:8] == b"TFL3":
        return Kind.TFLITE
    if data[257:262] == b"ustar":
        return Kind.TAR
    return Kind.CHECKPOINT if data.endswith(_TABLE_MAGIC) else None


def _zip_kind(data: bytes) -> Kind:
    """By the names of the archive's members, which stand at the start and again at the end."""
    names = data[:_HEAD] + data[-(1 << 20) :]
    if b"data.pkl" in names:
        return Kind.TORCH_ZIP
    if b"model.weights.h5" in names and b"config.json" in names:
        return Kind.KERAS_ZIP
    first = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    return Kind.NUMPY if first.endswith(b".npy") else Kind.ZIP


def _by_text(head: bytes) -> Kind | None:
    if _CONTROL.search(head):
        return None
    text = head.decode("utf-8", "ignore")
    if len(text.encode()) < len(head) - 3:  # 3: a character cut by the end of head
        return None
    body = text[_LEADING.match(text).end() :]  # type: ignore[union-attr]
    return next((kind for pattern, kind in _TEXT if pattern.match(body)), None)


def _by_fields(data: bytes) -> Kind | None:
    top, cut = _fields(data, 0, len(data), _MAX_TOP_FIELDS)
    if not top:
        return None
    types = {f.number: f.wire_type for f in reversed(top)}
    if types.get(1) == VARINT:
        return _versioned(data, top, types)
    if _is_meta_graph(data, top):
        return Kind.META_GRAPH
    if _is_graph(data, top) or _is_graph(data, top, _has_name):
        return Kind.TRUNCATED_GRAPHDEF if cut else Kind.GRAPHDEF
    return Kind.ONNX if _is_onnx(data, top) else None


def _versioned(data: bytes, top: list[Field], types: dict[int, int]) -> Kind | None:
    """The formats that begin with a version number."""
    if types.get(2) == VARINT and (types.get(3) == LEN or types.get(4) == LEN):
        return Kind.UFF
    if types.get(2) == LEN and _is_meta_graph(data, _inside(data, top, 2)):
        return Kind.SAVED_MODEL
    return Kind.ONNX if _is_onnx(data, top) else None


def _fields(data: bytes, start: int, end: int, limit: int = _PEEK) -> tuple[list[Field], bool]:
    """Of the first ``limit`` fields: the first few, and the first of each number.

    Also whether the data end inside one, which then counts as far as it goes.
    """
    found: list[Field] = []
    seen: set[int] = set()
    try:
        for f in islice(scan.fields(data, start, end), limit):
            if len(found) < _PEEK or f.number not in seen:
                found.append(f)
                seen.add(f.number)
    except scan.WireError as e:
        if not e.missing:
            return found, False
        part = _cut_field(data, e.offset, end)
        return (found if part is None else [*found, part]), True
    return found, False


def _cut_field(data: bytes, offset: int, end: int) -> Field | None:
    try:
        tag, pos = scan.varint(data, offset, end)
        _, start = scan.varint(data, pos, end)
    except scan.WireError:
        return None
    return Field(tag >> 3, LEN, start, end, offset) if tag & 7 == LEN else None


def _inside(data: bytes, fields: list[Field], number: int) -> list[Field]:
    """The first fields inside the first field ``number``; none where there is no such field."""
    for f in fields:
        if f.number == number and f.wire_type == LEN:
            return _fields(data, f.start, f.end)[0]
    return []


def _fits(fields: list[Field], types: dict[int, int]) -> bool:
    """True where every field of a known number has its type; numbers of a later release may be there."""
    return bool(fields) and all(types.get(f.number, f.wire_type) == f.wire_type for f in fields)


def _has_op(data: bytes, node: list[Field]) -> bool:
    """What every whole NodeDef has: an op that is an identifier."""
    return any(_OP.fullmatch(data, f.start, f.end) for f in node if f.number == 2)


def _has_name(data: bytes, node: list[Field]) -> bool:
    """What is left of a NodeDef that is cut off behind its name, which comes first."""
    first = node[0]
    cut = all(f.start == f.end for f in node[1:])
    return first.number == 1 and first.start < first.end and cut and not _CONTROL.search(data, first.start, first.end)


def _is_graph(data: bytes, fields: list[Field], is_node: Callable[[bytes, list[Field]], bool] = _has_op) -> bool:
    """A GraphDef: one of its first nodes looks like one, or it has none and says its versions."""
    if not _fits(fields[:_PEEK], _GRAPH):
        return False
    nodes = [_fields(data, f.start, f.end)[0] for f in fields[:_PEEK] if f.number == 1]
    if nodes:
        return any(_fits(node, _NODE) and is_node(data, node) for node in nodes)
    return _fits(_inside(data, fields, 4), _VERSIONS)


def _is_meta_graph(data: bytes, fields: list[Field]) -> bool:
    if not _fits(fields[:_PEEK], _META):
        return False
    graph = _inside(data, fields, 2)
    if graph:
        return _is_graph(data, graph)
    return _is_meta_info(data, _inside(data, fields, 1))


def _is_meta_info(data: bytes, fields: list[Field]) -> bool:
    """A MetaInfoDef: it names TensorFlow's version, or lists ops with their names."""
    if not _fits(fields, _META_INFO):
        return False
    version = next((f for f in fields if f.number == 5), None)
    op = _inside(data, _inside(data, fields, 2), 1)
    return _has_name(data, op[:1]) if op else version is not None and data[version.start : version.end][:1].isdigit()


def _is_onnx(data: bytes, fields: list[Field]) -> bool:
    graph = _inside(data, fields, 7)
    return _fits(graph, _ONNX_GRAPH) and all(f.number in _ONNX_GRAPH for f in graph)
