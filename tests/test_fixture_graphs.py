"""The committed graphs against their table, TensorFlow and the script that makes them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
GRAPHS = FIXTURES / "graphs"
SIZE_LIMIT = 300_000
TENSOR = re.compile(r"`([^`]+)` (\w+) (\[[^\]]*\])")
SECOND_TABLE = "## The faults of `every_fault.pb`"
NEW_ATTRIBUTES = {"explicit_paddings", "exponential_avg_factor", "grad_a", "grad_b", "batch_dims", "half_pixel_centers"}
Tensors = dict[str, tuple[str, str]]


def rows(text: str) -> list[list[str]]:
    """The cells of each body row of the one Markdown table in ``text``."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


README = (GRAPHS / "README.md").read_text(encoding="utf-8")
TABLE = {row[0].strip("`").removesuffix(".pb"): row[1:] for row in rows(README.split(SECOND_TABLE)[0])}
MAIN_OUTPUT = {name: TENSOR.findall(cells[1])[0][0] for name, cells in TABLE.items()}


def test_table_and_folder_name_the_same_files() -> None:
    assert set(TABLE) == {path.stem for path in GRAPHS.glob("*.pb")}


@pytest.mark.parametrize("name", TABLE)
def test_file_is_small(name: str) -> None:
    assert 0 < (GRAPHS / f"{name}.pb").stat().st_size < SIZE_LIMIT


def load(name: str) -> Any:
    """The GraphDef of a committed file."""
    tf = pytest.importorskip("tensorflow")
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString((GRAPHS / f"{name}.pb").read_bytes())
    return graph_def


def imported(name: str) -> Any:
    """The tf.Graph of a committed file."""
    tf = pytest.importorskip("tensorflow")
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(load(name), name="")
    return graph


def described(tensor: Any) -> tuple[str, str]:
    """Dtype and dims of a tensor as the table writes them."""
    if tensor.shape.rank is None:
        return tensor.dtype.name, "[*]"
    dims = ",".join("?" if dim is None else str(dim) for dim in tensor.shape.as_list())
    return tensor.dtype.name, f"[{dims}]"


def stated(cell: str) -> Tensors:
    """The tensors of a table cell by name."""
    return {name: (dtype, dims) for name, dtype, dims in TENSOR.findall(cell)}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TABLE)
def test_table_states_inputs_and_outputs(name: str) -> None:
    operations = imported(name).get_operations()
    read = {tensor.op.name for operation in operations for tensor in operation.inputs}
    read |= {before.name for operation in operations for before in operation.control_inputs}
    inputs = {o.name: described(o.outputs[0]) for o in operations if o.type.startswith("Placeholder")}
    outputs = {o.name: described(o.outputs[0]) for o in operations if o.name not in read}
    assert (inputs, outputs) == (stated(TABLE[name][0]), stated(TABLE[name][1]))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TABLE)
def test_graph_holds_the_ops_the_table_names(name: str) -> None:
    graph_def = load(name)
    present = {node.op for node in graph_def.node}
    words = set(re.findall(r"`([A-Z]\w+)`", " ".join(TABLE[name][2:])))
    assert words <= present


@pytest.mark.tensorflow
def test_table_of_faults_names_nodes_and_attributes() -> None:
    nodes = {node.name: node for node in load("every_fault").node}
    attributes = {attribute for node in nodes.values() for attribute in node.attr}
    faults = rows(README.split(SECOND_TABLE)[1])
    named = {word for row in faults for cell in row for word in re.findall(r"`([^`]+)`", cell)}
    assert len(faults) > 10
    assert named <= set(nodes) | attributes


