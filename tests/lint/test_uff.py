"""check of UFF files: verdicts, plugins, what is given, and the same answers as for graphs."""

from __future__ import annotations

import json

import pytest

from graphdoctor.formats.uff import save_uff
from graphdoctor.lint import lint_uff, subject_of
from graphdoctor.lint.uff_support import NOT_CHECKED
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.wire.uff import UffModel, UffNode
from graphdoctor.wire.uff.notation_read import parse_uff
from graphdoctor.wire.uff.ops import CORE_OPS, tensorflow_op
from tests.cli.program import call
from tests.wire.uff.models import CORPUS

NET = """
x = Input {shape: [-1,8,8,3], dtype: float32}
w = Const float32[3,3,3,4] 0.5
c = Conv(x, w) {inputs_orders: orders(N+C, +CK), strides: [1,1], implicit_padding: "same"}
y = Activation(c) {func: "relu"}
MarkOutput_0 = MarkOutput(y)
"""
UFF_TARGETS = [n for n in all_target_names() if load_target(n).parser == "uff"]


def verdicts(text: str) -> dict[str, str]:
    result = lint_uff(subject_of(parse_uff(text)), [load_target(n) for n in all_target_names()])
    return {v.target: v.verdict.value for v in result.verdicts}


def test_nodes_alone_make_no_file_compatible():
    result = lint_uff(subject_of(parse_uff(NET)), [load_target("trt8-uff")])
    assert [(v.verdict.value, v.reason, v.supported, v.total) for v in result.verdicts] == [
        ("unknown", NOT_CHECKED, 3, 3)
    ]
    assert set(verdicts(NET).values()) == {"unknown"}


def test_an_op_that_a_release_lacks_makes_it_incompatible_there_alone():
    told = verdicts(NET.replace('Activation(c) {func: "relu"}', "LeakyRelu(c) {alpha: 0.1}"))
    assert {n for n in UFF_TARGETS if told[n] == "incompatible"} == {"trt3", "trt4", "trt5"}


@pytest.mark.parametrize("op", ["_AddV2", "Cnv", "_"])
def test_an_op_that_nobody_knows_is_never_better_than_one_that_runs(op):
    told = verdicts(NET.replace("Activation(c)", f"{op}(c)"))
    assert {told[n] for n in UFF_TARGETS} == {"incompatible"}


def test_dead_nodes_do_not_count():
    assert verdicts(NET + "z = Cnv(y)\n") == verdicts(NET)


def test_every_core_op_stands_for_one_of_tensorflow_with_a_row():
    for name, op in CORE_OPS.items():
        for function in op.functions or ("",):
            node = parse_uff(f'n = {name} {{func: "{function}"}}').graph.nodes[0]
            of = tensorflow_op(UffModel(), node)
            assert (of is None) is (name == "MarkOutput")
            if of is not None:
                assert of in load_target("trt8-uff").ops, (name, function, of)


def test_nvidias_plugins_are_judged_as_in_graphs(tmp_path):
    save_uff(
        parse_uff(NET.replace('Activation(c) {func: "relu"}', "_LReLU_TRT(c) {slope_u_float: 0.1}")), tmp_path / "n.uff"
    )
    record = json.loads(call("check", tmp_path / "n.uff", "-t", "trt8-uff", "--format", "json", "--no-cache").out)
    codes = {f["code"] for f in record["models"][0]["findings"]}
    assert {"GDP003", "GDP004"} <= codes


def test_no_rewrite_is_offered_for_a_file(tmp_path):
    text = "g = _GridAnchor_TRT() {numLayers_u_int: 1}\nMarkOutput_0 = MarkOutput(g)\n"
    found = lint_uff(subject_of(parse_uff(text)), [load_target("trt5")]).findings
    assert [f.fix for f in found if f.code == "GDP008"] == [None]


def _judged(path, *words):
    done = call("check", path, "-t", "trt8-uff", "-t", "trt10.0", "--no-cache", "--format", "json", *words)
    return json.loads(done.out)["models"][0]


