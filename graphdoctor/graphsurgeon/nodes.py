"""Making nodes and reading them, as graphsurgeon's functions of these names do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.nodedef import NodeDef
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor

__all__ = ["create_node", "create_plugin_node", "extract_numpy_array", "remove_duplicates", "shape", "update_node"]

_SUFFIXES = {"i": "_u_int", "f": "_u_float", "s": "_u_str", "list.i": "_u_ilist", "list.f": "_u_flist"}
"""What the UFF converter takes a plugin's field type from."""


def create_node(name: str, op: str | None = None, trt_plugin: bool = False, **kwargs: Any) -> NodeDef:
    """A new node; ``op`` is ``name`` where it is not given. The keywords are those of :func:`update_node`.

    Raises:
        TypeError: a value is of a type that no attribute holds.
    """
    return update_node(NodeDef(), name, op or name, trt_plugin, **kwargs)


def create_plugin_node(name: str, op: str | None = None, **kwargs: Any) -> NodeDef:
    """A new node that the UFF converter will take as a TensorRT plugin: :func:`create_node` with ``trt_plugin``."""
    return create_node(name, op, True, **kwargs)


def update_node(
    node: NodeDef, name: str | None = None, op: str | None = None, trt_plugin: bool = False, **kwargs: Any
) -> NodeDef:
    """Set name, op and attributes of ``node`` and give it.

    Args:
        node: the node to change.
        name: its new name; those that read it are not told.
        op: its new op.
        trt_plugin: True to mark numbers, strings and lists with the suffix that tells the UFF converter their type
            (``_u_int``, ``_u_float``, ``_u_str``, ``_u_ilist``, ``_u_flist``); a node that has such a field keeps it.
        **kwargs: attributes by name. ``inputs`` (names or nodes) is appended to the inputs, ``shape`` (``None`` for
            an unknown dimension) and every other key replaces what was there. A dtype, bool, int, float, string, list
            of ints, floats or strings, or array makes an attribute of that kind; a bool is an int, as in TensorRT's
            plugin fields. ``_do_suffix`` is ``trt_plugin``, as TensorRT 5.0 called it.

    Raises:
        TypeError: a value is of a type that no attribute holds.
    """
    trt_plugin = bool(kwargs.pop("_do_suffix", trt_plugin))
    if name:
        node.name = name
    if op:
        node.op = op
    for key, value in kwargs.items():
        if key == "inputs":
            node.input.extend(_input_names(value))
        elif key == "shape":
            _set_shape(node, value)
        else:
            _set_attr(node, key, value, trt_plugin, kwargs.get("dtype"))
    return node


def shape(node: NodeDef) -> tuple[int, ...]:
    """The dimensions in the attribute ``shape``; none where the node has no such attribute."""
    found = node.attr.get("shape")
    return () if found is None else tuple(d.size for d in found.shape.dim)


def extract_numpy_array(node: NodeDef) -> npt.NDArray[Any]:
    """The values of a constant as a flat array, however they are stored.

    Raises:
        KeyError: the node has no value.
    """
    value = node.attr.get("value")
    if value is None:
        raise KeyError(f"{node.name} has no attribute 'value'")
    return Tensor.from_payload(value.tensor.SerializeToString()).array().reshape(-1)


def remove_duplicates(graph: Any, names: Sequence[str] | None = None) -> None:
    """Delete every later node of a name that is there before, and every later repetition of an input.

    Args:
        graph: a graph, or its GraphDef.
        names: given, only inputs of these nodes that name one of them are looked at.
    """
    graph_def: GraphDef = graph if isinstance(graph, GraphDef) else graph.as_graph_def()
    first: dict[str, NodeDef] = {}
    for node in graph_def.nodes():
        first.setdefault(node.name, node)
    graph_def.discard([n for n in graph_def.nodes() if first[n.name] is not n])
    wanted = None if names is None else set(names)
    for node in graph_def.nodes():
        if wanted is None or node.name in wanted:
            kept = _once(node.input, wanted)
            if kept != node.input:
                node.input[:] = kept


