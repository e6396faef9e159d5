"""Patches: from one GraphDef to another and back, exact to the byte."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.errors import InputError
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.formats.tensorflow.patch import Patch, Proof, apply_patch, make_patch, read_patch, write_patch
from graphdoctor.ir.text import parse_graph

NET = """
x = Placeholder {dtype: float32, shape: shape[2]}
w = Const float32[2] [1.0,2.0]
a = Mul(x, w)
b = Identity(a)
c = Relu(b)
"""


def data(*lines: str) -> bytes:
    return graphdef_bytes(parse_graph("\n".join(lines)))


def lines() -> list[str]:
    return NET.strip().splitlines()


BEFORE = data(*lines())
AFTER = data(lines()[4].replace("(b)", "(a)"), *lines()[:3], "d = Neg(c)")


def test_there_and_back() -> None:
    patch = make_patch(BEFORE, AFTER, "test")
    assert apply_patch(BEFORE, patch) == AFTER
    assert apply_patch(AFTER, patch.reversed()) == BEFORE
    assert [e.name for e in patch.edits] == ["b", "c", "d"]


def test_nothing_to_do() -> None:
    patch = make_patch(BEFORE, BEFORE, "test")
    assert patch.edits == []
    assert apply_patch(BEFORE, patch) == BEFORE


@given(st.randoms(use_true_random=False))
def test_any_two_graphs(chance: random.Random) -> None:
    """Nodes dropped, added, changed and in any order on either side."""
    sides = []
    for _ in range(2):
        kept = [line.replace("Mul", chance.choice(["Mul", "Add"])) for line in lines() if chance.random() < 0.7]
        kept += [f"n{i} = Const int32[] {chance.randrange(3)}" for i in range(4) if chance.random() < 0.5]
        chance.shuffle(kept)
        sides.append(data(*kept))
    patch = make_patch(*sides, "test")
    assert apply_patch(sides[0], patch) == sides[1]
    assert apply_patch(sides[1], patch.reversed()) == sides[0]


def test_only_nodes_that_move_are_stated() -> None:
    moved = lines()
    moved.append(moved.pop(1))
    assert [e.name for e in make_patch(BEFORE, data(*moved), "test").edits] == ["w"]


def test_what_else_the_file_holds_goes_along() -> None:
    versions = b"\x22\x02\x08\x1b"
    patch = make_patch(BEFORE, AFTER + versions, "test")
    assert apply_patch(BEFORE, patch) == AFTER + versions
    with pytest.raises(InputError, match="versions or functions"):
        apply_patch(AFTER, patch.reversed())


def test_another_graph_is_taken_where_its_nodes_are_the_same() -> None:
    patch = make_patch(BEFORE, AFTER, "test")
    other = data(*lines(), "more = Neg(a)")
    assert b"more" in apply_patch(other, patch)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (lines()[:4], "c: this node is not in the graph"),
        ([*lines()[:3], lines()[3].replace("(a)", "(x)"), lines()[4]], "b: this node is not as it was"),
        ([*lines(), "d = Neg(a)"], "d: this node is in the graph already"),
    ],
)
def test_another_graph_that_does_not_fit_is_refused(graph: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        apply_patch(data(*graph), make_patch(BEFORE, AFTER, "test"))


def test_a_damaged_patch_does_not_pass() -> None:
    patch = make_patch(BEFORE, AFTER, "test")
    damaged = msgspec.structs.replace(patch, edits=patch.edits[:-1])
    with pytest.raises(InputError, match="does not give the graph"):
        apply_patch(BEFORE, damaged)


def test_damaged_graphs_are_refused() -> None:
    patch = make_patch(BEFORE, AFTER, "test")
    for broken in (BEFORE[:-1], b"\xff\xff", BEFORE + BEFORE):
        with pytest.raises(InputError):
            apply_patch(broken, patch)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    patch = make_patch(BEFORE, AFTER, "graphdoctor 1", [Proof("c", "TensorFlow", 2, 0.0, 0.0)])
    write_patch(patch, str(path))
    assert read_patch(str(path)) == patch


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "1"}', "\x80", "not json"])
def test_what_is_no_patch(text: str, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is no patch"):
        read_patch(str(path))


def test_a_later_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    patch = make_patch(BEFORE, AFTER, "test")
    write_patch(Patch(9, "test", patch.before, patch.after, patch.edits), str(path))
    with pytest.raises(InputError, match="version 9"):
        read_patch(str(path))
