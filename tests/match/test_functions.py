"""What is known of TensorFlow's ops inside functions."""

from __future__ import annotations

import pytest

from graphdoctor.ir.text import parse_graph
from graphdoctor.match.bodies import DEEPEST, Bodies, BodyError
from graphdoctor.match.functions import may_act, output_names
from tests.ops.harness import tensorflow
from tools import function_ops


@pytest.mark.tensorflow
def test_the_table_is_what_tensorflow_says() -> None:
    stated = function_ops.FILE.read_text()
    if f"TensorFlow {tensorflow().__version__}." not in stated:
        pytest.skip("another TensorFlow than the table was made from")
    assert function_ops.table() == stated


def test_outputs_by_name() -> None:
    assert output_names("Split") == ("*",)
    assert output_names("TopKV2") == ("values", "indices")
    assert output_names("SparseSplit") == (
        "output_indices*num_split",
        "output_values*num_split",
        "output_shape*num_split",
    )
    assert output_names("OfMyOwn") is None


def test_what_acts_though_nothing_reads_it() -> None:
    acting = ["Assert", "PrintV2", "AssignVariableOp", "StatefulPartitionedCall", "If", "OfMyOwn"]
    silent = ["Relu", "PartitionedCall", "StatelessIf", "NoOp", "ReadVariableOp"]
    assert [op for op in acting if not may_act(op)] == [op for op in silent if may_act(op)] == []


def nested(depth: int) -> Bodies:
    """A library of ``depth`` functions, each calling the one before twice."""
    lines = ["function f0(x: float32) {", "return out: float32 = x", "}"]
    for i in range(1, depth):
        lines.append(f"function f{i}(x: float32) {{")
        for name, read in (("a", "x"), ("b", "a:output:0")):
            lines.append(f"{name} = PartitionedCall({read}) {{Tin: [float32], Tout: [float32], f: @f{i - 1}}}")
        lines += ["return out: float32 = b:output:0", "}"]
    return Bodies(parse_graph("\n".join(lines)))


def test_calls_too_deep_are_refused() -> None:
    assert nested(DEEPEST).body(f"f{DEEPEST - 1}").results == (("b", 0),)
    with pytest.raises(BodyError, match="calls others 51 deep"):
        nested(DEEPEST + 1).body(f"f{DEEPEST}")


def test_sizes_are_counted_through_the_calls() -> None:
    bodies = nested(5)
    assert [bodies.size(f"f{i}") for i in range(5)] == [0, 2, 6, 14, 30]
