"""Runs a frozen GraphDef with TensorFlow on the CPU, as written: the reference of every comparison."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.jobs.spec import RunDone, TensorflowRun, pack_sets, unpack_sets
from graphdoctor.types import Array
from graphdoctor.workers._serve import RefusedError, message_of, serve

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def run(request: TensorflowRun, arrays: dict[str, Array]) -> tuple[RunDone, dict[str, Array]]:
    """Run the graph once per input set; feeds and fetches are ``node`` or ``node:output``.

    Raises:
        RefusedError: the file is no GraphDef, TensorFlow cannot import it, a tensor does not exist, an
        output is no
            tensor of numbers, or the graph fails while it runs.
    """
    start = time.perf_counter()
    os.environ.update(_ENVIRONMENT, TF_ENABLE_ONEDNN_OPTS=_one_dnn(request.graph))
    tf = _TensorFlow()
    imported = time.perf_counter()
    graph = _graph(tf, request.graph)
    loaded = time.perf_counter()
    with tf.session(graph=graph, config=_config(tf)) as session:
        results = [_run_once(tf, session, request.fetches, feeds) for feeds in unpack_sets(arrays, request.sets)]
    seconds = {
        "import": imported - start,
        "load": loaded - imported,
        "run": time.perf_counter() - loaded,
    }
    return RunDone(tf.version, seconds), pack_sets(results)


def _one_dnn(path: str) -> str:
    """Off, since oneDNN sums in another order than TensorFlow's own kernels; but only it has NCHW on the CPU."""
    file = Path(path)
    return "1" if file.is_file() and b"NCHW" in file.read_bytes() else "0"


class _TensorFlow:
    """The few names of TensorFlow that running a graph takes.

    The package's own ``__init__`` imports the whole API, Keras and data sets included, which more than
    doubles the start. An empty module in its place lets the modules below it be imported alone; where a
    release does not bear that, the package is imported as usual.
    """

    def __init__(self) -> None:
        try:
            self._import_parts(light=True)
        except (ImportError, AttributeError):
            sys.modules.pop("tensorflow", None)
            self._import_parts(light=False)

    def _import_parts(self, *, light: bool) -> None:
        if light:
            _put_empty_package("tensorflow")
        else:
            importlib.import_module("tensorflow")
        ops = importlib.import_module("tensorflow.python.framework.ops")
        config = importlib.import_module("tensorflow.core.protobuf.config_pb2")
        self.graph = ops.Graph
        self.session = importlib.import_module("tensorflow.python.client.session").Session
        self.import_graph_def = importlib.import_module("tensorflow.python.framework.importer").import_graph_def
        self.graph_def = importlib.import_module("tensorflow.core.framework.graph_pb2").GraphDef
        self.errors = importlib.import_module("tensorflow.python.framework.errors_impl")
        self.config = config.ConfigProto
        self.version = str(importlib.import_module("tensorflow.python.framework.versions").VERSION)


def _put_empty_package(name: str) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = types.ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules[name] = package


def _graph(tf: _TensorFlow, path: str) -> Any:
    from google.protobuf.message import DecodeError

    try:
        graph_def = tf.graph_def.FromString(Path(path).read_bytes())
    except DecodeError as e:
        raise RefusedError("TensorFlow cannot read it as a binary GraphDef") from e
    graph = tf.graph()
    with graph.as_default():
        try:
            tf.import_graph_def(graph_def, name="")
        except (ValueError, tf.errors.OpError) as e:
            raise RefusedError(f"TensorFlow cannot import the graph: {message_of(e)}") from e
    return graph


def _config(tf: _TensorFlow) -> Any:
    """No GPU, no rewriting: the reference is the graph as it stands, and starts in a third of the time."""
    config = tf.config()
    config.device_count["GPU"] = 0
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = -1
    return config


def _run_once(tf: _TensorFlow, session: Any, fetches: tuple[str, ...], feeds: dict[str, Array]) -> dict[str, Array]:
    tensors = {name: _tensor(session.graph, name) for name in (*fetches, *feeds)}
    wanted = [tensors[name] for name in fetches]
    try:
        values = session.run(wanted, {tensors[name]: array for name, array in feeds.items()})
    except (tf.errors.OpError, ValueError, TypeError) as e:
        raise RefusedError(f"TensorFlow cannot run the graph: {_said(e)}") from e
    return {name: _numbers(name, value) for name, value in zip(fetches, values, strict=True)}


_FRAMING = ("Graph execution error", "Detected at node", "File ", "[[{{node")


def _said(error: BaseException) -> str:
    """TensorFlow's own sentence and its node, without the stack traces it is wrapped in."""
    text, _, _ = str(getattr(error, "message", None) or error).partition("Original stack trace")
    lines = (line.strip() for line in text.splitlines())
    kept = [line for line in lines if line and not line.startswith(_FRAMING)]
    return ": ".join(kept[:2]) or message_of(error)


def _tensor(graph: Any, name: str) -> Any:
    node, _, port = name.removeprefix("^").partition(":")
    try:
        return graph.get_tensor_by_name(f"{node}:{port or 0}")
    except (KeyError, ValueError) as e:
        raise RefusedError(f"the graph has no tensor {name!r}") from e


def _numbers(name: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind == "V" or array.dtype.name in ("bfloat16", "float8_e5m2", "float8_e4m3fn"):
        return array.astype(np.float32)  # numpy has no such type, and every value of it is a float32
    if array.dtype.kind not in "biufc":
        raise RefusedError(f"the output {name!r} is of dtype {array.dtype}, which cannot be compared")
    return array


if __name__ == "__main__":
    serve(run, TensorflowRun)
