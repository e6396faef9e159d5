"""Every limit of every target: what looks for it, or why nothing has to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from graphdoctor.findings import Verdict
from graphdoctor.formats.tensorflow import load_model
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintResult, Rule, find_rule, lint, load_rules
from graphdoctor.lint.limits import limit_covers
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import set_signature
from graphdoctor.targets import Confidence, Limit, OpRow, Target, all_target_names, load_target
from graphdoctor.types import Answer
from tests.test_rules import FIXTURES, Fixture

ALL = [load_target(name) for name in all_target_names()]
UFF = [t for t in ALL if t.parser == "uff"]
LIMITS = {name: [t for t in ALL if name in t.limits] for target in ALL for name in target.limits}
"""Limit to the targets that have it."""
COVERS = limit_covers()


def _graph(text: str) -> Graph:
    graph = parse_graph(text)
    complete_attrs(graph)
    return graph


def _lint(text: str, *targets: str) -> LintResult:
    graph = _graph(text)
    return lint(graph, infer_shapes(graph), [load_target(t) for t in targets])


def test_the_tables_name_every_limit_and_no_other() -> None:
    assert {*COVERS.rules, *COVERS.rows, *COVERS.nothing, *COVERS.open} == set(LIMITS)


def test_an_open_limit_is_looked_for_by_nothing() -> None:
    for name in LIMITS:
        assert COVERS.is_open(name) is (name in COVERS.open), name


@pytest.mark.parametrize("name", sorted(COVERS.rules))
def test_the_rules_of_a_limit_speak_of_its_targets(name: str) -> None:
    rules = [find_rule(code) for code in COVERS.rules[name]]
    for target in LIMITS[name]:
        assert any(_speaks_of(rule, target) for rule in rules), target.name
    for rule in rules:
        of_its_parser = [t for t in LIMITS[name] if rule.targets is None or _speaks_of_parser(rule, t)]
        assert of_its_parser, rule.code
        assert all(_speaks_of(rule, t) for t in of_its_parser), rule.code


def _speaks_of(rule: Rule, target: Target) -> bool:
    return rule.targets is None or rule.targets.includes(target)


def _speaks_of_parser(rule: Rule, target: Target) -> bool:
    return rule.targets is not None and (not rule.targets.parsers or target.parser in rule.targets.parsers)


@pytest.mark.parametrize("name", sorted(set(COVERS.rules) - set(COVERS.nothing)))
def test_one_of_the_rules_of_a_limit_can_change_a_verdict(name: str) -> None:
    assert any(find_rule(code).severity == "error" for code in COVERS.rules[name])


def test_a_rule_that_is_about_a_limit_stands_in_the_table() -> None:
    """Rules about UFF files say the same of another kind of model."""
    for name in LIMITS:
        selecting = [r for r in load_rules() if not r.formats and r.targets is not None and name in r.targets.limits]
        about = {r.code for r in selecting if any(_speaks_of(r, t) for t in ALL)}
        assert about <= set(COVERS.rules.get(name, ())), name


BROKEN = [(name, code) for name in sorted(COVERS.rules) for code in COVERS.rules[name]]


@pytest.mark.parametrize(("name", "code"), [b for b in BROKEN if find_rule(b[1]).severity == "error"])
def test_a_graph_that_breaks_a_limit_is_compatible_with_no_target_that_has_it(name: str, code: str) -> None:
    fixture = Fixture.read(FIXTURES / code / "bad.gdt")
    graph = fixture.graph()
    targets = [t for t in LIMITS[name] if _speaks_of(find_rule(code), t)]
    for verdict in lint(graph, infer_shapes(graph), targets).verdicts:
        assert verdict.verdict is not Verdict.COMPATIBLE, (verdict.target, fixture.path)


@pytest.mark.parametrize("name", sorted(COVERS.rows))
def test_the_rows_of_a_limit_are_not_simply_yes(name: str) -> None:
    for op in COVERS.rows[name]:
        for target in LIMITS[name]:
            row = target.row(op)
            assert row.support is not Answer.YES or _has_conditions(row), (op, target.name)


def _has_conditions(row: OpRow) -> bool:
    return bool(row.attrs or row.constant or row.dtype_attr or row.dtypes)


@pytest.mark.parametrize("name", sorted(set(COVERS.rows) - set(COVERS.rules)))
def test_a_limit_that_rows_alone_say_has_a_row_for_each_op(name: str) -> None:
    """Conv2D of the dilated chain is fine by itself: its neighbours have the row."""
    ops = {op for target in LIMITS[name] for op in target.limits[name].ops}
    assert ops - set(COVERS.rows[name]) <= ({"Conv2D"} if name == "dilated-2d-only" else set())


def test_reasons_are_given() -> None:
    for reason in (*COVERS.nothing.values(), *COVERS.open.values()):
        assert len(reason.split()) > 3


@pytest.mark.parametrize("target", [t for t in ALL if t.parser != "onnx"], ids=lambda t: t.name)
def test_every_limit_names_ops(target: Target) -> None:
    """One without ops would never be seen to be open."""
    assert [limit.name for limit in target.limits.values() if not limit.ops] == []


TWICE = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
a = Relu(x)
b = Relu(x)
inputs: x
outputs: a, b
"""


