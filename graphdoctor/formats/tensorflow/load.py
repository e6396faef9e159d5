"""A file, folder or standard input to a graph, whatever it turns out to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from graphdoctor.errors import InputError
from graphdoctor.formats.kinds import Kind, explain, sniff, sniff_folder
from graphdoctor.formats.readfile import read_model_bytes
from graphdoctor.formats.tensorflow.graphdef import graph_from_bytes, graph_from_graphdef
from graphdoctor.ir import Graph
from graphdoctor.wire.tensorflow import (
    parse_graph_text,
    parse_saved_model,
    parse_saved_model_text,
)

_SERVE = "serve"
_DEFAULT_SIGNATURE = "serving_default"


class _Digest(Thread):
    """sha256 beside the parsing: hashlib lets other threads run."""

    def __init__(self, data: bytes) -> None:
        super().__init__(daemon=True)
        self._data: bytes | None = data
        self.hexdigest = ""
        self.start()

    def run(self) -> None:
        if self._data is not None:
            self.hexdigest = hashlib.sha256(self._data).hexdigest()
            self._data = None


@dataclass(slots=True)
class Model:
    """A model that was read.

    Attributes:
        path: as the user gave it.
        kind: ``graphdef``, ``graphdef-text``, ``saved-model`` or ``uff``.
        size: bytes read.
        graph: with inputs and outputs set if the file states them (a SavedModel's signature).
        producer: GraphDef version of the TensorFlow that wrote it, 0 when it does not say.
        functions: names in the function library.
        notes: what was chosen or left out while reading.
    """

    path: str
    kind: str
    size: int
    graph: Graph
    producer: int
    functions: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    digest: _Digest | None = None

    @property
    def sha256(self) -> str:
        """Of the bytes that were read."""
        if self.digest is None:
            return ""
        self.digest.join()
        return self.digest.hexdigest


def model_of(path: str, kind: str, data: bytes, graph: Graph) -> Model:
    """A model whose ``graph`` was made of ``data``, a file that is none of TensorFlow's."""
    return Model(path, kind, len(data), graph, 0, (), [], _Digest(data))


class RawModel(NamedTuple):
    """The bytes of a model file and what they are."""

    kind: Kind
    data: bytes


def read_raw(path: str) -> RawModel:
    """The bytes at ``path`` (``-`` is standard input; of a SavedModel folder its saved_model.pb) and their kind.

    Raises:
        InputError: they cannot be read.
    """
    file = saved_model_file(path)
    data = read_model_bytes(file)
    return RawModel(sniff(data, file), data)


def load_model(path: str, raw: RawModel | None = None) -> Model:
    """Read the TensorFlow model at ``path`` (``-`` is standard input; a folder is a SavedModel).

    Args:
        path: where it is, for reading and for messages.
        raw: what is there, where it was read already.

    Raises:
        InputError: it cannot be read, is damaged, or is something else; says what it is and what to do.
    """
    kind, data = raw or read_raw(path)
    digest = _Digest(data)
    try:
        return _READERS.get(kind, _refuse)(path, kind, data, digest)
    except InputError as e:
        name = "standard input" if path == "-" else path
        raise InputError(e.message, where=f"{name}: {e.where}" if e.where else name, remedy=e.remedy) from e


def saved_model_file(path: str) -> str:
    """The file to read for ``path``: a SavedModel folder's saved_model.pb or saved_model.pbtxt, else ``path``."""
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return path
    kind, file = sniff_folder(folder)
    if kind in _READERS:
        return str(file)
    what, todo = explain(kind)
    raise InputError(what, where=path, remedy=todo)


def _graphdef(path: str, kind: Kind, data: bytes, digest: _Digest) -> Model:
    return _model(path, "graphdef", len(data), graph_from_bytes(data), digest)


def _graphdef_text(path: str, kind: Kind, data: bytes, digest: _Digest) -> Model:
    graph = graph_from_graphdef(parse_graph_text(_decode(data)))
    return _model(path, "graphdef-text", len(data), graph, digest)


def _saved_model(path: str, kind: Kind, data: bytes, digest: _Digest) -> Model:
    return _from_saved_model(path, len(data), parse_saved_model(data), digest)


def _saved_model_text(path: str, kind: Kind, data: bytes, digest: _Digest) -> Model:
    return _from_saved_model(path, len(data), parse_saved_model_text(_decode(data)), digest)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise InputError(f"is not UTF-8 text: byte {e.start}", remedy="Save it as UTF-8") from e


def _refuse(path: str, kind: Kind, data: bytes, digest: _Digest) -> Model:
    what, todo = explain(kind)
    raise InputError(what, remedy=todo)


_READERS = {
    Kind.GRAPHDEF: _graphdef,
    Kind.GRAPHDEF_TEXT: _graphdef_text,
    Kind.SAVED_MODEL: _saved_model,
    Kind.SAVED_MODEL_TEXT: _saved_model_text,
}


def _model(path: str, kind: str, size: int, graph: Graph, digest: _Digest) -> Model:
    message = graph.source
    functions = tuple(sorted(f.signature.name for f in message.library.function))
    return Model(path, kind, size, graph, message.versions.producer, functions, [], digest)


def _from_saved_model(path: str, size: int, message: Any, digest: _Digest) -> Model:
    if not message.meta_graphs:
        raise InputError("the SavedModel has no MetaGraph", remedy="Export it again with tf.saved_model.save")
    meta = next((m for m in message.meta_graphs if _SERVE in m.meta_info_def.tags), message.meta_graphs[0])
    model = _model(path, "saved-model", size, graph_from_graphdef(meta.graph_def), digest)
    others = len(message.meta_graphs) - 1
    if others:
        tags = ", ".join(meta.meta_info_def.tags) or "none"
        what = "another MetaGraph" if others == 1 else f"{others} other MetaGraphs"
        model.notes.append(f"{what}: the one with the tags {tags} is read")
    _apply_signature(model, meta)
    return model


def _apply_signature(model: Model, meta: Any) -> None:
    """Inputs and outputs as the serving signature states them, by argument name."""
    usable = sorted(n for n in meta.signature_def if not n.startswith("__saved_model"))
    name = _DEFAULT_SIGNATURE if _DEFAULT_SIGNATURE in usable else next(iter(usable), None)
    if name is None:
        model.notes.append("no signature: inputs and outputs are found, not stated")
        return
    signature, graph = meta.signature_def[name], model.graph
    outputs = [graph.value(info.name) for _, info in sorted(signature.outputs.items())]
    inputs = [graph.value(info.name) for _, info in sorted(signature.inputs.items())]
    graph.outputs = tuple(dict.fromkeys(v for v in outputs if not v.node.is_missing))
    graph.inputs = tuple(dict.fromkeys(v.node for v in inputs if not v.node.is_missing))
    others = [n for n in usable if n != name]
    if others:
        what = "the other signature" if len(others) == 1 else "the other signatures"
        model.notes.append(f"{what} {', '.join(others)}: inputs and outputs are those of {name}")
