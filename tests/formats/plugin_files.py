"""UFF files with plugin nodes: written down, read back as graphs, and run in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from graphdoctor.errors import UnsupportedError
from graphdoctor.formats.onnx import onnx_from_graph
from graphdoctor.formats.uff import graph_from_uff
from graphdoctor.ir import Graph
from graphdoctor.types import Array
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.ops import harness

pytest.importorskip("onnxruntime")
F = np.float32
FEW = settings(max_examples=25, deadline=None)


def fields_text(given: Mapping[str, Any]) -> str:
    """Fields as graphsurgeon writes them."""
    return "{" + ", ".join(f"{k}_u_{_kind(v)}: {shown(v)}" for k, v in given.items()) + "}"


def _kind(value: Any) -> str:
    many = isinstance(value, (tuple, list))
    return ("float" if isinstance(value[0] if many else value, float) else "int")[: 1 if many else None] + "list" * many


def shown(value: Any) -> str:
    """One value as the written form has it."""
    return "[" + ", ".join(map(shown, value)) + "]" if isinstance(value, (tuple, list)) else repr(value)


def raised(nodes: str, **inputs: Array) -> Graph:
    """The graph of a model whose last node is its output."""
    dims = {name: ",".join(map(str, a.shape[1:])) for name, a in inputs.items()}
    heads = [f"{name} = Input {{shape: [-1,{d}], dtype: float32}}" for name, d in dims.items()]
    last = nodes.strip().splitlines()[-1].partition(" ")[0]
    return graph_from_uff(parse_uff("\n".join([*heads, nodes, f"MarkOutput_0 = MarkOutput({last})"])))


def run(nodes: str, **inputs: Array) -> list[Array]:
    """What ONNX Runtime makes of it."""
    model = onnx_from_graph(raised(nodes, **inputs))
    return harness.run_onnx(model, {k: v for k, v in inputs.items() if any(n == k for n, _ in model.inputs)})


def why(nodes: str, **inputs: Array) -> str:
    """Why the last node has no ONNX form."""
    with pytest.raises(UnsupportedError) as caught:
        onnx_from_graph(raised(nodes, **inputs))
    return caught.value.message


def constant(name: str, array: Array) -> str:
    """A Const."""
    dims, data = ",".join(map(str, array.shape)), array.astype("<f4").tobytes().hex()
    return f"{name} = Const float32[{dims}] hex:{data}\n"


def behind_conv(name: str, channels: int, order: str = "N+C") -> str:
    """A convolution that leaves its input as it is and says its order of dimensions."""
    kernel = constant(f"{name}w", np.eye(channels, dtype=F).reshape(1, 1, channels, channels))
    return f"{kernel}{name}c = Conv({name}, {name}w) {{strides: [1,1], inputs_orders: orders({order}, +CK)}}\n"
