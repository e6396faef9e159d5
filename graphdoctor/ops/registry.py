"""All ops, found by scanning this package; a second class for the same op type is an error."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from graphdoctor.errors import InternalError
from graphdoctor.ops.base import Op

_NOT_FAMILIES = {"base", "registry"}


@cache
def all_ops() -> Mapping[str, Op]:
    """TensorFlow op type to its description."""
    package = importlib.import_module("graphdoctor.ops")
    found: dict[str, Op] = {}
    for info in pkgutil.iter_modules(package.__path__):
        if info.name in _NOT_FAMILIES:
            continue
        module = importlib.import_module(f"graphdoctor.ops.{info.name}")
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Op) and item.__module__ == module.__name__:
                _register(found, item())
    return MappingProxyType(found)


def _register(found: dict[str, Op], op: Op) -> None:
    for name in op.names:
        if name in found:
            raise InternalError(f"{name} is described by {type(found[name]).__name__} and {type(op).__name__}")
        found[name] = op


def find_op(op_type: str) -> Op | None:
    """The description of ``op_type``, or ``None`` if graphdoctor does not know it."""
    return all_ops().get(op_type)
