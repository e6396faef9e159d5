"""``import tensorflow as tf`` for scripts that need little of it.

Old scripts say ``tf.float32``, read a GraphDef and silence the log; for that nothing need be imported. Whatever else
they ask for comes from the TensorFlow that is installed. Where that is TensorFlow 2, a script that asks for what only
TensorFlow 1 had (``tf.Session``, ``tf.placeholder``) is a script for TensorFlow 1: from there on it gets the names of
``compat.v1`` and its behaviour.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from graphdoctor.graphsurgeon import GraphDef, NodeDef
from graphdoctor.graphsurgeon.nodes import dtype_number
from graphdoctor.types import DType

NAME = "tensorflow"
_NUMPY_NAMES = {"bool": "bool_", "string": "object_"}
_TAKING_GRAPHS = (
    "import_graph_def",
    "graph_util.convert_variables_to_constants",
    "graph_util.extract_sub_graph",
    "graph_util.remove_training_nodes",
    "io.write_graph",
    "train.write_graph",
)
"""Functions of TensorFlow that take a GraphDef of its own class alone."""


class StandInDType:
    """A dtype with what scripts ask of one: ``name``, ``as_datatype_enum``, ``as_numpy_dtype``, ``size``.

    TensorFlow's own functions take it too: they look it up by its number, to which it is equal.
    """

    def __init__(self, dtype: DType) -> None:
        self.as_datatype_enum = int(dtype)
        self.name = dtype.label

    @property
    def as_numpy_dtype(self) -> type[np.generic]:
        """numpy's type of such an element."""
        kind: type[np.generic] = getattr(np, _NUMPY_NAMES.get(self.name, self.name))
        return kind

    @property
    def size(self) -> int:
        """Bytes an element."""
        return np.dtype(self.as_numpy_dtype).itemsize

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return getattr(_real(self.name), key)

    def __eq__(self, other: object) -> bool:
        return getattr(other, "as_datatype_enum", other) == self.as_datatype_enum or other == self.name

    def __hash__(self) -> int:
        return self.as_datatype_enum

    def __repr__(self) -> str:
        return f"tf.{self.name}"


def _dtypes() -> dict[str, Any]:
    found = {d.label: StandInDType(d) for d in DType if d.name != "INVALID"}
    return {**found, "half": found["float16"], "double": found["float64"], "DType": StandInDType}


_DTYPES = _dtypes()


def _as_dtype(kind: Any) -> Any:
    """``tf.as_dtype``: of a name, a number, or a dtype of numpy's."""
    if isinstance(kind, str) and kind in _DTYPES:
        return _DTYPES[kind]
    number = kind if isinstance(kind, int) else dtype_number(kind)
    return _DTYPES[(DType.from_numpy(np.dtype(kind)) if number is None else DType(number)).label]


def _open(name: Any, mode: str = "r") -> Any:
    """``tf.gfile.GFile``: a local file by Python, any other by TensorFlow."""
    if "://" in str(name):
        return _real("io.gfile.GFile")(name, mode)
    return Path(name).open(mode, encoding=None if "b" in mode else "utf-8")


def _logging() -> dict[str, Any]:
    log = logging.getLogger(NAME)
    names: dict[str, Any] = {"FATAL": 50, "WARN": 30, "fatal": log.critical, "warn": log.warning}
    names |= {level: getattr(logging, level) for level in ("DEBUG", "INFO", "WARNING", "ERROR")}
    names |= {name: getattr(log, name) for name in ("debug", "info", "warning", "error")}
    return names | {"set_verbosity": log.setLevel, "get_verbosity": log.getEffectiveLevel}


class _Part(ModuleType):
    """``tf.compat``, ``tf.io``: the names given, TensorFlow's own for the rest."""

    def __init__(self, path: str, names: dict[str, Any], *, old: bool = False) -> None:
        super().__init__(f"{NAME}.{path}")
        self.__dict__.update(names, _path=path, _old=old)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return _real(f"{self._path}.{key}", old=self._old)


