"""All packs on the committed graphs, the corpus and the big nets: sound, quick, and the same numbers."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphdoctor.formats.tensorflow import graphdef_bytes, graphdef_from_graph, load_model
from graphdoctor.ir import Graph, Node, broken_invariants
from graphdoctor.passes.signature import GivenInput, set_signature
from graphdoctor.surgery import FixResult, load_rewrites, run_rewrites, undo
from graphdoctor.targets import load_target
from graphdoctor.types import Array, DType
from tests.ops.harness import tensorflow
from tests.surgery import onednn

ROOT = Path(__file__).parents[2]
PACKS = ("tf112", "clean", "fold", "share", "trt3")
GRAPHS = sorted((ROOT / "fixtures" / "graphs").glob("*.pb"))
CORPUS = sorted((ROOT.parent / "shared" / "corpus" / "pb").glob("*.pb"))
NETS = [ROOT / "bench" / "data" / f"{name}.pb" for name in ("mobilenetv2", "resnet50")]
FILES = [*GRAPHS, *(CORPUS or [Path("corpus")]), *NETS]
NCHW = {"cnn_tf1_nchw"}
"""Graphs that TensorFlow runs on a CPU with oneDNN only."""
GIVEN = {
    **{
        f"kws_{name}": "Mfcc:float32[1,49,10]"
        for name in ("basic_lstm_m", "cnn_m", "crnn_m", "ds_cnn_m", "ds_cnn_s", "gru_m")
    },
    "kws_dnn_m": "Mfcc:float32[1,25,10]",
    "tf2onnx_frozen_4": "X:float32[2,28,28]",
}
"""What --input says: behind the audio front end, and sizes that the graph leaves open."""
HEAVY = "od_"
"""Detection models of thousands of nodes: imported; those in :data:`RUN` are also run."""
RUN = {"od_ssd_mobilenet_v1_coco_2018", "od_ssd_mobilenet_v2_tf115_cast_nms5"}
IMAGE = 300
"""Height and width that a detection model is fed."""
KEEP_ALL = 1.0
"""What a keep_prob is fed."""


def each_file() -> pytest.MarkDecorator:
    """One test per file; a file that is not there is skipped with the reason."""
    return pytest.mark.parametrize("path", [pytest.param(p, id=p.stem) for p in FILES])


def opened(path: Path) -> Graph:
    """The graph of a file, its inputs and outputs found."""
    if not path.exists():
        pytest.skip("make it with: python bench/nets.py mobilenetv2 resnet50" if path in NETS else "no corpus here")
    graph = load_model(str(path)).graph
    set_signature(graph, [GivenInput.parse(GIVEN[path.stem])] if path.stem in GIVEN else [])
    return graph


def fixed(graph: Graph, *, unsafe: bool = False) -> FixResult:
    """All packs applied for TensorRT 3."""
    return run_rewrites(graph, load_rewrites(PACKS), target=load_target("trt3"), unsafe=unsafe)


@each_file()
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_it_ends_and_nothing_is_taken_back(path: Path, unsafe: bool) -> None:
    graph = opened(path)
    dangling = frozenset(n.name for n in graph.missing())
    outputs = [v.name for v in graph.outputs]
    result = fixed(graph, unsafe=unsafe)
    assert (result.converged, result.rolled_back) == (True, [])
    assert broken_invariants(graph, allow_missing=dangling) == []
    assert [v.name for v in graph.outputs] == outputs
    again = fixed(graph, unsafe=unsafe)
    assert (again.applied, graph.diff(again.mark)) == ([], [])


@each_file()
def test_taken_back_it_is_the_same_file(path: Path) -> None:
    graph = opened(path)
    before = stated(graph)
    undo(graph, fixed(graph))
    assert stated(graph) == before


def stated(graph: Graph) -> dict[str, bytes]:
    """Every node as a file states it, by name."""
    return {n.name: n.SerializeToString(deterministic=True) for n in graphdef_from_graph(graph).node}


def test_resnet_ends_without_batch_normalization() -> None:
    graph = opened(NETS[1])
    result = fixed(graph)
    assert [op for op in ("Rsqrt", "Sub", "Mul", "FusedBatchNormV3", "AddV2") if graph.by_op(op)] == []
    assert sum(a.rewrite == "fold-batch-norm" for a in result.applied) == len(graph.by_op("Conv2D")) == 53
    assert result.refused == []


def test_mobilenet_ends_in_ops_that_tensorrt_3_has() -> None:
    graph = opened(NETS[0])
    fixed(graph)
    assert set(graph.ops()) == {
        *("Placeholder", "Const", "Conv2D", "DepthwiseConv2dNative", "BiasAdd", "Relu", "Minimum", "Add"),
        *("Mean", "MatMul", "Softmax"),
    }


@pytest.mark.tensorflow
@each_file()
@pytest.mark.parametrize("everything", [False, True], ids=["for-trt3", "all-safe"])
def test_tensorflow_imports_it_and_gives_the_same_numbers(path: Path, everything: bool, tmp_path: Path) -> None:
    before, after = opened(path), opened(path)
    if everything:
        run_rewrites(after, load_rewrites(["all-safe"]))
    else:
        fixed(after)
    feeds = {n.name: feed(path, n) for n in before.by_op("Placeholder")}
    wanted = [v.name for v in before.outputs]
    if path.stem in NCHW:
        first, second = onednn.evaluate_all([(before, feeds), (after, feeds)], tmp_path)
        return compare(first, second)
    if (path.stem.startswith(HEAVY) and path.stem not in RUN) or any(v is None for v in feeds.values()):
        return imports(after)
    want = run(before, feeds, wanted)
    if want is None:
        return imports(after) if is_importable(before) else None
    got = run(after, feeds, wanted)
    assert got is not None
    return compare(want, got)


def feed(path: Path, node: Node) -> Any:
    """A value for a placeholder: noise in -1..1, no training, a keep_prob of 1; ``None`` for strings."""
    dtype, shape = node.attr("dtype"), node.attr("shape")
    if dtype.numpy is None or dtype is DType.STRING:
        return None
    dims = shape.dims if shape is not None and shape.dims is not None else ()
    sizes = [(2 if axis == 0 else 17) if d is None else d for axis, d in enumerate(dims)]
    if path.stem in RUN:
        sizes = [1, IMAGE, IMAGE, 3]
    rng = np.random.default_rng(zlib.crc32(f"{path.stem}/{node.name}".encode()))
    if "keep" in node.name or "dropout" in node.name:
        return np.asarray(KEEP_ALL, dtype=dtype.numpy)
    if dtype is DType.BOOL:
        return np.zeros(sizes, dtype=bool)
    return (
        rng.integers(0, 2, sizes).astype(dtype.numpy)
        if dtype.is_integer
        else rng.uniform(-1, 1, sizes).astype(dtype.numpy)
    )


def imported(graph: Graph) -> Any:
    """``graph`` as TensorFlow's graph, through the bytes of a file."""
    tf = tensorflow()
    with tf.Graph().as_default() as made:
        tf.import_graph_def(tf.GraphDef.FromString(graphdef_bytes(graph)), name="")
    return made


def imports(graph: Graph) -> None:
    assert imported(graph).get_operations()


def is_importable(graph: Graph) -> bool:
    try:
        return bool(imported(graph).get_operations())
    except ValueError:
        return False


def run(graph: Graph, feeds: dict[str, Array], wanted: list[str]) -> dict[str, Array] | None:
    """The outputs, ``None`` where TensorFlow cannot run the graph."""
    tf = tensorflow()
    fed = {f"{n}:0": v for n, v in feeds.items() if n in graph}
    try:
        with tf.Session(graph=imported(graph)) as session:
            return dict(session.run({n: n if ":" in n else f"{n}:0" for n in wanted}, fed))
    except (ValueError, tf.errors.OpError):
        return None


def compare(want: dict[str, Array], got: dict[str, Array]) -> None:
    """Equal to rounding of folded constants, over a whole net."""
    assert want.keys() == got.keys()
    for name, value in want.items():
        assert (got[name].dtype, got[name].shape) == (value.dtype, value.shape)
        if value.dtype.kind == "f":
            scale = float(np.abs(value[np.isfinite(value)]).max(initial=0))
            np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=1e-5 * max(scale, 1e-3), err_msg=name)
        else:
            np.testing.assert_array_equal(got[name], value, err_msg=name)
