"""NVIDIA's builder behind one door: which module, its logger, its records as ours."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphdoctor.jobs.spec import EngineError, EngineTensor, LogLine
from graphdoctor.workers._serve import MissingModuleError, RefusedError

LIBRARY_PACKAGE = "onnxruntime_ep_nv_tensorrt_rtx"
_LIBRARIES = ("libtensorrt_rtx", "libtensorrt_onnxparser_rtx")
_KEPT_LINES = 500
_LONGEST_LINE = 2000
_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "BOOL": "bool",
    "FP8": "float8_e4m3fn",
    "FP4": "float4_e2m1fn",
}


@dataclass
class Log:
    """What NVIDIA's logger said. The last lines are kept; verbose ones are only counted."""

    lines: list[tuple[str, LogLine]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stage: str = "import"

    def add(self, severity: str, text: str) -> None:
        """Keep one message under the stage that is running."""
        self.counts[severity] += 1
        if severity == "verbose" or not text.strip(" -"):
            return
        self.lines.append((self.stage, LogLine(severity, text[:_LONGEST_LINE])))
        del self.lines[:-_KEPT_LINES]

    def errors(self, stage: str) -> list[str]:
        """The error messages of one stage, each once, in order."""
        texts = (line.text for at, line in self.lines if at == stage and line.severity.endswith("error"))
        return list(dict.fromkeys(texts))


@dataclass(frozen=True)
class Builder:
    """A backend that works: its module, its name and version, and a builder made from it.

    ``tried`` has the reason for each backend passed over before.
    """

    trt: Any
    name: str
    logger: Any
    builder: Any
    tried: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version that the module states."""
        return str(self.trt.__version__)


def open_builder(backends: Sequence[str], log: Log) -> Builder:
    """The first of ``backends`` that is installed and gives a builder.

    Raises:
        MissingModuleError: none is installed.
        RefusedError: those that are installed do not work; the text has each one's reason.
    """
    tried: list[str] = []
    installed = False
    for name in backends:
        if importlib.util.find_spec(name) is None:
            tried.append(f"{name}: not installed")
            continue
        installed = True
        try:
            trt = import_backend(name)
            logger = _logger(trt, log)
            return Builder(trt, name, logger, trt.Builder(logger), tuple(tried))
        except Exception as e:
            tried.append(f"{name}: {_why(e, log)}")
    if not installed:
        raise MissingModuleError(backends[-1], "no TensorRT builder is installed")
    raise RefusedError(f"no TensorRT builder works here ({'; '.join(tried)})")


def load_backends(backends: Sequence[str]) -> None:
    """Import those of ``backends`` that are installed and work; nothing is made of them yet.

    Raises:
        MissingModuleError: none is installed.
    """
    installed = [name for name in backends if importlib.util.find_spec(name) is not None]
    if backends and not installed:
        raise MissingModuleError(backends[-1], "no TensorRT builder is installed")
    for name in installed:
        with contextlib.suppress(Exception):  # open_builder tries again, and keeps the reason
            import_backend(name)


def _why(error: Exception, log: Log) -> str:
    """pybind11 says only that the factory returned nothing; the reason (no driver, say) is in the log."""
    said = log.errors("import")
    return said[-1] if said else " ".join(str(error).split()) or type(error).__name__


def import_backend(name: str) -> Any:
    """The module of a backend, its libraries loaded.

    Raises:
        ImportError: it is not installed, or cannot be loaded.
        RefusedError: the package that holds its libraries is damaged.
    """
    if name == "tensorrt_rtx_bindings":
        _load_rtx_libraries()
    return importlib.import_module(name)


def _load_rtx_libraries() -> None:
    """Load the RTX libraries from the package that carries them, without importing it.

    Importing that package would do the same, and besides make links inside its own folder (which may be
    read-only, or shared by two first runs) and import onnxruntime. Loading a library by its full path
    registers its SONAME, which is all that the bindings look for.
    """
    spec = importlib.util.find_spec(LIBRARY_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return  # the system may have the libraries; the import that follows says so if not
    folder = Path(next(iter(spec.submodule_search_locations)))
    for base in _LIBRARIES:
        found = sorted(folder.glob(f"{base}.so.*.*"), key=_version_key)
        if not found:
            raise RefusedError(f"{folder} does not hold {base}.so; reinstall graphdoctor[engine]")
        ctypes.CDLL(str(found[-1]), mode=ctypes.RTLD_GLOBAL)


def _version_key(path: Path) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", path.name)]


def _logger(trt: Any, log: Log) -> Any:
    class Capture(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: Any, msg: str) -> None:
            log.add(severity.name.lower(), msg)

    return Capture()


def text_of(read: Callable[[], Any]) -> str:
    """A text of NVIDIA's, which is the model's own bytes and need not be Unicode."""
    try:
        return str(read())
    except UnicodeDecodeError as e:
        return e.object.decode("utf-8", "replace")


def parser_errors(parser: Any) -> tuple[EngineError, ...]:
    """The parser's errors as records; releases differ in what an error knows."""
    return tuple(_parser_error(parser.get_error(i)) for i in range(parser.num_errors))


def _parser_error(error: Any) -> EngineError:
    def ask(name: str, default: Any = "") -> Any:
        return getattr(error, name, lambda: default)

    code = ask("code")()
    return EngineError(
        stage="parse",
        message=text_of(ask("desc")),
        node=text_of(ask("node_name")),
        operator=text_of(ask("node_operator")),
        code=getattr(code, "name", str(code)),
        index=int(ask("node", -1)()),
        file=text_of(ask("file")),
        function=text_of(ask("func")),
        line=int(ask("line", 0)()),
    )


def builder_errors(messages: Sequence[str], network: Any) -> tuple[EngineError, ...]:
    """The builder's error messages, each with the ONNX node whose layer it names."""
    layers = {}
    for i in range(network.num_layers if messages else 0):
        layer = network.get_layer(i)
        layers[_layer_name(layer)] = _onnx_name(layer)
    return tuple(EngineError("build", text, node=_named_node(text, layers)) for text in messages)


def _onnx_name(layer: Any) -> str:
    """Layers carry ``[ONNX Layer: name]``; those the importer adds are the node's name and a number."""
    match = re.search(r"\[ONNX Layer: (.*?)\]", text_of(lambda: getattr(layer, "metadata", "")))
    return match.group(1) if match else _layer_name(layer)


def _layer_name(layer: Any) -> str:
    return text_of(lambda: layer.name)


def _named_node(text: str, layers: dict[str, str]) -> str:
    """The node of the longest layer name in ``text`` (``conv`` must not win over ``conv_1``)."""
    found = [name for name in layers if name and name in text and _stands_alone(name, text)]
    return layers[max(found, key=len)] if found else ""


def _stands_alone(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", text) is not None


def tensor(value: Any) -> EngineTensor:
    """A network input or output; dimensions of -1 are unknown."""
    name = str(value.dtype).rpartition(".")[2]
    try:
        shape: tuple[int | None, ...] | None = tuple(None if d < 0 else int(d) for d in value.shape)
    except ValueError:  # a Dims of length -1 stands for an unknown rank
        shape = None
    return EngineTensor(text_of(lambda: value.name), _DTYPES.get(name, name.lower()), shape)