@pytest.mark.tensorflow
def test_every_fault_holds_the_values_the_table_states() -> None:
    tf = pytest.importorskip("tensorflow")
    nodes = {node.name: node for node in load("every_fault").node}
    table = tf.make_ndarray(nodes["lookup_branch/table"].attr["value"].tensor)
    assert np.isnan(table[0]).all()
    assert np.isfinite(table[1:]).all()
    extremes = tf.make_ndarray(nodes["extremes"].attr["value"].tensor)
    with np.errstate(over="ignore"):
        halves = extremes.astype(np.float16)
    assert np.isinf(halves[0])
    assert halves[1] == 0 < extremes[1]
    assert 0 < extremes[2] < np.finfo(np.float32).tiny
    assert list(nodes["image_branch/Conv2D"].attr["explicit_paddings"].list.i) == [0, 0, 1, 2, 1, 1, 0, 0]
    assert nodes["image_branch/ResizeBilinear"].attr["half_pixel_centers"].b
    assert not nodes["image_branch/ResizeNearestNeighbor"].attr["half_pixel_centers"].b
    assert nodes["feature_branch/BatchNorm/FusedBatchNorm"].attr["is_training"].b
    assert "image_branch/BatchNorm/FusedBatchNormV3:5" in nodes["image_branch/Size"].input


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [name for name, cells in TABLE.items() if "producer 27" in cells[2]])
def test_tf1_graph_holds_nothing_newer_than_tensorflow_112(name: str) -> None:
    graph_def = load(name)
    nodes = {node.name: node for node in graph_def.node}
    variables = [node.input[0] for node in graph_def.node if node.name.endswith("/read")]
    assert graph_def.versions.producer == 27
    assert variables
    assert {nodes[variable].op for variable in variables} == {"Const"}
    assert not {node.op for node in graph_def.node} & {"AddV2", "FusedBatchNormV3", "LeakyRelu", "If", "StatelessIf"}
    assert not {attr for node in graph_def.node for attr in node.attr} & NEW_ATTRIBUTES


def feed(graph: Any, seed: int) -> dict[Any, Any]:
    """Random values for every Placeholder: noise in -1..1, no training, a keep_prob of 1."""
    rng = np.random.default_rng(seed)
    fed = {}
    for operation in graph.get_operations():
        if operation.type == "Placeholder":
            tensor = operation.outputs[0]
            dims = tensor.shape.as_list() if tensor.shape.rank else []
            shape = [dim or (17 if axis else 2) for axis, dim in enumerate(dims)]
            fed[tensor] = noise(rng, tensor.dtype.as_numpy_dtype, shape)
    return fed


def noise(rng: np.random.Generator, dtype: Any, shape: list[int]) -> Any:
    """Random values of ``dtype``; 1 or False for a scalar."""
    if not shape:
        return np.array(dtype is not np.bool_, dtype)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 8 if dtype is np.int64 else 256, shape).astype(dtype)
    return rng.uniform(-1, 1, shape).astype(dtype)


def run(name: str, *feeds: dict[Any, Any], graph: Any) -> list[Any]:
    """The main output of a graph for each feed; skips where this TensorFlow's CPU kernels lack NCHW."""
    tf = pytest.importorskip("tensorflow")
    with tf.compat.v1.Session(graph=graph) as session:
        try:
            return [session.run(f"{MAIN_OUTPUT[name]}:0", fed) for fed in feeds]
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if not re.search(r"only supports (the )?NHWC", str(error)):
                raise
            pytest.skip("this TensorFlow has no NCHW convolution for the CPU")


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TABLE)
def test_output_is_finite_repeatable_and_moves_with_the_input(name: str) -> None:
    graph = imported(name)
    first, again, second = run(name, feed(graph, 0), feed(graph, 0), feed(graph, 1), graph=graph)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - second) > 10 * (1e-5 + 1e-3 * np.abs(first))).any()


@pytest.mark.tensorflow
def test_both_layouts_of_the_cnn_give_the_same_probabilities() -> None:
    image = np.random.default_rng(2).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    nhwc, nchw = run_image("cnn_tf1_nhwc", image), run_image("cnn_tf1_nchw", image.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(nhwc, nchw, rtol=1e-4, atol=1e-6)


def run_image(name: str, image: Any) -> Any:
    """The main output for one value of ``input``."""
    graph = imported(name)
    return run(name, {"input:0": image}, graph=graph)[0]


def shapes() -> ModuleType:
    """fixtures/shapes.py as a module."""
    spec = importlib.util.spec_from_file_location("shapes", FIXTURES / "shapes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.tensorflow
def test_demo_recognises_shapes_it_has_not_seen() -> None:
    pytest.importorskip("tensorflow")
    images, labels = shapes().shape_images(np.random.default_rng(43), 60)
    graph = imported("demo")
    found = run("demo", *({"input:0": image[None]} for image in images), graph=graph)
    right = sum(int(np.argmax(p)) == label for p, label in zip(found, labels, strict=True))
    assert right >= 54


@pytest.mark.tensorflow
@pytest.mark.slow
def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, str(FIXTURES / "generate.py"), "--out", str(tmp_path), "mlp"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "mlp.pb").read_bytes() == (GRAPHS / "mlp.pb").read_bytes()
