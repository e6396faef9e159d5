"""Graphs as host parts, loaded: what a user would import."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from graphdoctor.formats.host import Function, Shared, module_text, write_function
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.types import Array


def host_text(graph: Graph) -> str:
    """All of ``graph``, from its inputs to its outputs, as a host part with one function ``postprocess``."""
    specs, shared = infer_shapes(graph), Shared()
    function = Function("postprocess", tuple(n.out() for n in graph.inputs), graph.outputs)
    written = write_function(graph, specs, shared, function)
    return module_text("Host part of a test", shared, [written], graph.outputs)


def loaded(text: str) -> Any:
    """A host part as a module."""
    module = ModuleType("host_part")
    exec(compile(text, "host part", "exec"), module.__dict__)
    return module


def no_engine(number: int, inputs: dict[str, Array]) -> dict[str, Array]:
    """For host parts without an engine."""
    raise AssertionError("there is no engine")


def graph_of(text: str) -> Graph:
    """A graph in the compact text form, with all its attributes; its placeholders are its inputs."""
    graph = parse_graph(text)
    complete_attrs(graph)
    graph.inputs = graph.inputs or tuple(graph.by_op("Placeholder"))
    return graph


def ran(text: str, **inputs: Array) -> dict[str, Array]:
    """What the host part of the graph ``text`` gives."""
    found: dict[str, Array] = loaded(host_text(graph_of(text))).run(no_engine, inputs)
    return found
