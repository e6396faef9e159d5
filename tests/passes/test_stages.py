"""Where a graph is cut."""

from __future__ import annotations

import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.stages import Stages, find_stages

NET = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
front = Sqrt(x)
w = Const float32[3,3,3,4] normal(1)
c = Conv2D(front, w) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
r = Relu(c)
a = Exp(r)
b = Neg(r)
top = Where(a)
y = Sub(a, b)
rows = Shape(top)
outputs: y rows
"""


def cut(text: str, refused: tuple[str, ...] = (), ends: tuple[str, ...] = ()) -> tuple[Graph, Stages]:
    graph = parse_graph(text)
    complete_attrs(graph)
    graph.inputs = tuple(graph.by_op("Placeholder"))
    nodes = {graph.node(n) for n in refused}
    return graph, find_stages(graph, infer_shapes(graph), nodes, [graph.value(e) for e in ends])


def names(found: tuple[Graph, Stages], stage: int) -> set[str]:
    return {n.name for n in found[1].nodes(stage)}


def test_what_the_target_runs_whole_is_one_engine() -> None:
    found = cut(NET)
    assert found[1].engines == (1,)
    assert names(found, 0) == names(found, 2) == set()


def test_the_engine_ends_in_front_of_what_is_refused_where_the_fewest_tensors_leave_it() -> None:
    found = cut(NET, ("y",))
    assert names(found, 2) == {"a", "b", "y", "top", "rows"}
    graph, stages = found
    assert [v.name for v in stages.reads(graph, 2)] == ["r"]  # and not a and b, which it could run too


def test_of_equally_narrow_places_the_last_is_taken() -> None:
    found = cut(NET, ("top",))
    assert names(found, 2) == {"top", "rows"}
    assert names(found, 1) == {"front", "c", "r", "a", "b", "y"}


def test_what_is_refused_in_front_of_the_weights_is_preprocessing() -> None:
    found = cut(NET, ("front",))
    assert names(found, 0) == {"front"}
    assert [v.name for v in found[1].reads(found[0], 1)] == ["front"]


def test_the_user_says_where() -> None:
    graph, stages = cut(NET, ends=("c",))
    assert [v.name for v in stages.gives(graph, 1)] == ["c"]
    assert "r" in names((graph, stages), 2)


def test_an_engine_behind_the_host_behind_an_engine() -> None:
    text = (
        NET.replace("outputs: y rows", "")
        + """
w2 = Const float32[3,3,4,4] normal(2)
c2 = Conv2D(y, w2) {T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}
outputs: c2 rows
"""
    )
    found = cut(text, ("top", "y"))
    assert found[1].engines == (1, 3)
    assert names(found, 3) == {"c2"}


def test_no_part_reads_what_comes_later() -> None:
    for refused in (("top",), ("front",), ("a",), ("b", "front"), ("y",)):
        _, stages = cut(NET, refused)
        for node, stage in stages.stage.items():
            assert all(stages.stage.get(v.node, 0) <= stage for v in node.inputs)


def test_without_weights_there_is_no_engine() -> None:
    with pytest.raises(InputError, match="nothing is left for an engine"):
        cut(NET, ("c",))


def test_what_needs_no_cut_is_one_engine_even_without_weights() -> None:
    found = cut("x = Placeholder {dtype: float32, shape: shape[3]}\ny = Exp(x)\noutputs: y")
    assert names(found, 1) == {"y"}