class TensorFlow(ModuleType):
    """The module that stands in; ``old`` for ``tf.compat.v1``."""

    def __init__(self, *, old: bool = False) -> None:
        super().__init__(NAME, "Stands in for TensorFlow until more than a few names are asked for.")
        self.__spec__ = ModuleSpec(NAME, None)
        files = {"GFile": _open, "FastGFile": _open, "Open": _open}
        io = {"gfile": _Part("io.gfile", {"GFile": _open})}
        self.__dict__.update(_DTYPES, GraphDef=GraphDef, NodeDef=NodeDef, as_dtype=_as_dtype, _old=old)
        self.dtypes = _Part("dtypes", _DTYPES, old=old)
        self.gfile = _Part("gfile", files, old=old)
        self.logging = _Part("logging", _logging(), old=old)
        self.import_graph_def = _taking_graphs("import_graph_def", old=old)
        for part in ("io", "train", "graph_util"):
            names = {
                p.partition(".")[2]: _taking_graphs(p, old=old) for p in _TAKING_GRAPHS if p.startswith(f"{part}.")
            }
            setattr(self, part, _Part(part, names | (io if part == "io" else {}), old=old))
        self.compat = _Part("compat", {"v1": self if old else TensorFlow(old=True)})

    def __getattr__(self, key: str) -> Any:
        if key == "__version__":
            return _version()
        if key.startswith("__") and key != "__path__":
            raise AttributeError(key)
        return _real(key, old=self._old)


def put_in_place() -> None:
    """Have ``import tensorflow`` and ``import tensorflow.compat.v1`` give the stand-in."""
    module = TensorFlow()
    sys.modules.update({NAME: module, f"{NAME}.compat": module.compat, f"{NAME}.compat.v1": module.compat.v1})


def _taking_graphs(path: str, *, old: bool) -> Callable[..., Any]:
    """TensorFlow's function at ``path``, for our GraphDefs too."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return _real(path, old=old)(*map(_its_own, args), **{k: _its_own(v) for k, v in kwargs.items()})

    return call


def _its_own(value: Any) -> Any:
    """A GraphDef of TensorFlow's class for one of ours; anything else as it is."""
    if not isinstance(value, GraphDef):
        return value
    return _load().compat.v1.GraphDef.FromString(value.SerializeToString())


def _real(path: str, *, old: bool = False) -> Any:
    """TensorFlow's own ``tf.<path>``, or ``tf.compat.v1.<path>``.

    Raises:
        AttributeError: it has neither.
        ModuleNotFoundError: none is installed.
    """
    global _is_old
    real = _load()
    first = getattr(getattr(real, "compat", None), "v1", real)
    new, before = _find(real, path), _find(first, path)
    if new is None and before is None:
        raise AttributeError(f"module 'tensorflow' has no attribute {path!r}, in TensorFlow {real.__version__}")
    if isinstance(new, ModuleType) and isinstance(before, ModuleType) and new is not before:
        return _Part(path, {}, old=old)
    if new is None and not old and not _is_old:
        _is_old = True
        first.disable_v2_behavior()
    return before if before is not None and (new is None or old or _is_old) else new


def _find(start: Any, path: str) -> Any:
    for part in path.split("."):
        start = getattr(start, part, None)
    return start


def _version() -> str:
    """That of the package that is installed, without loading it."""
    try:
        return importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        return str(_load().__version__)  # installed under another name, or not at all


def _load() -> Any:
    """The TensorFlow that is installed.

    Raises:
        ModuleNotFoundError: none is.
    """
    global _loaded
    if _loaded is None:
        names = [n for n in (NAME, f"{NAME}.compat", f"{NAME}.compat.v1") if n in sys.modules]
        stand_ins = {n: sys.modules.pop(n) for n in names}
        try:
            _loaded = importlib.import_module(NAME)
        except ModuleNotFoundError as e:
            sys.modules.update(stand_ins)
            if e.name != NAME:
                raise
            raise ModuleNotFoundError(
                "the script needs more of TensorFlow than dtypes and GraphDefs; install it with: "
                "pip install 'graphdoctor[tensorflow]'",
                name=NAME,
            ) from None
    return _loaded


_loaded: Any = None
_is_old = False
