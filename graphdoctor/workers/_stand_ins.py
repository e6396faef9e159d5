"""The modules that old scripts import and that no index has any more, in their place."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np

import graphdoctor.graphsurgeon as graphsurgeon
from graphdoctor.workers import _tensorflow_stand_in, _uff_stand_in

API_VERSION = "0.4.1"
"""The last version of graphsurgeon, whose API ours is."""


def put_in_place() -> None:
    """Have ``graphsurgeon``, ``uff``, ``tensorflow`` and (where it is not installed) ``tensorrt`` import ours."""
    _tensorflow_stand_in.put_in_place()
    sys.modules["graphsurgeon"] = _Graphsurgeon()
    sys.modules["graphsurgeon.extras"] = graphsurgeon.extras
    _uff_stand_in.put_in_place()
    if importlib.util.find_spec("tensorrt") is None:
        sys.modules["tensorrt"] = _TensorRT()


class _Graphsurgeon(ModuleType):
    """``import graphsurgeon``: ours, with the names that a star import of NVIDIA's gave besides."""

    def __init__(self) -> None:
        super().__init__("graphsurgeon", graphsurgeon.__doc__)
        self.__dict__.update({name: getattr(graphsurgeon, name) for name in graphsurgeon.__all__})
        self.__version__ = API_VERSION
        self.tf, self.np = sys.modules[_tensorflow_stand_in.NAME], np


class _TensorRT(ModuleType):
    """``import tensorrt``: TensorRT-RTX, whose Python API is nearly the same, where that is installed."""

    def __init__(self) -> None:
        super().__init__("tensorrt", "Stands in for TensorRT with TensorRT-RTX.")

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") and key != "__version__":
            raise AttributeError(key)
        try:
            return getattr(_rtx(), key)
        except AttributeError:
            raise AttributeError(
                f"module 'tensorrt' has no attribute {key!r}: tensorrt is not installed, and TensorRT-RTX, which "
                "stands in for it, has no such name"
            ) from None


def _rtx() -> Any:
    """TensorRT-RTX's Python API.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    from graphdoctor.workers._trt import import_backend

    name = "tensorrt_rtx_bindings"
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(
            "the script needs TensorRT: install tensorrt, or TensorRT-RTX with: pip install 'graphdoctor[engine]'",
            name="tensorrt",
        )
    return import_backend(name)