def test_an_open_limit_is_told_once_with_the_number_of_nodes() -> None:
    news = Limit("news", "Relu is slow.", "a test", Confidence.HIGH, ops=("Relu",))
    targets = [replace(t, limits={**t.limits, "news": news}) for t in (load_target("trt5"), load_target("trt6"))]
    graph = _graph(TWICE)
    found = [f for f in lint(graph, infer_shapes(graph), targets).findings if f.code == "GDU045"]
    assert [(f.target, f.node, f.certain) for f in found] == [("trt5", "a", False), ("trt6", "a", False)]
    assert "news" in found[0].message
    assert "1 more node" in found[0].message


CORPUS = Path(__file__).parent.parent.parent.parent / "shared" / "corpus" / "pb"
YES, NO, OPEN = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.UNKNOWN


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real models is not here")
@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("tf2onnx_frozen", (OPEN, NO, NO, NO, NO, OPEN)),  # a dense layer reads the input [?,784]
        ("tfrust_model_3", (NO, NO, NO, NO, OPEN, OPEN)),  # scalar inputs
        ("lenet_model", (NO, OPEN, YES, YES, YES, YES)),  # what NVIDIA's own sample of TensorRT 5 builds
        ("mnist_all_cnn3", (YES, YES, YES, YES, YES, YES)),  # convolutions, a mean and Softmax
    ],
)
def test_real_models(name: str, verdicts: tuple[Verdict, ...]) -> None:
    graph = load_model(str(CORPUS / f"{name}.pb")).graph
    set_signature(graph)
    assert tuple(v.verdict for v in lint(graph, infer_shapes(graph), UFF).verdicts) == verdicts


def test_a_limit_that_nobody_has_heard_of_makes_the_verdict_unknown() -> None:
    graph = _graph("x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}\ny = Relu(x)\ninputs: x\noutputs: y")
    old = load_target("trt6")
    assert lint(graph, infer_shapes(graph), [old]).verdicts[0].verdict is Verdict.COMPATIBLE
    for ops in (("Relu",), ("*",), ("Re*",)):
        news = Limit("news", "Relu is slow.", "a test", Confidence.HIGH, ops=ops)
        new = replace(old, limits={**old.limits, "news": news})
        assert lint(graph, infer_shapes(graph), [new]).verdicts[0].verdict is Verdict.UNKNOWN
    elsewhere = Limit("news", "Conv2D is slow.", "a test", Confidence.HIGH, ops=("Conv2D",))
    new = replace(old, limits={**old.limits, "news": elsewhere})
    assert lint(graph, infer_shapes(graph), [new]).verdicts[0].verdict is Verdict.COMPATIBLE