def test_the_graph_of_a_file_tells_what_its_nodes_do_not(tmp_path):
    path = tmp_path / "n.uff"
    save_uff(parse_uff(NET), path)
    model = _judged(path)
    assert {model["verdicts"][n]["verdict"] for n in ("trt8-uff", "trt10.0")} == {"compatible"}
    assert model["verdicts"]["tftrt1.15"]["verdict"] == "unknown"
    assert model["outputs"] == [{"name": "y", "dtype": "float32", "shape": [None, 8, 8, 4]}]
    save_uff(parse_uff(NET.replace("[-1,8,8,3]", "[]")), path)
    open_ = _judged(path)
    assert open_["verdicts"]["trt8-uff"]["verdict"] == "unknown"
    assert {f["target"] for f in open_["findings"]} == {"trt8-uff", "trt10.0"}
    assert _judged(path, "--input", "x:float32[3,8,8]")["verdicts"]["trt8-uff"]["verdict"] == "compatible"


def test_what_the_parser_refuses_of_the_graph_is_a_finding_of_the_file(tmp_path):
    flat = """
    x = Input {shape: [-1,8], dtype: float32}
    w = Const float32[8,2] 0.5
    y = FullyConnected(x, w) {inputs_orders: orders(NC, CK)}
    MarkOutput_0 = MarkOutput(y)
    """
    save_uff(parse_uff(flat), tmp_path / "n.uff")
    done = call("check", tmp_path / "n.uff", "-t", "trt5", "--no-cache", "--format", "json")
    model = json.loads(done.out)["models"][0]
    assert model["verdicts"]["trt5"]["verdict"] == "incompatible"
    assert [(f["code"], f["node"], f["fix"]) for f in model["findings"]] == [("GDU018", "y", None)]
    quiet = call("check", tmp_path / "n.uff", "-t", "trt5", "--no-cache", "--format", "json", "--ignore", "GDU018")
    model = json.loads(quiet.out)["models"][0]
    assert (model["verdicts"]["trt5"]["verdict"], model["findings"]) == ("incompatible", [])


def told_by_file(tmp_path, text: str) -> dict[str, str]:
    """The verdict of each UFF target on the file that ``text`` states."""
    save_uff(parse_uff(text), tmp_path / "net.uff")
    record = json.loads(call("check", tmp_path / "net.uff", "--format", "json", "--fail-on", "never").out)
    found = record["models"][0]["verdicts"]
    return {n: found[n]["verdict"] for n in UFF_TARGETS}


def test_padding_in_numbers_is_the_parsers_own(tmp_path):
    """TensorFlow 1.12 and the converter know no explicit paddings; a file that has them is beyond both."""
    pool = 'y = Pool(c) {func: "max", kernel: [3,3], strides: [2,2], inputs_orders: orders(N+C), padding: [1,1]}'
    assert set(told_by_file(tmp_path, NET.replace('y = Activation(c) {func: "relu"}', pool)).values()) == {"compatible"}


@pytest.mark.parametrize(
    ("dims", "verdict"), [("-1,256", "compatible"), ("-1,8,32", "compatible"), ("-1,16", "incompatible")]
)
def test_a_reshape_of_a_file_is_one_whatever_its_scope(tmp_path, dims, verdict):
    """In a graph the converter would make a Flatten of it; in the file its shape is read, the batch in it too."""
    count = dims.count(",") + 1
    reshape = f"shape = Const int32[{count}] [{dims}]\nflatten/y = Reshape(c, shape)"
    text = NET.replace('y = Activation(c) {func: "relu"}', reshape).replace("MarkOutput(y)", "MarkOutput(flatten/y)")
    assert told_by_file(tmp_path, text)["trt8-uff"] == verdict


def test_a_file_that_is_no_graph_is_judged_by_its_nodes(tmp_path):
    save_uff(parse_uff(NET.replace("Conv(x, w)", "Conv(x, gone)")), tmp_path / "n.uff")
    model = _judged(tmp_path / "n.uff")
    assert model["verdicts"]["trt8-uff"]["verdict"] == "incompatible"
    assert model["verdicts"]["trt10.0"]["verdict"] == "unknown"
    assert any("not checked as a graph" in note for note in model["not_checked"])


