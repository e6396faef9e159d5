"""Graphs that contradict themselves: a finding or one message, which names the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Done, call, helped
from tests.hostile.models import CHAIN, GraphDef, pb, save

PACKS = "tf112,clean,fold,trt3"


def changed(change: Callable[[dict[str, Any]], object], text: str = CHAIN) -> bytes:
    """The graph of ``text`` after ``change`` was given its nodes by name."""
    graph = GraphDef.FromString(pb(text))
    change({n.name: n for n in graph.node})
    return bytes(graph.SerializeToString())


def check(model: Path, *more: str) -> Done:
    return call("check", model, "--no-live", *more)


def fix(model: Path) -> Done:
    return call("fix", model, "--rules", PACKS, "--target", "trt3", "-o", model.with_name("fixed.pb"))


def convert(model: Path) -> Done:
    return call("convert", model, "--to", "onnx", "-o", model.with_name("out.onnx"))


def reported(model: Path, *words: str) -> None:
    """``check`` reports on the model with exit code 1, and says all of ``words``."""
    done = check(model)
    assert done.code == 1, done
    text = " ".join(done.out.replace("│", " ").split())
    for word in words:
        assert word in text, done.out


def unconvertible(model: Path, *words: str) -> None:
    """``convert`` gives one message that says all of ``words``, and no file."""
    said = helped(convert(model))
    for word in words:
        assert word in said
    assert not model.with_name("out.onnx").exists()


def test_two_nodes_of_one_name(tmp_path: Path) -> None:
    model = save(tmp_path, changed(lambda n: setattr(n["r"], "name", "c")))
    for run in (check, fix, convert):
        said = helped(run(model))
        assert "two nodes are named 'c' (Conv2D and Relu)" in said
    assert [p.name for p in tmp_path.iterdir()] == ["model.pb"]


def test_a_node_without_an_op(tmp_path: Path) -> None:
    model = save(tmp_path, changed(lambda n: setattr(n["r"], "op", "")))
    for run in (check, fix, convert):
        said = helped(run(model))
        assert "r: the node has no op" in said


def test_a_cycle(tmp_path: Path) -> None:
    def close(n: dict[str, Any]) -> None:
        n["c"].input[0] = "r"

    model = save(tmp_path, changed(close))
    reported(model, "cycle")
    assert fix(model).code in (0, 1)
    unconvertible(model, "cycle")


def test_a_node_that_reads_itself(tmp_path: Path) -> None:
    model = save(tmp_path, changed(lambda n: n["r"].input.__setitem__(0, "r")))
    reported(model, "r")
    assert fix(model).code in (0, 1)
    unconvertible(model, "cycle")


@pytest.mark.parametrize("name", ["nowhere", "nowhere:3", "^nowhere", "c:7"])
def test_an_input_that_is_not_there(name: str, tmp_path: Path) -> None:
    """A missing node, as data or as control, and an output that the node does not have."""

    def tear(n: dict[str, Any]) -> None:
        if name.startswith("^"):
            n["r"].input.append(name)
        else:
            n["r"].input[0] = name

    model = save(tmp_path, changed(tear))
    reported(model, name.strip("^").partition(":")[0])
    assert fix(model).code in (0, 1)
    if not name.startswith("^"):
        unconvertible(model)


@pytest.mark.parametrize("name", ["", "^", ":", ":0", "c:", "c:x", "c:-1", "c:99999999999999999999", "a:b:c", "c:0:0"])
def test_an_input_that_is_no_reference(name: str, tmp_path: Path) -> None:
    model = save(tmp_path, changed(lambda n: n["r"].input.__setitem__(0, name)))
    for run in (check, fix, convert):
        done = run(model)
        assert done.code in (0, 1) or helped(done)


def test_an_unknown_op(tmp_path: Path) -> None:
    model = save(tmp_path, changed(lambda n: setattr(n["r"], "op", "FancyRelu")))
    reported(model, "FancyRelu")
    assert "trt8.6" in check(model, "--target", "trt8.6").out
    assert check(model, "--target", "trt8.6").code == 1
    assert fix(model).code == 0
    unconvertible(model, "r (FancyRelu)", "does not know this op")


@pytest.mark.parametrize("number", [0, 24, 99, 4242, 100, 101, 142, -1, 2**31 - 1])
def test_an_unknown_dtype(number: int, tmp_path: Path) -> None:
    """Of an attribute, of an input, of a constant; also the reference dtypes, which are 100 higher."""
    places: list[Callable[[dict[str, Any]], object]] = [
        lambda n: setattr(n["r"].attr["T"], "type", number),
        lambda n: setattr(n["x"].attr["dtype"], "type", number),
        lambda n: setattr(n["w"].attr["dtype"], "type", number),
        lambda n: setattr(n["w"].attr["value"].tensor, "dtype", number),
    ]
    for place in places:
        model = save(tmp_path, changed(place))
        for run in (check, fix, convert):
            done = run(model)
            assert done.code in (0, 1) or helped(done)


@pytest.mark.parametrize("field", ["name", "op", "input", "attr"])
def test_a_name_that_is_not_utf_8(field: str, tmp_path: Path) -> None:
    mark = {"name": b"c1Z", "op": b"o1Z", "input": b"i1Z", "attr": b"k1Z"}[field]

    def write(n: dict[str, Any]) -> None:
        n["f"].name, n["r"].op = "c1Z", "o1Z"
        n["f"].input[0] = "i1Z"
        n["f"].attr["k1Z"].i = 1

    model = save(tmp_path, changed(write).replace(mark, b"\xff\xfeZ"))
    for run in (check, fix, convert, lambda m: call("inspect", m)):
        said = helped(run(model))
        assert "not UTF-8" in said
        assert "\\xff\\xfeZ" in said


def test_names_that_a_terminal_would_obey(tmp_path: Path) -> None:
    """Escape sequences and line breaks in names do not reach the terminal as such."""
    evil = "evil\x1b[2J\x07\r\nerror: fooled"
    model = save(tmp_path, changed(lambda n: (setattr(n["r"], "name", evil), n["f"].input.__setitem__(0, evil))))
    for words in (["check"], ["check", "--format", "concise"], ["check", "--format", "github"], ["inspect"]):
        done = call(*words, model)
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out + done.err
        assert "\nerror: fooled" not in done.out + done.err
    done = call("fix", model, "--rules", "clean", "--diff", "-o", tmp_path / "o.pb")
    assert "\x1b" not in done.out + done.err


def test_text_that_is_no_graph(tmp_path: Path) -> None:
    for text in ('node { name: "a" op: "Relu" inpt: "b" }', 'node { name: "a"', 'node { name: "a" op: 3 }'):
        said = helped(check(save(tmp_path, text.encode(), "m.pbtxt")))
        assert "m.pbtxt" in said


def test_nothing_but_a_version(tmp_path: Path) -> None:
    """A graph without a node is a graph."""
    model = save(tmp_path, b"\x22\x02\x08\x1b")
    assert check(model).code in (0, 1)
    assert fix(model).code == 0
    helped(convert(model))


@pytest.mark.parametrize("file", ["check", "fix", "convert", "inspect", "verify"])
def test_a_name_of_a_file_that_does_not_exist(file: str, tmp_path: Path) -> None:
    save(tmp_path, pb(CHAIN), "mobilenet.pb")
    wrong = tmp_path / "mobilnet.pb"
    words = {
        "check": ["check", wrong],
        "fix": ["fix", wrong, "--rules", "clean"],
        "convert": ["convert", wrong, "--to", "onnx", "-o", tmp_path / "o"],
        "inspect": ["inspect", wrong],
        "verify": ["verify", wrong, wrong],
    }[file]
    said = helped(call(*words))
    assert f"Did you mean {tmp_path / 'mobilenet.pb'}?" in said
