from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from graphdoctor import __version__, jobs
from graphdoctor.engines import (
    BuildOptions,
    NoAnswer,
    Question,
    ShapeRange,
    ask_many,
    ask_parser,
    build_engine,
    map_errors,
    sidecar_path,
    write_sidecar,
)
from graphdoctor.errors import InputError, MissingExtraError, WorkerError
from graphdoctor.jobs.spec import EngineAnswer, EngineRequest
from graphdoctor.types import Answer

onnx = pytest.importorskip("onnx")
helper, KIND = onnx.helper, onnx.TensorProto

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_rtx_bindings") is None, reason="NVIDIA's builder is not installed"
    ),
]

IMAGE = (KIND.FLOAT, [1, 3, 8, 8])


def model(nodes, inputs=None, weights=(), output=KIND.FLOAT):
    """An ONNX file's bytes; ``nodes`` are (operator, inputs, outputs, name)."""
    made = [helper.make_node(op, ins, outs, name=name) for op, ins, outs, name in nodes]
    inputs = inputs or {"x:0": IMAGE}
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info(name, *form) for name, form in inputs.items()],
        [helper.make_tensor_value_info("y", output, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in dict(weights).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


def convolution(channels=3):
    """Three nodes; with other than 3 channels the convolution does not fit its input."""
    return model(
        [
            ("Relu", ["x:0"], ["a"], "first/Relu"),
            ("Conv", ["a", "w"], ["b"], "conv1/Conv2D"),
            ("Sigmoid", ["b"], ["y"], "last"),
        ],
        weights={"w": np.ones((4, channels, 3, 3), np.float32)},
    )


DYNAMIC = model([("Relu", ["x:0"], ["y"], "r")], {"x:0": (KIND.FLOAT, ["N", 3, None, 8])})
RANGE = ShapeRange((1, 3, 1, 8), (2, 3, 4, 8), (4, 3, 8, 8))


def build(bytes_or_path, tmp_path, **options):
    return build_engine(bytes_or_path, tmp_path / "net.plan", BuildOptions(**options))


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_plan_is_built(tmp_path):
    content = convolution()
    result = build(content, tmp_path)
    assert result.ok
    assert result.errors == ()
    plan = (tmp_path / "net.plan").read_bytes()
    assert result.plan == tmp_path / "net.plan"
    assert (result.size, result.plan_sha256) == (len(plan), hashlib.sha256(plan).hexdigest())
    assert result.size > 4 * 4 * 3 * 3 * 3
    assert result.parsed_sha256 == hashlib.sha256(content).hexdigest()
    assert result.backend.startswith("tensorrt")
    assert result.version[0].isdigit()
    (given,), (made,) = result.inputs, result.outputs
    assert (given.name, given.dtype, given.shape) == ("x:0", "float32", (1, 3, 8, 8))
    assert (made.name, made.dtype, made.shape) == ("y", "float32", (1, 4, 6, 6))
    assert {"import", "parse", "build", "write", "total"} <= set(result.seconds)
    assert result.peak_bytes > result.size
    assert any("Engine generation" in line.text for line in result.log)
    assert result.log_counts["info"] >= 1
    assert "error" not in result.log_counts
    assert files(tmp_path) == ["net.plan"]


def test_a_plan_from_a_file_replaces_the_old_one(tmp_path):
    (tmp_path / "net ü.onnx").write_bytes(convolution())
    (tmp_path / "net.plan").write_bytes(b"old")
    result = build(tmp_path / "net ü.onnx", tmp_path, compute_capabilities=("8.6", "SM120"))
    assert result.ok
    assert (result.compute_capabilities, result.asked) == (("8.6", "12.0"), True)
    assert (tmp_path / "net.plan").stat().st_size == result.size
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "net.plan").stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_parsers_error_names_the_node_and_leaves_the_old_plan(tmp_path):
    (tmp_path / "net.plan").write_bytes(b"old")
    result = build(convolution(channels=5), tmp_path)
    assert not result.ok
    (error,) = result.errors
    assert (error.stage, error.node, error.operator, error.index) == ("parse", "conv1/Conv2D", "Conv", 1)
    assert error.code == "INVALID_NODE"
    assert error.function == "importConv"
    assert error.line > 0
    (mapped,) = map_errors(result.errors, {"conv1/Conv2D": ["user/conv"]})
    assert str(mapped) == "user/conv (Conv): Kernel weight dimension failed to broadcast to input."
    assert (tmp_path / "net.plan").read_bytes() == b"old"
    assert files(tmp_path) == ["net.plan"]


def test_the_builders_error_names_the_node(tmp_path):
    """NonMaxSuppression is parsed, and the builder has nothing that runs it."""
    content = model(
        [("NonMaxSuppression", ["boxes", "scores"], ["y"], "post/nms")],
        {"boxes": (KIND.FLOAT, [1, 10, 4]), "scores": (KIND.FLOAT, [1, 1, 10])},
        output=KIND.INT64,
    )
    result = build(content, tmp_path)
    assert not result.ok
    assert {(e.stage, e.node) for e in result.errors} == {("build", "post/nms")}
    (nms,) = ask_parser(content, build=True).nodes
    assert nms.ok is Answer.NO
    assert "post/nms" in nms.reason
    assert ask_parser(content).nodes[0].ok is Answer.YES


def test_unknown_dimensions_without_shapes_name_the_input(tmp_path):
    result = build(DYNAMIC, tmp_path)
    assert not result.ok
    (error,) = result.errors
    assert error.stage == "options"
    assert "the input x:0 has unknown dimensions [?,3,?,8]" in error.message
    assert "--input" in error.message


def test_unknown_dimensions_with_shapes(tmp_path):
    result = build(DYNAMIC, tmp_path, profiles={"x:0": RANGE})
    assert result.ok, result.errors
    assert result.inputs[0].shape == (None, 3, None, 8)


@pytest.mark.parametrize(
    "name, shapes, said",
    [
        ("z", RANGE, "there is no input z"),
        ("x:0", ShapeRange((1, 3, 1), (1, 3, 1), (1, 3, 1)), "another rank"),
        ("x:0", ShapeRange((1, 3, 1, 8), (1, 3, 1, 8), (1, 3, 1)), "another rank"),
        ("x:0", ShapeRange((1, 4, 1, 8), (1, 4, 1, 8), (1, 4, 1, 8)), "dimension 1 of the input x:0"),
        ("x:0", ShapeRange((4, 3, 1, 8), (2, 3, 1, 8), (1, 3, 1, 8)), "needs min <= opt <= max, not 4, 2, 1"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path, name, shapes, said):
    result = build(DYNAMIC, tmp_path, profiles={name: shapes})
    assert not result.ok
    assert any(said in error.message for error in result.errors)


@pytest.mark.parametrize("content", [b"no model", b"\x08\x07", convolution()[:-40]])
def test_damaged_models_are_refused(tmp_path, content):
    result = build(content, tmp_path)
    assert not result.ok
    assert result.errors[0].stage == "parse"
    assert files(tmp_path) == []


def test_names_that_are_no_text(tmp_path):
    result = build(model([("Frob", ["x:0"], ["y"], "QQQQ")]).replace(b"QQQQ", b"\xff\xfeQQ"), tmp_path)
    assert not result.ok
    assert result.errors[0].node == "\ufffd\ufffdQQ"


def test_what_cannot_be_started(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        build(tmp_path / "none.onnx", tmp_path)
    with pytest.raises(InputError, match="is empty"):
        build(b"", tmp_path)
    with pytest.raises(InputError, match="folder does not exist"):
        build(convolution(), tmp_path / "none")
    with pytest.raises(InputError, match="is a folder"):
        build_engine(convolution(), tmp_path)
    assert files(tmp_path) == []


def test_too_little_time_leaves_nothing_behind(tmp_path):
    with pytest.raises(WorkerError, match=r"did not finish in 0\.01 s"):
        build(convolution(), tmp_path, timeout=0.01)
    assert files(tmp_path) == []


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="tensorrt is installed")
def test_a_backend_that_is_not_installed(tmp_path):
    with pytest.raises(MissingExtraError, match=r"graphdoctor\[engine\]"):
        build(convolution(), tmp_path, backend="tensorrt")
    assert files(tmp_path) == []


def test_a_full_disk_leaves_the_old_plan(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        (disk / "net.plan").write_bytes(b"old")
        with pytest.raises(WorkerError, match=r"the plan cannot be written to .*disk: No space left on device") as e:
            build(convolution(), disk)
        assert "Traceback" not in e.value.log
        assert files(disk) == ["net.plan"]
        assert (disk / "net.plan").read_bytes() == b"old"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_sidecar(tmp_path):
    result = build(convolution(), tmp_path)
    path = write_sidecar(result, source="net.pb", source_sha256="ab" * 32)
    assert path == sidecar_path(result.plan) == tmp_path / "net.plan.json"
    record = json.loads(path.read_text())
    assert record["version"] == 1
    assert record["tool"] == {"name": "graphdoctor", "version": __version__}
    assert datetime.fromisoformat(record["created"].replace("Z", "+00:00")).utcoffset().seconds == 0
    plan = (tmp_path / "net.plan").read_bytes()
    assert record["plan"] == {"file": "net.plan", "bytes": len(plan), "sha256": hashlib.sha256(plan).hexdigest()}
    assert record["source"] == {"path": "net.pb", "sha256": "ab" * 32}
    assert record["onnx"] == {"sha256": result.parsed_sha256}
    assert record["backend"] == {"module": result.backend, "version": result.version, "parser": "onnx"}
    assert record["compute_capabilities"]["asked"] == []
    assert record["compute_capabilities"]["built_for"] == list(result.compute_capabilities)
    assert record["inputs"] == [{"name": "x:0", "dtype": "float32", "shape": [1, 3, 8, 8]}]
    assert record["outputs"] == [{"name": "y", "dtype": "float32", "shape": [1, 4, 6, 6]}]
    assert record["log"]["info"] > 0
    assert record["seconds"]["build"] >= 0
    assert files(tmp_path) == ["net.plan", "net.plan.json"]


def test_no_sidecar_for_a_build_that_failed(tmp_path):
    with pytest.raises(ValueError, match="no plan"):
        write_sidecar(build(convolution(channels=5), tmp_path))


def test_the_parser_takes_every_node():
    answer = ask_parser(convolution(), build=True)
    assert answer.parsed
    assert answer.built
    assert [(n.index, n.name, n.operator, n.ok) for n in answer.nodes] == [
        (0, "first/Relu", "Relu", Answer.YES),
        (1, "conv1/Conv2D", "Conv", Answer.YES),
        (2, "last", "Sigmoid", Answer.YES),
    ]
    assert answer.errors == ()


def test_the_parser_refuses_nodes():
    content = model(
        [
            ("Relu", ["x:0"], ["a"], "first"),
            ("Frob", ["a"], ["b"], "scope/one"),
            ("Frob", ["b"], ["c"], ""),
            ("Relu", ["c"], ["y"], ""),
        ]
    )
    answer = ask_parser(content)
    assert not answer.parsed
    assert answer.built is None
    assert [n.ok for n in answer.nodes] == [Answer.UNKNOWN, Answer.NO, Answer.NO, Answer.UNKNOWN]
    assert [n.name for n in answer.nodes] == ["first", "scope/one", "node_of_c", "node_of_y"]
    assert answer.nodes[1].reason == "the parser has no operator Frob, and no plugin of that name is loaded"
    assert "stopped at another node" in answer.nodes[3].reason


def test_an_input_that_the_parser_refuses_is_about_no_node():
    answer = ask_parser(model([("Relu", ["x:0"], ["y"], "r")], {"x:0": (KIND.INT16, [1, 3])}))
    assert not answer.parsed
    assert answer.nodes[0].ok is Answer.UNKNOWN
    assert len(answer.errors) == 1
    (mapped,) = map_errors(answer.errors, {})
    assert str(mapped) == "the parser does not take the dtype of the input x:0"


def test_many_models_are_asked_about_in_one_process():
    questions = [Question(convolution(), build=True), Question(convolution(channels=5)), Question(convolution())]
    good, bad, unbuilt = ask_many(questions, at_once=2)
    assert good.built is True
    assert unbuilt.built is None
    assert [n.stage for n in bad.nodes if n.ok is Answer.NO] == ["parse"]


def test_a_question_that_takes_too_long_costs_its_own_answer_alone():
    (answer,) = ask_many([Question(convolution(), build=True)], timeout=0.001)
    assert isinstance(answer, NoAnswer)
    assert answer.failure.kind is jobs.FailureKind.TIMEOUT
    with pytest.raises(WorkerError, match=r"did not finish in 0\.001 s"):
        ask_parser(convolution(), timeout=0.001)


def test_profiles_let_the_builder_take_unknown_dimensions():
    (answer,) = ask_many([Question(DYNAMIC, True, {"x:0": RANGE})])
    assert answer.built is True


def test_a_model_without_nodes():
    with pytest.raises(InputError, match="no nodes"):
        ask_parser(b"")


def test_a_read_only_installation_without_links(tmp_path):
    """The folder of the libraries as pip leaves it (no links yet), not writable: it works and stays as it was."""
    name = "onnxruntime_ep_nv_tensorrt_rtx"
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip("the libraries come from elsewhere")
    original, folder = Path(spec.submodule_search_locations[0]), tmp_path / "packages" / name
    folder.mkdir(parents=True)
    for file in original.iterdir():
        if file.is_file() and not file.is_symlink():
            (folder / file.name).symlink_to(file)
    before = files(folder)
    assert "libtensorrt_rtx.so.1" not in before
    folder.chmod(0o555)
    request = EngineRequest("model.onnx", ("tensorrt_rtx_bindings",))
    result = jobs.run(
        "engine_build",
        request,
        timeout=60,
        env={"PYTHONPATH": str(folder.parent)},
        files={"model.onnx": convolution()},
    )
    assert result.ok, result.log
    assert result.data_as(EngineAnswer).built
    assert files(folder) == before


def test_an_installation_without_its_libraries(tmp_path):
    folder = tmp_path / "packages" / "onnxruntime_ep_nv_tensorrt_rtx"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    result = jobs.run(
        "engine_build",
        EngineRequest("model.onnx", ("tensorrt_rtx_bindings",)),
        timeout=60,
        env={"PYTHONPATH": str(folder.parent)},
        files={"model.onnx": convolution()},
    )
    assert not result.ok
    assert "does not hold libtensorrt_rtx.so; reinstall graphdoctor[engine]" in result.failure.message


def test_a_broken_backend_is_passed_over(tmp_path):
    """A tensorrt that cannot be imported here (no driver, say) must not keep the next one from being tried."""
    (tmp_path / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.10: cannot open')")
    request = EngineRequest("model.onnx", ("tensorrt", "tensorrt_rtx_bindings"))
    result = jobs.run(
        "engine_build",
        request,
        timeout=60,
        env={"PYTHONPATH": str(tmp_path)},
        files={"model.onnx": convolution()},
    )
    answer = result.data_as(EngineAnswer)
    assert answer.backend == "tensorrt_rtx_bindings"
    assert answer.tried == ("tensorrt: libnvinfer.so.10: cannot open",)
