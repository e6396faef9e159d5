"""What is known behind an op that nobody knows: the types that its readers say."""

from __future__ import annotations

import pytest

from graphdoctor.findings import Verdict
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import lint
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import load_target
from graphdoctor.types import DType

TEXT = """
x = Placeholder {dtype: float32, shape: shape[1,8]}
odd = Odd(x)
a = Relu(odd) {T: float32}
b = Abs(odd:2) {T: int32}
c = Cast(odd:1) {DstT: float32}
inputs: x
outputs: a, b, c
"""


def test_readers_say_the_types_of_the_outputs_that_they_read() -> None:
    graph = parse_graph(TEXT)
    specs = infer_shapes(graph)
    odd = graph.node("odd")
    dtypes = [specs.output(odd, k).dtype for k in range(4)]
    assert dtypes == [DType.FLOAT, DType.INVALID, DType.INT32, DType.INVALID]
    assert all(spec.shape is None for spec in specs.table[odd])
    assert specs.output(graph.node("a")).dtype is DType.FLOAT


def test_an_output_of_any_number_takes_no_memory() -> None:
    graph = parse_graph("y = Relu(odd:2000000000) {T: float32}\nodd = Odd\noutputs: y")
    assert infer_shapes(graph).table[graph.node("odd")] == ()


@pytest.mark.parametrize("target", ("trt5", "trt8.6"))
def test_an_unknown_op_is_told_alone_and_the_verdict_stays(target: str) -> None:
    graph = parse_graph(TEXT.replace("outputs: a, b, c", "outputs: a"))
    result = lint(graph, infer_shapes(graph), [load_target(target)])
    assert {f.node for f in result.findings if f.code in ("GDU001", "GDO012")} == {"odd"}
    assert result.verdicts[0].verdict is not Verdict.COMPATIBLE
