"""UFF files: read, written, described and compared."""

from __future__ import annotations

import json

import pytest

from graphdoctor.errors import InputError
from graphdoctor.formats.uff import load_uff, save_uff
from graphdoctor.formats.uff.compare import compare_uff
from graphdoctor.wire.uff import Data, Descriptor, uff_bytes
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.cli.program import call
from tests.wire.uff.models import CORPUS

NET = """
c = Conv(x, w) {strides: [1,1], inputs_orders: orders(N+C, +CK), implicit_padding: "same"}
w = Const float32[1,1,1,1] [2.0]
x = Input {shape: [-1,4,4,1], dtype: float32}
r = Activation(c) {func: "relu"}
p = _Foo_TRT(r) {k_u_int: 3}
MarkOutput_0 = MarkOutput(r)
MarkOutput_1 = MarkOutput(p)
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.uff"
    save_uff(parse_uff(NET), path)
    return path


def test_a_file_is_read_with_its_size_and_digest(net):
    file = load_uff(str(net))
    assert uff_bytes(file.model) == file.data == net.read_bytes()
    assert file.size == net.stat().st_size
    assert len(file.sha256) == 64


def test_another_kind_of_file_is_said_to_be_one(tmp_path):
    path = tmp_path / "m.uff"
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(InputError, match="is no UFF model, but a zip archive"):
        load_uff(str(path))


def test_inspect_says_ends_ops_and_weights(net):
    shown = call("inspect", net)
    assert shown.code == 0
    for said in ("x float32[?,4,4,1]", "marked by MarkOutput_1; _Foo_TRT", "Activation relu", "w  float32[1,1,1,1]"):
        assert said in shown.out
    assert "version 1, core 1, tensorflow_extension 1, custom 1" in shown.out
    assert "plugins for Foo_TRT" in shown.out
    assert json.loads(call("inspect", net, "--format", "json").out)["nodes"] == 7


def test_diff_is_by_meaning(net, tmp_path):
    model = parse_uff(NET)
    model.graph.nodes[:2] = reversed(model.graph.nodes[:2])
    model.references["k"] = model.references.pop("weights_w")
    model.graph.nodes[0].fields["values"] = Data.ref("k")
    save_uff(model, tmp_path / "other.uff")
    shown = call("diff", net, tmp_path / "other.uff")
    assert (shown.code, shown.out.strip()) == (0, "no difference")


def test_diff_shows_each_node_once_and_names_what_is_only_renamed(net, tmp_path):
    model = parse_uff(NET.replace("[2.0]", "[3.0]").replace('"relu"', '"relu6"').replace("x", "image"))
    model.descriptors.append(Descriptor("more"))
    save_uff(model, tmp_path / "other.uff")
    shown = call("diff", net, tmp_path / "other.uff")
    assert shown.code == 1
    assert "descriptor more 1 is new" in shown.out
    assert "x -> image" in shown.out or "x → image" in shown.out
    assert '- r = Activation(c) {func: "relu"}\n+ r = Activation(c) {func: "relu6"}' in shown.out
    assert shown.out.count("- w = Const") == shown.out.count("+ w = Const") == 1
    assert "c = Conv" not in shown.out
    record = json.loads(call("diff", net, tmp_path / "other.uff", "--format", "json").out)
    assert [n["name"] for n in record["nodes"]] == ["r", "w"]
    assert record["renamed"] == [{"before": "x", "after": "image"}]


def test_diff_of_outputs_and_of_cycles():
    left, right = (
        parse_uff("a = Identity(b)\nb = Identity(a)\nm = MarkOutput(a)"),
        parse_uff("a = Identity(b)\nq = Identity(a)\nb = Identity(q)\nm = MarkOutput(b)"),
    )
    diff = compare_uff(left, right)
    assert "outputs are b and were a" in diff.head
    assert {n.id for n in diff.nodes} == {"b", "q"}
    assert compare_uff(left, left).is_empty


def test_diff_with_another_kind_says_what_to_do(net, tmp_path):
    other = tmp_path / "t.html"
    other.write_text("<html>")
    shown = call("diff", net, other)
    assert shown.code == 2
    assert "convert this one first" in shown.err.replace("\n      ", " ")


def test_convert_writes_the_same_bytes_and_the_text(net, tmp_path):
    out = tmp_path / "out.uff"
    shown = call("convert", net, "--to", "uff", "-o", out, "--text")
    assert shown.code == 0
    assert out.read_bytes() == net.read_bytes()
    assert shown.out.startswith("version: 1\ndescriptor_core_version: 1\ndescriptors {")
    assert call("convert", net, "--to", "uff", "-o", net).code == 2


@pytest.mark.skipif(not CORPUS, reason="no UFF files in ../shared/corpus")
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_real_files(path, tmp_path):
    out = tmp_path / "out.uff"
    assert call("convert", path, "--to", "uff", "-o", out).code == 0
    assert out.read_bytes() == path.read_bytes()
    assert call("diff", path, out).out.strip() == "no difference"
    assert "MarkOutput" in call("inspect", path).out