def test_given_inputs_are_registered_and_others_refused(tmp_path):
    path = tmp_path / "n.uff"
    save_uff(parse_uff(NET.replace("[-1,8,8,3]", "[]")), path)
    words = ("check", path, "-t", "trt8-uff", "--no-cache", "--format", "json")
    assert "GDU117" in call(*words).out
    given = call(*words, "--input", "x:float32[1,8,8,3]")
    assert "GDU117" not in given.out
    assert json.loads(given.out)["models"][0]["inputs"] == [{"name": "x", "dtype": "float32", "shape": [1, 8, 8, 3]}]
    refused = call(*words, "--input", "z[1]")
    assert refused.code == 2
    assert "Its inputs are x" in refused.err


def test_findings_are_suppressed_and_accepted_as_for_graphs(tmp_path):
    path, baseline = tmp_path / "n.uff", tmp_path / "b.json"
    save_uff(parse_uff(NET.replace("Activation", "_Foo")), path)
    words = ("check", path, "-t", "trt8-uff", "--no-cache", "--format", "json")
    first = json.loads(call(*words).out)["models"][0]["findings"]
    assert [f["code"] for f in first] == ["GDU113"]
    assert len(first[0]["fingerprint"]) == 32
    call(*words, "--write-baseline", baseline)
    assert json.loads(call(*words, "--baseline", baseline).out)["models"][0]["findings"] == []
    assert json.loads(call(*words, "--ignore", "uff-plugin-missing").out)["models"][0]["findings"] == []


def test_rules_about_graphs_are_silent():
    """A Reshape in a scope called flatten, behind an Identity: what the converter would do to it is done."""
    text = NET.replace("y = Activation", "a/flatten/y = Activation").replace("MarkOutput(y)", "MarkOutput(a/flatten/y)")
    assert lint_uff(subject_of(parse_uff(text)), [load_target("trt8-uff")]).findings == ()


def test_ids_of_any_kind_are_told_apart():
    model = UffModel(graphs=parse_uff(NET).graphs)
    model.graph.nodes += [
        UffNode("c:0", "Identity", ["c"]),
        UffNode("^c", "Identity", ["c:0"]),
        UffNode("", "", ["^c"]),
    ]
    of = subject_of(model)
    assert [v.node.name for v in of.node("^c").inputs] == ["c:0"]
    assert of.node("").op == "?"


@pytest.mark.skipif(not CORPUS, reason="no UFF files in ../shared/corpus")
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_real_files_have_no_errors_on_later_parsers(path):
    done = call("check", path, "--target", "trt8-uff", "--format", "json", "--no-cache")
    model = json.loads(done.out)["models"][0]
    assert model["kind"] == "uff"
    assert [f for f in model["findings"] if f["severity"] == "error"] == []
    assert {f["code"] for f in model["findings"]} <= {"GDU018", "GDU117", "GDU127"}
    assert "incompatible" not in {model["verdicts"][name]["verdict"] for name in ("trt8-uff", "trt10.0")}


def test_nobody_says_what_an_average_pool_pads_with(tmp_path):
    """Unknown, though it agrees with TensorFlow when it is read as a graph; with the Pad by itself it is known."""
    pool = 'y = Pool({}) {{func: "avg", kernel: [3,3], strides: [1,1], inputs_orders: orders(N+C){}}}'
    fused, alone = pool.format("c", ", padding: [1,1]"), pool.format("p", "")
    zeros = "q = Const int32[4,2] [0, 0, 1, 1, 1, 1, 0, 0]\np = Pad(c, q)\n"
    told = {}
    for name, text in (("fused", fused), ("alone", zeros + alone)):
        save_uff(parse_uff(NET.replace('y = Activation(c) {func: "relu"}', text)), tmp_path / f"{name}.uff")
        judged = _judged(tmp_path / f"{name}.uff")
        told[name] = judged["verdicts"]["trt8-uff"]["verdict"], "GDU128" in {f["code"] for f in judged["findings"]}
    assert told == {"fused": ("unknown", True), "alone": ("compatible", False)}
