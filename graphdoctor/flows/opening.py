"""A model, opened: read, its signature found or given, its values inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.findings import TensorInfo
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import Model, RawModel, load_model, model_of, read_raw
from graphdoctor.ir import Graph
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.passes.signature import GivenInput, set_signature


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """What ``--input`` and ``--output`` say; empty: inputs and outputs are found."""

    inputs: tuple[GivenInput, ...] = ()
    outputs: tuple[str, ...] = ()

    @classmethod
    def parse(cls, inputs: Sequence[str], outputs: Sequence[str]) -> SignatureOptions:
        """From the texts of the command line.

        Raises:
            InputError: an ``--input`` has not the form NAME[:DTYPE][DIMS].
        """
        return cls(tuple(GivenInput.parse(i) for i in inputs), tuple(o.removesuffix(":0") for o in outputs))


@dataclass(slots=True)
class Opened:
    """An opened model; ``specs`` are those of the graph as it was opened."""

    model: Model
    specs: Specs

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self.model.graph

    def inputs(self) -> list[TensorInfo]:
        """The graph's inputs."""
        return input_infos(self.graph, self.specs)

    def outputs(self) -> list[TensorInfo]:
        """The graph's outputs."""
        return output_infos(self.graph, self.specs)


def open_model(path: str, options: SignatureOptions | None = None, raw: RawModel | None = None) -> Opened:
    """Read ``path`` (or take ``raw``, read there before), set its inputs and outputs, infer its values.

    Raises:
        InputError: it cannot be read, or a given name is not in the graph.
    """
    return open_loaded(load_model(path, raw), options or SignatureOptions())


def open_any(
    path: str, options: SignatureOptions, raw: RawModel | None = None, *, keep_plugins: bool = False
) -> Opened:
    """As :func:`open_model`; a UFF model too, as the graph that TensorRT's parser finds in it.

    ``keep_plugins``: as of ``graph_from_uff``.

    Raises:
        InputError: it cannot be read, or a given name is not in the graph.
        UnsupportedError: nodes of a UFF model have no meaning that is known; all are listed.
    """
    raw = raw or read_raw(path)
    if raw.kind is Kind.UFF:
        return _open_uff(path, raw.data, options, keep_plugins)
    return open_model(path, options, raw)


def _open_uff(path: str, data: bytes, options: SignatureOptions, keep_plugins: bool) -> Opened:
    from graphdoctor.formats.uff import graph_from_uff, load_uff

    model = load_uff(path, data).model
    ids = {node.id for node in model.graph.inputs()}
    registered = {g.name: (g.dtype, g.dims) for g in options.inputs if g.name in ids and (g.has_dims or g.dtype)}
    try:
        graph = graph_from_uff(model, registered, keep_plugins=keep_plugins)
    except GraphdoctorError as e:
        name = "standard input" if path == "-" else path
        raise type(e)(e.message, where=name, remedy=e.remedy) from e
    others = any(g.name not in ids for g in options.inputs)
    plain = tuple(GivenInput(g.name) if g.name in ids else g for g in options.inputs) if others else ()
    return open_loaded(model_of(path, "uff", data, graph), SignatureOptions(plain, options.outputs))


def open_loaded(model: Model, options: SignatureOptions) -> Opened:
    """Set inputs and outputs of a model that was read, infer its values.

    Raises:
        InputError: a given name is not in the graph.
    """
    set_signature(model.graph, options.inputs, options.outputs)
    return Opened(model, infer_shapes(model.graph))


def keep_input(path: str, out: str | Path, remedy: str = "Choose another name") -> None:
    """Refuse to write over the model that is read, by whatever name.

    Raises:
        InputError: ``out`` is the file at ``path``, or one that makes up that SavedModel folder.
    """
    folder = Path(path)
    sources = (folder, folder / "saved_model.pb", folder / "saved_model.pbtxt", *folder.glob("variables/*"))
    if path != "-" and any(_is_same(source, Path(out)) for source in sources):
        raise InputError("is the input itself", where=str(out), remedy=remedy)


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except (OSError, ValueError):
        return False  # one is not there, or cannot be looked at: reading and writing say so


def input_infos(graph: Graph, specs: Specs) -> list[TensorInfo]:
    """Name, dtype and shape of each input."""
    return [TensorInfo(n.name, specs.output(n).dtype, specs.output(n).shape) for n in graph.inputs]


def output_infos(graph: Graph, specs: Specs) -> list[TensorInfo]:
    """Name, dtype and shape of each output."""
    return [TensorInfo(v.name, specs.of(v).dtype, specs.of(v).shape) for v in graph.outputs]
