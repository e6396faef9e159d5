"""Graphs with loops, made by TensorFlow itself, and the proof that an unrolled one gives the very same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphdoctor.formats.tensorflow import load_model
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.ir.text import format_graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import set_signature
from graphdoctor.surgery import load_rewrites, run_rewrites, undo
from tests.ops.harness import evaluate, tensorflow

LOOP_OPS = ("Enter", "While", "StatelessWhile", "TensorArrayV3", "TensorListReserve", "TensorListFromTensor")


@contextmanager
def frames() -> Iterator[None]:
    """Loops are those of TensorFlow 1 in here."""
    from tensorflow.python.ops import control_flow_util

    before = control_flow_util.ENABLE_CONTROL_FLOW_V2
    control_flow_util.ENABLE_CONTROL_FLOW_V2 = False
    try:
        yield
    finally:
        control_flow_util.ENABLE_CONTROL_FLOW_V2 = before


def frozen_net(build: Callable[[], Any], folder: Any) -> Graph:
    """The frozen graph of what ``build`` makes of placeholders, with loops of TensorFlow 1; its output is ``y``."""
    tf = tensorflow()
    with frames(), tf.Graph().as_default() as graph, tf.variable_scope("net", use_resource=False):
        tf.set_random_seed(1)
        tf.identity(build(), name="y")
        with tf.Session(graph=graph) as session:
            session.run(tf.global_variables_initializer())
            names = [op.name for op in graph.get_operations() if op.name.endswith("/y")]
            frozen = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
    return opened(frozen, folder)


def frozen_call(call: Any, shape: tuple[int, ...], folder: Any, *, lowered: bool) -> Graph:
    """The frozen graph of a function of TensorFlow 2 of one tensor of ``shape``."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(call).get_concrete_function(tf.TensorSpec(shape, tf.float32, name="x"))
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=lowered)
    return opened(frozen.graph.as_graph_def(), folder)


def opened(message: Any, folder: Any) -> Graph:
    """``message`` of TensorFlow as a graph with its inputs and outputs."""
    path = folder / "net.pb"
    path.write_bytes(message.SerializeToString())
    graph = load_model(str(path)).graph
    set_signature(graph, [])
    return graph


def is_unrolled_exactly(graph: Graph, *, left: int = 0) -> None:
    """All loops of ``graph`` but ``left`` are unrolled, bit for bit; a second run finds nothing, undo gives it back."""
    before = sorted(format_graph(graph).splitlines())
    feeds = [_fed(graph, seed) for seed in range(2)]
    wanted = [v.name for v in graph.outputs]
    names = {n.name for n in graph}
    expected = [evaluate(graph, fed, wanted) for fed in feeds]
    rewrites = load_rewrites(["clean", "fold"])
    result = run_rewrites(graph, rewrites)
    assert (result.converged, result.rolled_back) == (True, [])
    assert len(graph.live() & {*graph.by_op(*LOOP_OPS)}) == left, result.refused
    assert broken_invariants(graph) == []
    assert infer_shapes(graph).conflicts == []
    assert [n.name for n in graph if not set(n.origins) <= names] == []
    for fed, numbers in zip(feeds, expected, strict=True):
        got = evaluate(graph, fed, wanted)
        for name, number in numbers.items():
            np.testing.assert_array_equal(got[name], number, strict=True)
    assert run_rewrites(graph, rewrites).applied == []
    undo(graph, result)
    assert sorted(format_graph(graph).splitlines()) == before


def _fed(graph: Graph, seed: int) -> dict[str, Any]:
    rng, live = np.random.default_rng(seed), graph.live()
    fed = [n for n in graph.by_op("Placeholder") if n in live]
    return {n.name: np.asarray(rng.normal(size=n.attr("shape").dims), n.attr("dtype").numpy) for n in fed}
