"""Selection, order, certainty and verdicts of a lint run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphdoctor.errors import InputError, InternalError
from graphdoctor.findings import Finding, Severity, TargetVerdict, Verdict
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, LintResult, lint, load_rules
from graphdoctor.lint import engine as engine_module
from graphdoctor.lint import run as run_module
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target

#   x -> conv -> AddV2 -> Erf -> y        d = Relu(x), dead
TEXT = """
x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}
w = Const float32[3,3,3,3] normal(1)
conv = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}
add = AddV2(conv, x)
y = Erf(add)
d = Relu(x)
inputs: x
outputs: y
"""


def _graph(text: str = TEXT) -> Graph:
    graph = parse_graph(text)
    complete_attrs(graph)
    return graph


def _lint(graph: Graph | str, *targets: str, options: LintOptions | None = None) -> LintResult:
    made = _graph(graph) if isinstance(graph, str) else graph
    return lint(made, infer_shapes(made), [load_target(t) for t in targets], options)


def _codes(result: LintResult) -> list[str]:
    return [f.code for f in result.findings]


def _verdict(result: LintResult, target: str) -> TargetVerdict:
    return next(v for v in result.verdicts if v.target == target)


def test_findings_are_sorted_worst_first_and_stable() -> None:
    result = _lint(TEXT, "trt5", "trt3")
    assert list(result.findings) == sorted(result.findings, key=lambda f: f.sort_key)
    assert result == _lint(TEXT, "trt5", "trt3")
    assert [f.severity for f in result.findings] == sorted((f.severity for f in result.findings), reverse=True)


def test_a_finding_carries_its_rule_its_target_and_its_fix() -> None:
    found = next(f for f in _lint(TEXT, "trt5").findings if f.code == "GDV001")
    assert (found.name, found.severity, found.target) == ("add-v2", Severity.ERROR, "trt5")
    assert (found.node, found.op, found.certain) == ("add", "AddV2", True)
    assert found.fix is not None
    assert (found.fix.rewrite, found.fix.pack) == ("rename-addv2", "tf112")
    assert found.remedy


def test_a_rule_that_explains_silences_the_general_one() -> None:
    result = _lint(TEXT, "trt5")
    assert {f.node for f in result.findings if f.code == "GDU001"} == {"y"}


def test_dead_nodes_do_not_count_for_targets() -> None:
    result = _lint(TEXT.replace("d = Relu(x)", "d = Erf(x)"), "trt5")
    assert [f.node for f in result.findings if f.code == "GDU001"] == ["y"]
    assert [f.node for f in result.findings if f.code == "GDS003"] == ["d"]
    assert _verdict(result, "trt5").total == 4


def test_constants_do_not_count_and_inputs_do() -> None:
    verdict = _verdict(_lint(TEXT, "trt5"), "trt5")
    assert (verdict.supported, verdict.total) == (2, 4)
    assert verdict.verdict is Verdict.INCOMPATIBLE
    assert verdict.reason


def test_selecting_hides_findings_and_never_changes_a_verdict() -> None:
    everything = _lint(TEXT, *all_target_names())
    for options in (
        LintOptions(select=("GDS",)),
        LintOptions(ignore=("GDU", "GDV")),
        LintOptions(ignore=("ALL",)),
        LintOptions(report=()),
        LintOptions(extend_select=("ALL",)),
    ):
        assert _lint(TEXT, *all_target_names(), options=options).verdicts == everything.verdicts


@pytest.mark.parametrize(
    ("options", "codes"),
    (
        (LintOptions(select=("GDV001",)), {"GDV001"}),
        (LintOptions(select=("add-v2",)), {"GDV001"}),
        (LintOptions(select=("GDU",)), {"GDU001", "GDU007"}),
        (LintOptions(select=("gdv",)), {"GDV001"}),
        (LintOptions(select=("ALL",), ignore=("GDU", "GDS003")), {"GDV001"}),
        (LintOptions(select=("GDS",), extend_select=("GDV",), ignore=("GDV001",)), {"GDS003"}),
    ),
)
def test_selection(options: LintOptions, codes: set[str]) -> None:
    assert set(_codes(_lint(TEXT, "trt5", options=options))) == codes


def test_the_general_rule_speaks_where_the_one_that_explains_was_not_selected() -> None:
    result = _lint(TEXT, "trt5", options=LintOptions(select=("GDU001",)))
    assert {f.node for f in result.findings} == {"add", "y"}


def test_ignoring_the_one_that_explains_does_not_bring_up_the_general_rule() -> None:
    result = _lint(TEXT, "trt5", options=LintOptions(ignore=("GDV001",)))
    assert {f.node for f in result.findings if f.code == "GDU001"} == {"y"}


@pytest.mark.parametrize("word", ("GDV999", "ad-v2", "x", ""))
def test_unknown_selections_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="no rule has the code, prefix or name"):
        _lint(TEXT, "trt5", options=LintOptions(select=(word,)))


def test_a_near_word_is_offered() -> None:
    with pytest.raises(InputError) as caught:
        _lint(TEXT, "trt5", options=LintOptions(ignore=("ad-v2",)))
    assert "add-v2" in caught.value.remedy


def test_report_limits_findings_to_some_targets_and_judges_all() -> None:
    result = _lint(TEXT, "trt3", "trt5", "trt10.0", options=LintOptions(report=("trt5",)))
    assert {f.target for f in result.findings} == {"", "trt5"}
    assert [v.target for v in result.verdicts] == ["trt3", "trt5", "trt10.0"]
    whole = _lint(TEXT, "trt3", "trt5", "trt10.0")
    assert result.verdicts == whole.verdicts
    assert result.findings == tuple(f for f in whole.findings if f.target in ("", "trt5"))


def test_without_outputs_no_verdict_is_better_than_unknown() -> None:
    graph = _graph("x = Placeholder {dtype: float32, shape: shape[1,8]}\ny = Relu(x)")
    result = _lint(graph, "trt3", "trt10.0")
    assert {v.verdict for v in result.verdicts} == {Verdict.UNKNOWN}
    assert any("outputs of the graph are not known" in note for note in result.not_checked)


def test_what_cannot_be_told_is_a_warning_and_makes_the_verdict_unknown() -> None:
    result = _lint(
        "x = Placeholder {dtype: float32, shape: shape[1,8]}\ny = Digamma(x)\ninputs: x\noutputs: y", "trt10.0"
    )
    (finding,) = result.findings
    assert not finding.certain
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("cannot tell whether ")
    assert finding.fix is None
    assert _verdict(result, "trt10.0").verdict is Verdict.UNKNOWN


def test_what_a_mere_warning_cannot_tell_is_noted_and_no_finding() -> None:
    def check(ctx: CheckContext) -> Iterator[Hit]:
        yield Hit(ctx.graph.node("x"), "nobody knows", certain=False)

    result = _with_check("fixed-batch", check)
    assert not [f for f in result.findings if f.name == "fixed-batch"]
    assert [n for n in result.not_checked if "fixed-batch: nobody knows (at x)" in n]
    assert _verdict(result, "trt3").verdict is Verdict.COMPATIBLE


def _with_check(name: str, check: object) -> LintResult:
    """A run in which the rule called ``name`` is replaced by ``check``."""
    rules = load_rules()
    saved = run_module.run_rule

    def run_rule(ctx: CheckContext, rule: object) -> Iterator[Hit]:
        if getattr(rule, "name", "") == name:
            return check(ctx)  # type: ignore[no-any-return, operator]
        return saved(ctx, rule)  # type: ignore[arg-type]

    assert any(r.name == name for r in rules)
    text = "x = Placeholder {dtype: float32, shape: shape[1,8]}\ny = Relu(x)\ninputs: x\noutputs: y"
    engine_module.run_rule = run_rule
    try:
        return _lint(text, "trt3")
    finally:
        engine_module.run_rule = saved


def test_a_rule_that_raises_is_a_finding_and_the_others_run() -> None:
    def check(ctx: CheckContext) -> Iterator[Hit]:
        yield Hit(ctx.graph.node("x"), "seen before")
        raise ZeroDivisionError("by zero")

    result = _with_check("cycle", check)
    (failed,) = [f for f in result.findings if f.code == "GDF002"]
    assert failed.message == "GDS002 (cycle) raised ZeroDivisionError: by zero"
    assert not failed.certain
    verdict = _verdict(result, "trt3")
    assert verdict.verdict is Verdict.UNKNOWN
    assert verdict.reason == failed.message


def test_a_rule_cannot_change_the_graph() -> None:
    def check(ctx: CheckContext) -> Iterator[Hit]:
        graph = ctx.graph
        assert isinstance(graph, Graph)
        graph.set_op(graph.node("y"), "Tanh")
        yield Hit(graph.node("y"), "never reached")

    result = _with_check("cycle", check)
    (failed,) = [f for f in result.findings if f.code == "GDF002"]
    assert InternalError.__name__ in failed.message


def test_the_graph_thaws_afterwards() -> None:
    graph = _graph()
    _lint(graph, "trt3")
    graph.set_op(graph.node("y"), "Tanh")
    assert graph.node("y").op == "Tanh"


def test_errors_whatever_the_target_stand_in_the_way_of_all() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[1,8]}\ny = Add(x, ghost)\ninputs: x\noutputs: y"
    result = _lint(text, *all_target_names())
    assert {v.verdict for v in result.verdicts} == {Verdict.INCOMPATIBLE}
    assert [f.target for f in result.findings if f.code == "GDS001"] == [""]


def test_a_cycle_is_noted_as_not_inferred() -> None:
    text = "x = Placeholder {dtype: float32}\na = Add(x, b)\nb = Relu(a)\ny = Relu(b)\ninputs: x\noutputs: y"
    result = _lint(text, "trt10.0")
    assert "shapes of 3 nodes on or behind a cycle, from a on" in result.not_checked


def test_no_target_is_needed() -> None:
    result = _lint(TEXT)
    assert result.verdicts == ()
    assert {f.target for f in result.findings} == {""}


def test_fix_cases_follow_the_place() -> None:
    head = "x = Placeholder {dtype: float32, shape: shape[1,8,8,2]}\none = Const float32[2] 1.0\n"
    tail = "y = FusedBatchNorm(%s, one, one, one, one) {is_training: %s}\ninputs: x\noutputs: y"
    conv = 'w = Const float32[1,1,2,2] 1.0\nc = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}\n'

    def fix(text: str) -> str | None:
        found: Finding = next(f for f in _lint(text, "trt3").findings if f.code == "GDU002")
        return found.fix.rewrite if found.fix else None

    assert fix(head + tail % ("x", "false")) == "fold-batch-norm-into-mul-add"
    assert fix(head + conv + tail % ("c", "false")) == "fold-batch-norm"
    assert fix(head + conv + tail % ("c", "true")) is None


def test_a_fix_is_offered_only_where_its_conditions_hold() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[1,8]}\ny = LeakyRelu(x) {alpha: %s}\ninputs: x\noutputs: y"
    by_alpha = {a: _lint(text % a, "trt3").findings[0].fix for a in ("0.3", "1.5")}
    assert by_alpha["0.3"] is not None
    assert by_alpha["1.5"] is None


DENSE = """
x = Placeholder {dtype: float32, shape: shape[?,16]}
z = Placeholder {dtype: float32, shape: shape[?,16]}
w = Const float32[16,4] normal(1)
a = MatMul(x, w)
b = MatMul(z, w)
y = Add(a, b)
inputs: x, z
outputs: y
"""


def test_a_counted_rule_gives_one_finding_for_a_target_and_covers_every_node() -> None:
    result = _lint(DENSE, "trt5", "trt6")
    found = [f for f in result.findings if f.code == "GDU018"]
    assert [(f.target, f.node) for f in found] == [("trt5", "a"), ("trt6", "a")]
    assert found[0].message.endswith("(1 more node)")
    assert (_verdict(result, "trt5").supported, _verdict(result, "trt5").total) == (3, 5)


def test_a_limit_of_a_weak_source_is_doubted_not_the_graph() -> None:
    """TensorRT 3 is not known to want three dimensions; the graph has one for sure."""
    result = _lint(DENSE, "trt3", "trt5")
    weak = next(f for f in result.findings if f.code == "GDU018" and f.target == "trt3")
    sure = next(f for f in result.findings if f.code == "GDU018" and f.target == "trt5")
    assert not weak.certain
    assert weak.message == f"cannot tell whether the target has this limit: {sure.message}"
    assert _verdict(result, "trt3").verdict is Verdict.UNKNOWN
    assert _verdict(result, "trt5").verdict is Verdict.INCOMPATIBLE


def test_newer_attributes_go_by_the_tensorflow_of_the_target() -> None:
    text = TEXT.replace("strides: [1,1,1,1]", "strides: [1,1,1,1], explicit_paddings: []")
    result = _lint(text, "trt3", "trt5", "trt6", "trt8-uff")
    assert {f.target for f in result.findings if f.code == "GDV005"} == {"trt3", "trt5"}
    assert "TensorFlow 1.12" in next(f.message for f in result.findings if f.code == "GDV005")


def test_the_largest_k_is_sure_where_the_table_of_the_release_says_it() -> None:
    text = "x = Placeholder {dtype: float32, shape: shape[1,9000]}\nk = Const int32[] 5000\ny = TopKV2(x, k)"
    found = _lint(f"{text}\ninputs: x\noutputs: y", "trt8.6", "trt10.15", "rtx1.7").findings
    assert {f.target: f.certain for f in found if f.code == "GDO004"} == {
        "trt8.6": False,
        "trt10.15": True,
        "rtx1.7": True,
    }


def test_where_is_not_refused_for_the_bool_that_its_layer_takes() -> None:
    text = "x = Placeholder {dtype: bool, shape: shape[4,4]}\ny = Where(x)\ninputs: x\noutputs: y"
    result = _lint(text, "trt8.0", "trt8.6", "trt10.0")
    assert {f.target: f.certain for f in result.findings if f.code == "GDO001"} == {
        "trt8.0": True,
        "trt8.6": False,
        "trt10.0": False,
    }
