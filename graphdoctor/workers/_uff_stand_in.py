"""``import uff``: the calls of NVIDIA's UFF converter, done by graphdoctor's."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.graphsurgeon import DynamicGraph, GraphDef

if TYPE_CHECKING:
    from graphdoctor.flows.old_converter import Files
    from graphdoctor.ir import Graph
    from graphdoctor.wire.uff import UffModel

F = TypeVar("F", bound=Callable[..., Any])

VERSION = "0.6.3"
"""The last version of NVIDIA's converter, whose files ours are."""
FUNCTION = "preprocess"


class UffException(Exception):  # noqa: N818 - the name that scripts catch
    """What the converter raised of a graph that it could not convert; scripts catch it as this."""


class _WrongInputError(UffException, InputError):
    """A node that is not there, or a file that cannot be read or written."""


class _UnsayableError(UffException, UnsupportedError):
    """Nodes that UFF has no form for."""


for _kind in (UffException, _WrongInputError, _UnsayableError):
    _kind.__module__, _kind.__qualname__, _kind.__name__ = "uff.model.exceptions", "UffException", "UffException"


class Uff(ModuleType):
    """The module that stands in."""

    def __init__(self) -> None:
        super().__init__("uff", "Stands in for NVIDIA's UFF converter.")
        self.__version__ = VERSION
        self.__path__: list[str] = []
        self.from_tensorflow = from_tensorflow
        self.from_tensorflow_frozen_model = from_tensorflow_frozen_model


def put_in_place() -> None:
    """Have ``uff`` import ours, and ``uff.model.exceptions``, where the converter's exception lived.

    Source of that name: tracebacks in public threads (github.com/NVIDIA/OpenSeq2Seq/issues/407,
    github.com/nwesem/mtcnn_facenet_cpp_tensorRT/issues/10); the calls are in ``conversion_helpers`` there.
    """
    top = Uff()
    sys.modules["uff"] = top
    inner: dict[str, dict[str, Any]] = {
        "uff.model": {},
        "uff.model.exceptions": {"UffException": UffException},
        "uff.converters": {},
        "uff.converters.tensorflow": {},
        "uff.converters.tensorflow.conversion_helpers": {
            "from_tensorflow": from_tensorflow,
            "from_tensorflow_frozen_model": from_tensorflow_frozen_model,
        },
    }
    for name, members in inner.items():
        module = ModuleType(name, "Stands in for a part of NVIDIA's UFF converter.")
        module.__dict__.update({**members, "__path__": []})
        sys.modules[name] = module
        parent, _, own = name.rpartition(".")
        setattr(sys.modules[parent], own, module)


class _Words(NamedTuple):
    """The keywords of NVIDIA's calls, and ``plugins``: ops that the device has a plugin for."""

    input_node: Any = ()
    quiet: bool = False
    text: bool = False
    list_nodes: bool = False
    output_filename: Any = None
    write_preprocessed: bool = False
    debug_mode: bool = False
    return_graph_info: bool = False
    plugins: Any = ()


