"""Every restriction of the tables of ONNX operators: a node that may break it is compatible with no such target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from graphdoctor.lint import find_rule
from graphdoctor.match.lowered import Operand
from graphdoctor.resources import load_toml
from graphdoctor.targets import Target, load_target
from graphdoctor.types import Answer, DType
from tests.test_targets_facts import ROOT, facts, needs_facts, tool

RELEASES = {"trt7": "7.2", "trt8.0": "8.0", "trt8.4": "8.4", "trt8.6": "8.6", "trt9": "9.3", "trt10.0": "10.0"} | {
    "trt10.15": "10.15"
}
"""ONNX target to the release whose table it stands for."""
INPUT = re.compile(r"(\w+)\[([\d,?]*)\]( const| zero)?")


@dataclass(frozen=True)
class Row:
    """One restriction of some ops, and what is said of it."""

    text: str
    ops: list[str]
    breaks: Mapping[str, Any] = field(default_factory=dict)
    keeps: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    moot: str = ""


ROWS = [Row(**row) for row in load_toml(ROOT / "fixtures" / "targets" / "onnx_restrictions.toml")["restriction"]]


def told(target: str) -> Iterator[tuple[str, str]]:
    """Every (op, restriction) of the table that ``target`` stands for."""
    for op, entry in facts("onnx_trt_ops")["releases"][RELEASES[target]].items():
        yield from ((op, restriction["text"]) for restriction in entry.get("restrictions", ()))


def operand(text: str) -> Operand:
    match = INPUT.fullmatch(text)
    assert match, text
    dtype, dims = DType.parse(match[1]), match[2].split(",") if match[2] else []
    assert dtype, text
    return Operand(dtype, tuple(None if d == "?" else int(d) for d in dims), bool(match[3]), match[3] == " zero")


def answer(target: Target, op: str, node: Mapping[str, Any]) -> Answer:
    attrs = {
        k: DType.parse(v.removeprefix("dtype ")) if str(v).startswith("dtype ") else v
        for k, v in node.get("attrs", {}).items()
    }
    return target.supports(op, [operand(i) for i in node["inputs"]], attrs, node.get("outputs", 1)).ok


@needs_facts
def test_the_releases_are_those_of_the_targets() -> None:
    stands_for = {t["name"]: t["facts"][0] for t in tool().TARGETS if t.get("facts")}
    onnx = {name for name in stands_for if load_target(name).parser == "onnx" and not load_target(name).live}
    assert {name: stands_for[name] for name in onnx} == RELEASES


@needs_facts
@pytest.mark.parametrize("target", RELEASES)
def test_no_restriction_is_forgotten(target: str) -> None:
    assert set(told(target)) <= {(op, row.text) for row in ROWS for op in row.ops}


@needs_facts
def test_no_row_is_about_nothing() -> None:
    known = {pair for target in RELEASES for pair in told(target)}
    assert {(op, row.text) for row in ROWS for op in row.ops} <= known


@needs_facts
@pytest.mark.parametrize("row", [r for r in ROWS if r.breaks], ids=lambda r: f"{r.text[:30]}-{r.ops[0]}")
def test_a_node_that_may_break_it_is_not_compatible(row: Row) -> None:
    asked = [(t, op) for t in RELEASES for op in row.ops if (op, row.text) in set(told(t))]
    for name, op in asked:
        assert answer(load_target(name), op, row.breaks) is not Answer.YES, (name, op)
        if row.keeps:
            assert answer(load_target(name), op, row.keeps) is Answer.YES, (name, op)


@needs_facts
@pytest.mark.parametrize("row", [r for r in ROWS if r.rules], ids=lambda r: f"{r.text[:30]}-{r.ops[0]}")
def test_the_rules_speak_of_the_targets_that_have_it(row: Row) -> None:
    targets = [load_target(t) for t in RELEASES if any((op, row.text) in set(told(t)) for op in row.ops)]
    for code in row.rules:
        rule = find_rule(code)
        assert rule.severity == "error"
        assert all(rule.targets is not None and rule.targets.includes(t) for t in targets), code


def test_each_row_says_one_thing() -> None:
    for row in ROWS:
        assert bool(row.moot) is not bool(row.breaks or row.rules), row.text
        assert not row.moot or len(row.moot.split()) > 5
