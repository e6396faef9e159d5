"""NVIDIA's own word on a graph: findings at the nodes that the user wrote, and verdicts that follow it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphdoctor.errors import WorkerError
from graphdoctor.findings import Finding, ModelReport, Severity, Verdict
from graphdoctor.flows import asking, live
from graphdoctor.flows.check import CheckOptions, check_opened
from graphdoctor.flows.opening import Opened, open_model
from graphdoctor.formats.onnx import OnnxModel, PartialModel
from graphdoctor.formats.onnx.records import Emitted
from graphdoctor.formats.tensorflow import save_graph
from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.types import DType

pytest.importorskip("onnx")
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_rtx_bindings") is None, reason="NVIDIA's builder is not installed"
    ),
]
TARGET = "rtx1.7"
X = "x = Placeholder {dtype: float32, shape: shape[2,4]}\n"
GOOD = X + "y = Relu(x)\noutputs: y"


@pytest.fixture
def opened(tmp_path):
    def make(text: str) -> Opened:
        graph = parse_graph(text)
        complete_attrs(graph)
        path = str(tmp_path / "graph.pb")
        save_graph(graph, path)
        return open_model(path)

    return make


def by_table(model: Opened) -> ModelReport:
    return check_opened(model, CheckOptions((TARGET,), live=False))


def checked(model: Opened, **options: object) -> ModelReport:
    return check_opened(model, CheckOptions((TARGET,), live=True, **options))


def verdict(report: ModelReport) -> Verdict:
    return next(v.verdict for v in report.verdicts if v.target == TARGET)


def said(report: ModelReport) -> list[Finding]:
    return [f for f in report.findings if f.code.startswith("GDL")]


def test_an_engine_that_is_built_is_said(opened):
    report = checked(opened(GOOD))
    (told,) = (v for v in report.verdicts if v.target == TARGET)
    assert (told.verdict, told.reason) == (Verdict.COMPATIBLE, live.BUILT)
    assert said(report) == []
    assert report.not_checked == ()


def test_what_the_parser_refuses_is_found_at_the_tensorflow_node(opened):
    model = opened(X + "scope/w = Where(x) {T: float32}\ny = Cast(scope/w) {DstT: float32}\noutputs: y")
    assert "GDO001" in {f.code for f in by_table(model).findings}
    report = checked(model)
    (found,) = said(report)
    assert (found.code, found.node, found.op, found.severity) == ("GDL001", "scope/w", "Where", Severity.ERROR)
    assert "NonZero plugin" in found.message
    assert verdict(report) is Verdict.INCOMPATIBLE
    assert not [f for f in report.findings if f.code == "GDO001"], "the table's word on the same node is superfluous"


BOXES = """
b = Placeholder {dtype: float32, shape: shape[1,10,4]}
s = Placeholder {dtype: float32, shape: shape[1,1,10]}
m = Const int32[] 5
"""


@pytest.fixture
def suppression(monkeypatch):
    """ONNX NonMaxSuppression for the node post/y, written here: nothing lowers to it yet."""

    def partial(graph: Graph, without: Mapping[str, str]) -> PartialModel:
        left = [r for r in (("w", "NonZero", ["x"]), ("v", "NonZero", ["s"])) if r[0] in graph and r[0] not in without]
        nodes = [Emitted(op, f"n_{name}", inputs, [name], {}, (name,)) for name, op, inputs in left]
        if "post/y" not in without:
            nodes.append(Emitted("NonMaxSuppression", "n0", ["b", "s", "m"], ["post/y"], {}, ("post/y", "m")))
        inputs = [(n.name, TensorSpec(DType.FLOAT, n.attr("shape").dims)) for n in graph.inputs]
        outputs = [(n.outputs[0], TensorSpec(DType.INT64, (None, None))) for n in nodes]
        model = OnnxModel("g", nodes, {"m": np.array([5])}, inputs, outputs)
        refused = tuple((name, graph.node(name).op, why) for name, why in without.items())
        return PartialModel(model, refused, frozenset(without), frozenset())

    monkeypatch.setattr(asking, "partial_from_graph", partial)


@pytest.mark.usefixtures("suppression")
def test_what_the_builder_refuses_has_a_code_of_its_own(opened):
    """NVIDIA parses NonMaxSuppression and cannot build it."""
    model = opened(BOXES + "post/y = NonMaxSuppression(b, s, m)\noutputs: post/y")
    (found,) = said(checked(model))
    assert (found.code, found.node, found.op) == ("GDL003", "post/y", "NonMaxSuppression")
    assert found.covers == ("m",)
    assert said(checked(model, build=False)) == [], "the parser takes it"


@pytest.mark.usefixtures("suppression")
def test_behind_what_is_refused_the_rest_is_asked(opened):
    """The parser stops at the first Where and the builder at the suppression; the second Where is like the first."""
    text = f"{BOXES}{X}w = Where(x) {{T: float32}}\nv = Where(s) {{T: float32}}\npost/y = NonMaxSuppression(b, s, m)\n"
    report = checked(opened(text + "outputs: w, v, post/y"))
    assert [(f.code, f.node) for f in said(report)] == [("GDL001", "w"), ("GDL003", "post/y")]
    assert {"v"} == {f.node for f in report.findings if f.code == "GDO001"}, "of which the table speaks"
    like = "rtx1.7: NVIDIA was not asked about 1 node more like one that it refuses (v (Where): NVIDIA refuses ONNX "
    assert f"{like}NonZero at w)" in report.not_checked
    assert verdict(report) is Verdict.INCOMPATIBLE


def test_a_builder_that_names_no_node(opened):
    text = "x = Placeholder {dtype: int8, shape: shape[2]}\nc = Const int8[2] [1, 2]\ny = Add(x, c)\noutputs: y"
    report = checked(opened(text))
    (found,) = said(report)
    assert (found.code, found.node) == ("GDL002", "")
    assert "Quantized constant" in found.message
    assert verdict(report) is Verdict.INCOMPATIBLE


def test_an_input_whose_type_the_parser_does_not_take(opened):
    text = "x = Placeholder {dtype: int16, shape: shape[2]}\ny = Cast(x) {DstT: float32}\noutputs: y"
    (found,) = said(checked(opened(text)))
    assert (found.code, found.node) == ("GDL001", "x")


def test_the_builder_answers_what_the_table_cannot_tell(opened):
    text = "w = Placeholder {dtype: float32, shape: shape[3,3,4,1]}\n"
    text += "x = Placeholder {dtype: float32, shape: shape[1,8,8,4]}\n"
    model = opened(text + 'y = DepthwiseConv2dNative(x, w) {strides: [1,1,1,1], padding: "SAME"}\noutputs: y')
    table = by_table(model)
    assert verdict(table) is Verdict.UNKNOWN
    assert any(not f.certain for f in table.findings)
    report = checked(model)
    assert verdict(report) is Verdict.COMPATIBLE
    assert all(f.certain for f in report.findings)
    unbuilt = checked(model, build=False)
    assert verdict(unbuilt) is Verdict.UNKNOWN
    assert "rtx1.7: NVIDIA's builder was not asked: --no-build" in unbuilt.not_checked


def test_a_table_that_is_wrong_gives_way_to_an_engine(opened):
    model = opened(GOOD)
    wrong = Finding("GDO001", "op-not-in-onnx-parser", Severity.ERROR, TARGET, "y", "Relu", "Relu is not supported")
    table = by_table(model)
    verdicts = tuple(replace(v, verdict=Verdict.INCOMPATIBLE, supported=0) for v in table.verdicts)
    report = live.with_live(replace(table, findings=(wrong,), verdicts=verdicts), model, True)
    assert verdict(report) is Verdict.COMPATIBLE
    assert report.findings == ()
    blocker = replace(wrong, code="GDS001", target="")
    report = live.with_live(replace(table, findings=(blocker,), verdicts=verdicts), model, True)
    assert verdict(report) is Verdict.INCOMPATIBLE


def test_around_what_cannot_be_lowered_the_rest_is_asked(opened):
    """::

    x - Where(refused by NVIDIA)      x - Own - Relu - y
    """
    text = X + "w = Where(x)\no = MyOwnOp(x)\nc = EnsureShape(o) {shape: shape[2,4], T: float32}\ny = Relu(c)\n"
    report = checked(opened(text + "outputs: y, w"))
    assert [(f.code, f.node) for f in said(report)] == [("GDL001", "w")]
    (note,) = (n for n in report.not_checked if "without an ONNX form" in n)
    assert "MyOwnOp" in note


def test_a_part_that_is_built_proves_nothing_of_the_rest(opened):
    text = X + "r = Relu(x)\no = Digamma(r)\ny = Relu(o)\noutputs: y"
    report = checked(opened(text))
    assert verdict(report) is Verdict.UNKNOWN
    assert said(report) == []
    assert any("asked about 2 nodes without an ONNX form (o (Digamma)" in n for n in report.not_checked)


def test_an_input_without_a_rank_is_not_asked_about(opened):
    """NVIDIA takes it for a scalar, and so would build another graph."""
    report = checked(opened("x = Placeholder {dtype: float32}\ny = Relu(x)\noutputs: y"))
    assert verdict(report) is Verdict.UNKNOWN
    note = "rtx1.7: NVIDIA was not asked: x (Placeholder): its rank is not known; give it with --input 'x[...]'"
    assert note in report.not_checked


def test_behind_an_input_without_a_rank_the_rest_is_asked(opened):
    text = X + "p = Placeholder {dtype: float32}\nd = Mul(x, p)\ne = EnsureShape(d) {shape: shape[2,4], T: float32}\n"
    report = checked(opened(text + "w = Where(x)\ny = Relu(e)\noutputs: y, w"))
    assert [(f.code, f.node) for f in said(report)] == [("GDL001", "w")]
    (note,) = (n for n in report.not_checked if "p (Placeholder): its rank is not known" in n)
    assert "asked about 2 nodes" in note or "asked about 3 nodes" in note


def test_dimensions_beside_the_batch_keep_the_builder_from_being_asked(opened):
    report = checked(opened("x = Placeholder {dtype: float32, shape: shape[?,?]}\ny = Relu(x)\noutputs: y"))
    assert any("builder was not asked: dimensions of x [?,?] are not known" in n for n in report.not_checked)


def test_what_stands_in_for_a_loop_keeps_the_builder_from_being_asked(opened):
    text = X + "o = Digamma(x)\nc = EnsureShape(o) {shape: shape[2,?], T: float32}\ny = Relu(c)\noutputs: y"
    (note,) = (n for n in checked(opened(text)).not_checked if "builder" in n)
    assert note.endswith("cut them off with --input behind them or with --output before them")


def test_behind_an_input_without_a_rank_the_input_is_asked_for(opened):
    text = "x = Placeholder {dtype: float32}\ns = Const int32[2] [-1, -1]\nw = Const float32[1,1,3,4] normal(1)\n"
    text += 'y = Conv2D(x, w) {strides: [1,1,1,1], padding: "SAME"}\nz = Relu(y)\noutputs: z'
    (note,) = (n for n in checked(opened(text)).not_checked if "builder" in n)
    assert note.endswith("are not known; --input gives those of x")


def test_a_graph_that_wants_a_larger_batch_is_not_refused(opened):
    text = "x = Placeholder {dtype: float32, shape: shape[?]}\nk = Const int32[] 3\ny = TopKV2(x, k)\noutputs: y"
    report = checked(opened(text))
    assert said(report) == []
    assert any("makes an engine for a batch of 16, and none for 1 to 16" in n for n in report.not_checked)


FAKE = """
import os, time
__version__ = "0"
class ILogger:
    pass
