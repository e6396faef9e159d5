"""graphdoctor targets: the list, one target, and what changes between two."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from graphdoctor.targets import all_target_names, load_target
from graphdoctor.targets.compare import compare_targets
from graphdoctor.types import Answer
from tests.cli.program import call


def test_the_list_has_parser_release_and_sources_of_each() -> None:
    done = call("targets")
    assert done.code == 0
    for name in all_target_names():
        line = next(x for x in done.out.splitlines() if x.startswith(f"{name} "))
        target = load_target(name)
        assert line.split()[1] == target.parser
        assert target.title.partition(",")[0] in line
        assert "sources" in line or "source" in line
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_list_as_json() -> None:
    records = json.loads(call("targets", "--format", "json").out)
    assert [r["name"] for r in records] == list(all_target_names())
    assert {r["parser"] for r in records} == {"uff", "onnx", "tftrt"}
    assert [r["name"] for r in records if r["default"]] == ["trt3"]


@pytest.mark.parametrize("name", ["trt5", "trt8.6", "rtx1.7", "tftrt1.15"])
def test_the_op_table_has_every_row(name: str) -> None:
    done = call("targets", name, "--ops")
    assert done.code == 0
    target = load_target(name)
    shown = {line.split()[0]: line.split()[1:3] for line in done.out.splitlines() if line and line[0] != " "}
    for op, row in target.ops.items():
        if len(op) < 40:
            assert shown[op] == [row.support.value, row.confidence.value], op
    assert "any other" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_op_table_as_json_says_types_ranks_and_conditions() -> None:
    page = json.loads(call("targets", "trt8.6", "--ops", "--format", "json").out)
    table = {row["op"]: row for row in page["table"]}
    assert set(table) == set(load_target("trt8.6").ops)
    assert table["MaxPool"]["rank"] == [4, 5]
    assert "only 1 output" in table["MaxPool"]["conditions"]
    assert all(row["source"] and row["confidence"] for row in table.values())


def test_a_target_alone_shows_its_limits() -> None:
    done = call("targets", "tftrt2.12")
    assert "segments" in done.out
    for limit in load_target("tftrt2.12").limits:
        assert limit in done.out


def test_the_difference_in_text_and_json() -> None:
    done = call("targets", "--diff", "trt5", "trt6")
    assert done.code == 0
    assert "LeakyRelu" in done.out.partition("ops that run now")[2].partition("\n\n")[0]
    assert "- leakyrelu-5" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    found = json.loads(call("targets", "--diff", "trt6", "trt5", "--format", "json").out)
    assert "LeakyRelu" in [r["op"] for r in found["ops"]["removed"]]
    assert "leakyrelu-5" in [x["name"] for x in found["limits"]["added"]]
    assert "nothing changes" in call("targets", "--diff", "trt5", "trt5").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trt55"], "Did you mean 'trt5'?"),
        (["--diff", "trt5", "trt66"], "Did you mean 'trt6'?"),
        (["--diff", "trt5", "trt8.6"], "no row compares"),
        (["--diff", "trt5"], "requires 2 arguments"),
        (["--ops"], "--ops wants a target"),
        (["trt5", "--diff", "trt5", "trt6"], "nothing else goes with it"),
    ],
)
def test_what_cannot_be_shown(words: list[str], said: str) -> None:
    done = call("targets", *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert done.out == ""


def test_differences_are_what_the_tables_say() -> None:
    names = [n for n in all_target_names() if load_target(n).parser == "uff"]
    for one, other in pairwise(names):
        old, new = load_target(one), load_target(other)
        found = compare_targets(old, new)
        runs = [{op for op, row in t.ops.items() if row.support is Answer.YES} for t in (old, new)]
        assert set(found.added) == runs[1] - runs[0]
        assert set(found.removed) == runs[0] - runs[1]
        assert {x.name for x in found.limits_added} == set(new.limits) - set(old.limits)
        back = compare_targets(new, old)
        assert (back.added, back.limits_removed) == (found.removed, found.limits_added)
        assert compare_targets(old, old).is_empty
