"""``import tensorflow as tf`` for scripts that need little of it.

Old scripts say ``tf.float32``, read a GraphDef and silence the log; for that nothing need be imported. Whatever else
they ask for comes from the TensorFlow that is installed, from its ``compat.v1`` where TensorFlow 2 has moved it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from graphdoctor.graphsurgeon import GraphDef, NodeDef
from graphdoctor.types import DType

NAME = "tensorflow"
_NUMPY_NAMES = {"bool": "bool_", "string": "object_", "half": "float16"}
_DUNDERS = frozenset({"__path__", "__version__"})
"""Module attributes for which TensorFlow itself must be asked."""


class StandInDType:
    """A dtype with what scripts ask of one: ``name``, ``as_datatype_enum``, ``as_numpy_dtype``, ``size``."""

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

    def __eq__(self, other: object) -> bool:
        return getattr(other, "as_datatype_enum", other) == self.as_datatype_enum or other == self.name

    def __hash__(self) -> int:
        return self.as_datatype_enum

    def __repr__(self) -> str:
        return f"tf.{self.name}"


class _Files:
    """``tf.gfile`` and ``tf.io.gfile`` for local files."""

    @staticmethod
    def GFile(name: str, mode: str = "r") -> Any:  # noqa: N802 - TensorFlow's name
        """An open file."""
        return Path(name).open(mode)

    FastGFile = GFile
    Open = GFile


class _Log:
    """``tf.logging``: there is nothing to silence."""

    DEBUG, INFO, WARN, WARNING, ERROR, FATAL = 10, 20, 30, 30, 40, 50

    @staticmethod
    def set_verbosity(level: object) -> None:
        """Nothing is logged."""


class _Part:
    """``tf.compat``, ``tf.dtypes``, ``tf.io``: a few names, TensorFlow's own for the rest."""

    def __init__(self, path: str, names: dict[str, Any]) -> None:
        self.__dict__.update(names, _path=path)

    def __getattr__(self, key: str) -> Any:
        return _real(f"{self._path}.{key}")


class TensorFlow(ModuleType):
    """The module that stands in."""

    def __init__(self) -> None:
        super().__init__(NAME, "Stands in for TensorFlow until more than a few names are asked for.")
        dtypes = {d.label: StandInDType(d) for d in DType if d.name != "INVALID"}
        names: dict[str, Any] = {**dtypes, "half": dtypes["float16"], "double": dtypes["float64"]}
        names |= {"DType": StandInDType, "GraphDef": GraphDef, "NodeDef": NodeDef, "import_graph_def": import_graph_def}
        names |= {"gfile": _Files, "logging": _Log, "as_dtype": lambda kind: dtypes[np.dtype(kind).name]}
        self.__dict__.update(names)
        self.dtypes = _Part("dtypes", {**dtypes, "DType": StandInDType})
        self.io = _Part("io", {"gfile": _Files})
        self.compat = _Part("compat", {"v1": self})

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") and key not in _DUNDERS:
            raise AttributeError(key)
        return _real(key)


def import_graph_def(graph_def: Any, *args: Any, **kwargs: Any) -> Any:
    """TensorFlow's function, which takes its own GraphDef alone."""
    real = _load()
    if isinstance(graph_def, GraphDef):
        graph_def = real.compat.v1.GraphDef.FromString(graph_def.SerializeToString())
    return real.compat.v1.import_graph_def(graph_def, *args, **kwargs)


def _real(path: str) -> Any:
    """TensorFlow's own ``tf.<path>``, or ``tf.compat.v1.<path>``.

    Raises:
        AttributeError: it has neither.
    """
    real = _load()
    for start in (real, getattr(getattr(real, "compat", None), "v1", real)):
        value = start
        for part in path.split("."):
            value = getattr(value, part, None)
        if value is not None:
            return value
    raise AttributeError(f"module 'tensorflow' has no attribute {path!r}, in TensorFlow {real.__version__}")


def _load() -> Any:
    """The TensorFlow that is installed.

    Raises:
        ModuleNotFoundError: none is.
    """
    global _loaded
    if _loaded is None:
        stand_in = sys.modules.pop(NAME, None)
        try:
            _loaded = importlib.import_module(NAME)
        except ModuleNotFoundError as e:
            if stand_in is not None:
                sys.modules[NAME] = stand_in
            if e.name != NAME:
                raise
            raise ModuleNotFoundError(
                "the script needs more of TensorFlow than dtypes and GraphDefs; install it with: "
                "pip install 'graphdoctor[tensorflow]'",
                name=NAME,
            ) from None
    return _loaded


_loaded: Any = None