class NetworkDefinitionCreationFlag:
    pass
class Nothing:
    num_layers = num_inputs = num_errors = num_subgraphs = 0
    num_outputs = 1
    name, dtype, shape = "y", "DataType.FLOAT", (1,)
    def __init__(self, *args): pass
    def create_network(self, flags): {create}
    def create_builder_config(self): return self
    def get_output(self, index): return self
    def parse(self, *args): return True
    def supports_model_v2(self, *args): return True
    def build_serialized_network(self, *args): return None
Builder = OnnxParser = Nothing
"""


@pytest.fixture
def backend(tmp_path, monkeypatch):
    """A module that the workers take for NVIDIA's: the real one neither crashes nor hangs when it is asked to."""

    def install(source: str, *names: str) -> None:
        folder = tmp_path / "backend"
        folder.mkdir()
        for name in names:
            Path(folder / f"{name}.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return install


def test_a_crash_is_a_finding_with_the_last_words(opened, backend):
    backend(FAKE.format(create="os.write(2, b'cask: the last words\\n'), os.abort()"), "tensorrt")
    report = checked(opened(GOOD))
    (found,) = said(report)
    assert (found.code, found.certain, found.severity) == ("GDL005", False, Severity.WARNING)
    assert "crashed with SIGABRT" in found.message
    assert "cask: the last words" in found.message
    assert verdict(report) is Verdict.UNKNOWN


def test_what_takes_too_long_is_a_finding(opened, backend, monkeypatch):
    backend(FAKE.format(create="time.sleep(60)"), "tensorrt")
    monkeypatch.setattr(asking, "SECONDS", 1.0)
    report = checked(opened(GOOD))
    (found,) = said(report)
    assert (found.code, found.certain) == ("GDL004", False)
    assert "did not finish in 1 s" in found.message
    assert verdict(report) is Verdict.UNKNOWN


def test_a_builder_that_says_nothing(opened, backend):
    backend(FAKE.format(create="return self"), "tensorrt")
    (found,) = said(checked(opened(GOOD)))
    assert (found.code, found.message) == ("GDL002", "the builder gave no engine and no reason")


def test_without_a_builder_that_works_the_table_speaks(opened, backend):
    backend("raise ImportError('no driver')", "tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
    model = opened(GOOD)
    with pytest.raises(WorkerError, match="no TensorRT builder works here"):
        checked(model)
    report = check_opened(model, CheckOptions((TARGET,)))
    assert verdict(report) is Verdict.COMPATIBLE
    assert any("by the table alone" in n and "no driver" in n for n in report.not_checked)


def test_a_part_of_a_graph_reads_stand_ins_of_known_shape_alone(opened):
    """What may be an axis or a shape is nothing that an input can stand in for."""
    text = X + "o = MyOwnOp(x) {T: float32}\nn = Size(o) {T: float32}\nr = Reshape(x, n)\ny = Relu(x)\noutputs: y, r"
    partial = asking.partial_from_graph(opened(text).graph)
    assert partial.stand_ins == frozenset()
    assert partial.left_out == {"o", "n", "r"}
    assert [n.op_type for n in partial.model.nodes] == ["Relu"]