def _as_uff_exception(function: F) -> F:
    """What our errors are to a script: the converter's exception, with our message."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except UffException:
            raise
        except (InputError, UnsupportedError) as e:
            kind = _WrongInputError if isinstance(e, InputError) else _UnsayableError
            raise kind(e.message, where=e.where, remedy=e.remedy) from None

    return called  # type: ignore[return-value]


@_as_uff_exception
def from_tensorflow(graphdef: Any, output_nodes: Any = (), preprocessor: Any = None, **kwargs: Any) -> Any:
    """Convert a GraphDef to UFF.

    Args:
        graphdef: a GraphDef of graphsurgeon or TensorFlow, its bytes, or a graph; it is not changed.
        output_nodes: names, or numbers from 1, or from -1 at the end; none: every node that reads something and that
            nobody reads.
        preprocessor: path of a script whose ``preprocess(dynamic_graph)`` changes the graph first.
        **kwargs: ``output_filename``, a UFF file to write, and with it ``text`` and ``write_preprocessed``;
            ``input_node``, nodes that Inputs take the place of (``name,new_name,dtype,dim,...``); ``list_nodes``, to
            print the nodes and end; ``quiet``; ``debug_mode``; ``return_graph_info``; ``plugins``, ops that the device
            has a plugin for.

    Returns:
        The bytes of the UFF file; with ``return_graph_info`` also the inputs and the outputs, as NodeDefs. ``None``
        with ``list_nodes``.

    Raises:
        UffException: a node is not there, a file cannot be read or written, or nodes cannot be said in UFF, which are
            all listed.
    """
    return _convert(DynamicGraph(GraphDef.FromString(_bytes_of(graphdef))), output_nodes, preprocessor, kwargs)


@_as_uff_exception
def from_tensorflow_frozen_model(
    frozen_file: Any, output_nodes: Any = (), preprocessor: Any = None, **kwargs: Any
) -> Any:
    """As :func:`from_tensorflow`, of the file ``frozen_file``, which is not written over."""
    path = os.fspath(frozen_file)
    return _convert(DynamicGraph(path), output_nodes, preprocessor, kwargs, path)


def _convert(dynamic: DynamicGraph, outputs: Any, preprocessor: Any, kwargs: dict[str, Any], source: str = "") -> Any:
    from graphdoctor.flows.old_converter import Asked, convert_as_asked, ends_of, node_lines
    from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes
    from graphdoctor.wire.uff import uff_bytes

    words = _words(kwargs)
    files = _files(words, source)
    if preprocessor:
        _preprocess(dynamic, os.fspath(preprocessor))
    data = dynamic.as_graph_def().SerializeToString()
    graph = graph_from_bytes(data)
    if words.list_nodes:
        print(*node_lines(graph), sep="\n")
        return None
    model = convert_as_asked(graph, Asked(_listed(outputs), _listed(words.input_node), _listed(words.plugins)))
    written = [] if files is None else files.write(model, data)
    _talk(words, graph, model, written)
    if not words.return_graph_info:
        return uff_bytes(model)
    return (uff_bytes(model), *ends_of(graph, graphdef_bytes(graph)))


def _words(kwargs: dict[str, Any]) -> _Words:
    """The keywords; one that is unknown is passed over with a warning, as old scripts have to run."""
    for key in kwargs.keys() - set(_Words._fields):
        warnings.warn(f"uff does not know the keyword {key!r} and passes it over", stacklevel=5)
    return _Words(**{k: v for k, v in kwargs.items() if k in _Words._fields})


def _files(words: _Words, source: str) -> Files | None:
    from graphdoctor.flows.old_converter import Files

    if not words.output_filename:
        return None
    files = Files(os.fspath(words.output_filename), bool(words.text), bool(words.write_preprocessed), source)
    files.check()
    return files


def _bytes_of(graph: Any) -> bytes:
    if isinstance(graph, bytes | bytearray | memoryview):
        return bytes(graph)
    if hasattr(graph, "as_graph_def"):
        graph = graph.as_graph_def()
    if not hasattr(graph, "SerializeToString"):
        raise TypeError(f"graphdef is a GraphDef, its bytes, or a graph, not {type(graph).__name__}")
    data: bytes = graph.SerializeToString()
    return data


def _listed(value: Any) -> tuple[Any, ...]:
    """One word or number, or several, or ``None``."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | int) else tuple(value)


def _preprocess(graph: DynamicGraph, script: str) -> None:
    from graphdoctor.workers._run import run_path

    if not Path(script).is_file():
        raise InputError("there is no such file", where=script, remedy="Give the path of a Python script")
    function = run_path(script, name=Path(script).stem).get(FUNCTION)
    if not callable(function):
        raise InputError(f"the script has no function {FUNCTION}(dynamic_graph)", where=script, remedy="Define it")
    function(graph)


def _talk(words: _Words, graph: Graph, model: UffModel, written: list[str]) -> None:
    """What the converter said, to standard error: standard output is the script's."""
    if words.debug_mode:
        from graphdoctor.wire.uff.notation import format_node

        print(*(format_node(model, node) for node in model.nodes()), sep="\n", file=sys.stderr)
    if words.quiet:
        return
    for value in graph.outputs:
        print(f"Using output node {value.node.name}", file=sys.stderr)
    print(f"No. nodes: {sum(1 for _ in model.nodes())}", file=sys.stderr)
    for place in written:
        print(f"wrote {place}", file=sys.stderr)