def _once(inputs: Iterable[str], wanted: set[str] | None) -> list[str]:
    """``inputs`` without repetitions of those in ``wanted`` (``None``: of any), in their order."""
    kept: dict[str | tuple[int, str], str] = {}
    for place, reference in enumerate(inputs):
        kept.setdefault(reference if wanted is None or reference in wanted else (place, reference), reference)
    return list(kept.values())


def _input_names(value: Any) -> list[str]:
    values = [value] if isinstance(value, str | NodeDef) else list(value)
    return [reference if isinstance(reference, str) else _name_of(reference) for reference in values]


def _name_of(node: Any) -> str:
    if isinstance(node, NodeDef) or getattr(getattr(node, "DESCRIPTOR", None), "name", "") == "NodeDef":
        return str(node.name)
    raise TypeError(f"an input is a name or a node, not {type(node).__name__}")


def _set_shape(node: NodeDef, dims: Any) -> None:
    sizes = [dims] if isinstance(dims, int | np.integer) else list(dims)
    found = node.attr["shape"]
    found.Clear()
    found.shape.SetInParent()
    for size in sizes:
        found.shape.dim.add(size=-1 if size is None else int(size))


def _set_attr(node: NodeDef, key: str, value: Any, trt_plugin: bool, dtype: Any) -> None:
    if isinstance(value, np.ndarray):
        _set_tensor(node, key, value, dtype_number(dtype))
        return
    kind, store = _kind(key, value)
    suffix = _SUFFIXES.get(kind, "")
    if suffix and (trt_plugin or (key + suffix in node.attr and key not in node.attr)):
        key += suffix
    node.attr[key].Clear()
    store(node.attr[key])


def _kind(key: str, value: Any) -> tuple[str, Callable[[Any], None]]:
    """Which field of an attribute holds ``value``, and how to put it there."""
    number = dtype_number(value)
    if number is not None:
        return "type", lambda a: setattr(a, "type", number)
    if isinstance(value, bool | int | np.bool_ | np.integer):
        return "i", lambda a: setattr(a, "i", int(value))
    if isinstance(value, float | np.floating):
        return "f", lambda a: setattr(a, "f", float(value))
    if isinstance(value, str | bytes):
        return "s", lambda a: setattr(a, "s", _bytes(value))
    if isinstance(value, list | tuple):
        return _list_kind(key, value)
    raise TypeError(f"{key}: an attribute cannot hold {type(value).__name__}")


def _list_kind(key: str, values: Sequence[Any]) -> tuple[str, Callable[[Any], None]]:
    if all(isinstance(v, bool | int | np.bool_ | np.integer) for v in values):
        return "list.i", lambda a: (a.list.SetInParent(), a.list.i.extend(map(int, values)))[0]
    if all(isinstance(v, bool | int | float | np.bool_ | np.integer | np.floating) for v in values):
        return "list.f", lambda a: a.list.f.extend(map(float, values))
    if all(isinstance(v, str | bytes) for v in values):
        return "list.s", lambda a: a.list.s.extend(map(_bytes, values))
    raise TypeError(f"{key}: a list of an attribute holds numbers or strings alone")


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _set_tensor(node: NodeDef, key: str, value: npt.NDArray[Any], dtype: int | None) -> None:
    """The constant, as ``dtype`` where that was given; a Const gets the dtype that it needs beside its value."""
    tensor = Tensor.from_array(np.array(value), None if dtype is None else DType(dtype))
    found = node.attr[key]
    found.Clear()
    found.tensor.SetInParent()
    found.tensor.MergeFromString(tensor.to_payload())
    if key == "value":
        node.attr["dtype"].type = int(tensor.dtype)


def dtype_number(value: Any) -> int | None:
    """TensorFlow's number of a dtype: of graphdoctor's, TensorFlow's own or numpy's; ``None`` for anything else."""
    if isinstance(value, DType):
        return int(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return int(DType.from_numpy(np.dtype(value)))
    number = getattr(value, "as_datatype_enum", None)
    return int(number) if isinstance(number, int) else None
