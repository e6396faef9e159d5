"""Loops that TensorFlow makes, unrolled: dynamic_rnn, map_fn, recurrent layers, and loops that nobody wrote."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.ir import Graph
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.loops import Effects, LoopError, frames_of, loop_of, unroll
from graphdoctor.surgery import load_rewrites, run_rewrites
from tests.ops.harness import tensorflow
from tests.surgery.cases import all_cases
from tests.surgery.loops import frozen_call, frozen_net, is_unrolled_exactly

THOROUGH = int(os.environ.get("GRAPHDOCTOR_EXAMPLES", "40"))

pytestmark = pytest.mark.tensorflow


def fed(*shape: int) -> Any:
    """A placeholder."""
    tf = tensorflow()
    return tf.placeholder(tf.float32, shape or (2, 5, 3), name="x")


def rnn(cell: Any, **options: Any) -> Any:
    """dynamic_rnn over five steps."""
    from tensorflow.python.ops import rnn as module

    return module.dynamic_rnn(cell, fed(), dtype="float32", **options)


def both_ways(**options: Any) -> Any:
    """bidirectional_dynamic_rnn over five steps."""
    from tensorflow.python.ops import rnn as module

    made = module.bidirectional_dynamic_rnn(
        cells().BasicLSTMCell(4), cells().GRUCell(4), fed(), dtype="float32", **options
    )
    return tensorflow().concat(made[0], 2)


def cells() -> Any:
    """The cells of TensorFlow 1."""
    from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

    return rnn_cell_impl


def repeated(body: Callable[[Any, Any], Any], value: Any) -> Any:
    """``value`` four times through ``body``."""
    tf = tensorflow()
    return tf.while_loop(lambda i, _: i < 4, lambda i, v: (i + 1, body(i, v)), [0, value])[1]


NETS: dict[str, Callable[[Any], Any]] = {
    "lstm": lambda tf: rnn(cells().BasicLSTMCell(4))[0],
    "lstm-state": lambda tf: rnn(cells().BasicLSTMCell(4))[1].h,
    "gru": lambda tf: rnn(cells().GRUCell(4))[0],
    "lstm-with-lengths": lambda tf: rnn(cells().BasicLSTMCell(4), sequence_length=[3, 5])[0],
    "gru-shorter-than-its-input": lambda tf: rnn(cells().GRUCell(4), sequence_length=[3, 2])[0],
    "peepholes": lambda tf: rnn(cells().LSTMCell(3, use_peepholes=True))[0],
    "two-layers": lambda tf: rnn(cells().MultiRNNCell([cells().BasicLSTMCell(4), cells().GRUCell(3)]))[0],
    "bidirectional": lambda tf: both_ways(),
    "bidirectional-with-lengths": lambda tf: both_ways(sequence_length=[2, 4]),
    "map": lambda tf: tf.map_fn(lambda t: tf.matmul(t, t, transpose_b=True) + 1.0, fed()),
    "map-of-one-image": lambda tf: tf.map_fn(lambda t: tf.image.resize_bilinear(t[None], [4, 4])[0], fed(1, 8, 8, 3)),
    "map-in-map": lambda tf: tf.map_fn(lambda t: tf.map_fn(lambda u: u * 2.0 + tf.reduce_sum(t), t), fed()),
    "scan": lambda tf: tf.scan(lambda a, t: tf.tanh(a + t), fed()),
    "foldr": lambda tf: tf.foldr(lambda a, t: tf.tanh(a + t), fed()),
    "a-branch-by-the-counter": lambda tf: repeated(
        lambda i, v: tf.cond(i < 2, lambda: v - 1.5, lambda: v * 2.0), fed()
    ),
    "a-branch-by-what-is-fed": lambda tf: repeated(
        lambda i, v: tf.cond(tf.reduce_sum(v) > 0.5, lambda: v - 1.5, lambda: v * tf.cast(i, "float32") + 1.0), fed()
    ),
    "in-a-branch": lambda tf: _in_a_branch(tf, fed()),
}


def _in_a_branch(tf: Any, x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: repeated(lambda i, v: tf.tanh(v) + 1.0, x), lambda: x * 3.0)


@pytest.mark.parametrize("name", NETS)
def test_a_net_of_tensorflow_1(name: str, tmp_path: Path) -> None:
    is_unrolled_exactly(frozen_net(lambda: NETS[name](tensorflow()), tmp_path))


LAYERS: dict[str, Callable[[Any], list[Any]]] = {
    "lstm": lambda layers: [layers.LSTM(4, return_sequences=True)],
    "gru": lambda layers: [layers.GRU(4)],
    "gru-without-reset-after": lambda layers: [layers.GRU(4, reset_after=False)],
    "simple": lambda layers: [layers.SimpleRNN(4)],
    "bidirectional": lambda layers: [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.GRU(3)],
}


@pytest.mark.parametrize("lowered", [False, True], ids=["functions", "frames"])
@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers_of_keras(name: str, lowered: bool, tmp_path: Path) -> None:
    tensorflow()
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((5, 3), batch_size=2), *LAYERS[name](keras.layers)])
    is_unrolled_exactly(frozen_call(lambda x: net(x, training=False), (2, 5, 3), tmp_path, lowered=lowered))


def _pushed(x: Any) -> Any:
    import tensorflow as tf

    array = tf.TensorArray(tf.float32, 0, dynamic_size=True)
    for i in tf.range(3):
        array = array.write(array.size(), tf.tanh(x[:, i]))
    return tf.identity(array.stack())


def _mapped(x: Any) -> Any:
    import tensorflow as tf

    return tf.identity(tf.map_fn(lambda t: tf.nn.softmax(t * 2.0), x))


@pytest.mark.parametrize("lowered", [False, True], ids=["functions", "frames"])
@pytest.mark.parametrize("call", [_pushed, _mapped])
def test_lists_of_tensorflow_2(call: Callable[[Any], Any], lowered: bool, tmp_path: Path) -> None:
    tensorflow()
    is_unrolled_exactly(frozen_call(call, (2, 5, 3), tmp_path, lowered=lowered))


# ---- loops that nobody wrote -------------------------------------------------------------------------------

STEPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda tf, a, b: a + b,
    "mul": lambda tf, a, b: a * b,
    "tanh": lambda tf, a, b: tf.tanh(a - b),
    "matmul": lambda tf, a, b: tf.matmul(a, b, transpose_b=True)[:, :2] + a[:, :2],
    "where": lambda tf, a, b: tf.where(a > b, a, b * 0.5),
    "mean": lambda tf, a, b: a - tf.reduce_mean(b, axis=0, keepdims=True),
}


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """What a loop does: how often, with which steps on which variables, and which elements it reads and writes."""
    variables = draw(st.integers(1, 3))
    number = st.integers(0, variables)
    step = st.tuples(st.sampled_from(sorted(STEPS)), number, number)
    return {
        "trips": draw(st.integers(0, 6)),
        "steps": draw(st.lists(step, min_size=variables, max_size=variables)),
        "read_backwards": draw(st.booleans()),
        "write_backwards": draw(st.booleans()),
        "counted": draw(st.booleans()),
    }


def _looped(plan: dict[str, Any]) -> Any:
    """A loop over variables of [2, 2] and an element of an array each time; all that it ends with, joined."""
    tf = tensorflow()
    trips, steps = plan["trips"], plan["steps"]
    x = fed(max(trips, 1), 2, 2)
    source = tf.TensorArray("float32", size=max(trips, 1), element_shape=[2, 2]).unstack(x)
    results = tf.TensorArray("float32", size=trips, element_shape=[2, 2])

    def place(i: Any, backwards: bool) -> Any:
        return trips - 1 - i if backwards else i

    def body(i: Any, written: Any, *values: Any) -> Any:
        read = [*values, source.read(place(i, plan["read_backwards"]))]
        following = [STEPS[name](tf, read[a], read[b]) for name, a, b in steps]
        if plan["counted"]:
            following[0] += tf.cast(i, "float32")
        return (i + 1, written.write(place(i, plan["write_backwards"]), following[0]), *following)

    ends = tf.while_loop(lambda i, *_: i < trips, body, [0, results, *(x[0] * (k + 1.0) for k in range(len(steps)))])
    return tf.concat([ends[1].stack(), tf.stack(ends[2:])], axis=0)


@given(plan=plans())
@settings(max_examples=THOROUGH // 5, deadline=None)
def test_any_loop(plan: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    is_unrolled_exactly(frozen_net(lambda: _looped(plan), tmp_path_factory.mktemp("loop")))


# ---- what it costs, and what is said -----------------------------------------------------------------------


def test_nodes_grow_with_the_iterations_alone() -> None:
    """The body stands there once for each, the constants once; what does not change is not repeated."""
    case = next(c for c in all_cases() if c.id == "unroll-loops-three-times")
    sizes = []
    for trips in (100, 200):
        graph = case.parsed()
        limit = graph.node("limit")
        value = type(limit.attr("value")).from_array(np.asarray(trips, np.int32))
        graph.set_attr(limit, "value", value)
        rank = {n: i for i, n in enumerate(graph.order().nodes)}
        loop = loop_of(graph, next(frames_of(graph)), rank)
        found = unroll(graph, loop, infer_shapes(graph), acts=Effects(graph))
        assert found.trips == trips
        sizes.append(len(found.copies))
    assert sizes == [200, 400]


def test_a_loop_without_an_end_is_refused() -> None:
    case = next(c for c in all_cases() if c.id == "unroll-loops-too-long")
    graph = case.parsed()
    rank = {n: i for i, n in enumerate(graph.order().nodes)}
    with pytest.raises(LoopError, match="more than 50,000"):
        unroll(graph, loop_of(graph, next(frames_of(graph)), rank), infer_shapes(graph), acts=Effects(graph))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_loops_are_refused_with_a_reason(seed: int) -> None:
    """Inputs that are missing, too many or of another iteration, and ops in the wrong place: never an exception."""
    rng = random.Random(seed)
    cases = [c for c in all_cases() if c.rewrite == "unroll-loops"]
    for _ in range(50):
        graph = rng.choice(cases).parsed()
        for _ in range(rng.randint(1, 3)):
            _damage(graph, rng)
        result = run_rewrites(graph, load_rewrites(["fold"]))
        assert not [r for r in result.rolled_back if r.broken.invariant == "converges"]


def _damage(graph: Graph, rng: random.Random) -> None:
    nodes = list(graph)
    node, other = rng.choice(nodes), rng.choice(nodes)
    inputs, at = node.inputs, rng.randrange(max(len(node.inputs), 1))
    what = rng.randrange(5)
    if what == 0:
        graph.set_inputs(node, inputs[:-1], node.controls)
    elif what == 1:
        graph.set_inputs(node, (*inputs, other.out(rng.randrange(2))), node.controls)
    elif what == 2:
        graph.set_inputs(node, (*inputs[:at], other.out(rng.randrange(2)), *inputs[at + 1 :]), node.controls)
    elif what == 3:
        graph.set_op(node, other.op)
    else:
        graph.set_inputs(node, inputs, (*node.controls, other))
