"""The formats that people read: groups, verdicts, width, colour, strange names."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.errors import InputError
from graphdoctor.findings import Finding, Fix, ModelReport, Report, Safety, Severity, TargetVerdict, Verdict
from graphdoctor.render import FORMATS, RenderOptions, render
from graphdoctor.render.parts.groups import group_findings, nearest_compatible, sections, without_node
from graphdoctor.render.parts.headline import target_text
from graphdoctor.render.parts.page import Page
from graphdoctor.render.parts.terminal import options_for
from graphdoctor.render.parts.words import cells, clean, fold, seconds_text, size_text
from graphdoctor.render.text_error import render_error
from graphdoctor.words import plural
from tests.render.sample import LENET, REPORT, RESNET
from tests.render.test_machine import HOSTILE, _hostile_report
from tests.render.views import CRASH

PLAIN = RenderOptions()


def _full(model: ModelReport, **options: object) -> str:
    return render("full", Report("graphdoctor", (model,)), dataclasses.replace(PLAIN, **options))  # type: ignore[arg-type]


def test_unknown_format_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean sarif"):
        render("saarif", REPORT, PLAIN)


def test_formats_are_those_of_the_design() -> None:
    assert set(FORMATS) == set("full concise json jsonl sarif github gitlab junit markdown".split())


def test_plain_formats_import_no_rich_and_only_their_own_module() -> None:
    code = (
        "import sys\nfrom graphdoctor.render import *\nfrom graphdoctor.findings import Report\n"
        "from tests.render.sample import REPORT\n"
        "assert 'graphdoctor.render.full' not in sys.modules and 'json' not in sys.modules\n"
        "for f in FORMATS: render(f, REPORT, RenderOptions())\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'rich']\n"
        "render('full', REPORT, RenderOptions(color=True))\nassert 'rich.style' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_equal_findings_of_two_targets_are_one_group() -> None:
    groups = {g.head.code: g for g in group_findings(RESNET.findings)}
    add = groups["GDV001"]
    assert (add.targets, len(add.nodes), add.scopes, add.count) == (("trt3", "trt8-uff"), 16, 16, 16)
    assert add.message.startswith("AddV2 is newer")
    assert groups["GDS003"].ops == [("Const", 2), ("NoOp", 1), ("SaveV2", 1)]


def test_targets_of_a_group_stand_in_the_order_of_the_verdicts() -> None:
    def findings(*targets: str) -> tuple[Finding, ...]:
        return tuple(Finding("GDC001", "where", Severity.ERROR, t, "n", "Where", "is not supported") for t in targets)

    some = _full(dataclasses.replace(RESNET, findings=findings("rtx1.7", "trt8.6", "trt3")))
    every = _full(dataclasses.replace(RESNET, findings=findings(*(v.target for v in RESNET.verdicts))))
    assert "error GDC001 where  trt3, trt8.6, rtx1.7\n" in some
    assert "error GDC001 where  every target\n" in every


def _unsupported(node: str, target: str, op: str = "Add") -> Finding:
    return Finding("GDU001", "unsupported", Severity.ERROR, target, node, op, f"{op} is not supported")


def test_each_node_stands_in_one_group_with_all_its_targets() -> None:
    groups = group_findings([_unsupported("a", "trt3"), _unsupported("b", "trt3"), _unsupported("a", "trt4")])
    assert [(g.targets, g.nodes) for g in groups] == [(("trt3", "trt4"), ("a",)), (("trt3",), ("b",))]


def test_a_reason_is_one_blocker_however_its_nodes_are_spread_over_targets() -> None:
    findings = (_unsupported("a", "trt3"), _unsupported("b", "trt3", "Sub"), _unsupported("a", "trt8-uff"))
    for chosen in (("trt3",), ("trt3", "trt8-uff")):
        model = dataclasses.replace(RESNET, findings=findings, chosen=chosen)
        assert "✗ incompatible: 125 of 142 ops convert on trt3; 1 blocker, none fixable\n" in _full(model)


def test_one_reason_for_many_ops_is_one_group() -> None:
    (group,) = group_findings([_unsupported("a/x", "trt3", "Range"), _unsupported("b/y", "trt3", "Where")])
    assert group.message == "… is not supported"
    assert group.ops == [("Range", 1), ("Where", 1)]


def test_one_reason_has_the_same_words_wherever_it_stands() -> None:
    groups = group_findings([_unsupported("a", "trt3", "Range"), _unsupported("b", "trt4", "Where")])
    assert [(g.message, g.targets) for g in groups] == [
        ("… is not supported", ("trt3",)),
        ("… is not supported", ("trt4",)),
    ]


def test_the_reason_that_concerns_most_nodes_stands_first() -> None:
    found = [dataclasses.replace(_unsupported(n, "trt3"), message=f"{n[0]} differs") for n in ("a1", "b1", "b2")]
    (section,) = sections(group_findings(found))
    assert [groups[0].message for groups in section.reasons] == ["b differs", "a differs"]


def test_a_node_that_is_called_like_a_word_of_the_message_is_no_exception() -> None:
    (group,) = group_findings(
        [_unsupported("a/Squeeze", "trt3", "Squeeze"), _unsupported("Squeeze", "trt3", "Squeeze")]
    )
    assert group.message == "Squeeze is not supported"


def test_different_ops_with_the_same_message_but_for_their_node_keep_their_words() -> None:
    def found(node: str) -> Finding:
        return Finding("GDU001", "odd", Severity.ERROR, "", node, "Add", f"Add {node} reads itself")

    (group,) = group_findings([found("p/a"), found("p/b")])
    assert group.message == "Add … reads itself"


def _flat(scopes: int) -> tuple[Finding, ...]:
    """Reshapes below scopes that are called alike, which the message names."""
    said = "this Reshape [?,{0}] of scope 'flat_{0}' reads flat_{0}/shape"
    return tuple(
        Finding("GDU016", "odd", Severity.ERROR, "trt3", f"flat_{i}/Reshape", "Reshape", said.format(i))
        for i in range(scopes)
    )


def test_many_reasons_that_are_alike_are_one() -> None:
    assert len(group_findings(_flat(3))) == 3
    (group,) = group_findings(_flat(4))
    assert group.alike
    assert group.message == "this Reshape … of scope … reads …"
    assert group.count == 4
    assert "1 blocker" in _full(dataclasses.replace(LENET, findings=_flat(9)))


def test_reasons_that_are_alike_are_unfolded_with_the_nodes() -> None:
    text = _full(dataclasses.replace(LENET, findings=_flat(9)), show_nodes=True)
    assert all(f.message in " ".join(text.replace("│", " ").split()) for f in _flat(9))


def test_reasons_that_differ_in_words_are_not_alike() -> None:
    found = [dataclasses.replace(f, message=f"{word} {f.message}") for f, word in zip(_flat(6), "abcdef", strict=True)]
    assert len(group_findings(found)) == 6


def test_targets_of_one_parser_have_a_name_together() -> None:
    parsers = ["uff", "uff", "uff", "onnx", "onnx"]
    verdicts = tuple(TargetVerdict(f"t{i + 1}", Verdict.UNKNOWN, 0, 1, parser=p) for i, p in enumerate(parsers))
    model = dataclasses.replace(LENET, verdicts=verdicts)
    assert target_text(("t3", "t1", "t2", "t5"), model) == "every UFF target, t5"
    assert target_text(("t1", "t3", "t4", "t5"), model) == "t1, t3, t4, t5"
    assert target_text(("t1", "t2", "t3", "t4", "t5"), model) == "every target"
    assert target_text(("",), model) == ""


def test_many_targets_are_a_table() -> None:
    text = _full(dataclasses.replace(RESNET, chosen=()))
    assert "   target     verdict       ops converted  findings\n" in text
    assert "✗  trt3       incompatible     125 of 142  2 blockers, 1 fixable\n" in text
    assert "1 of 5 targets pass\n" in text


def test_a_reason_is_shown_where_no_finding_tells_it() -> None:
    assert "the shape of head/Reshape is not known" not in _full(RESNET)
    untold = dataclasses.replace(RESNET, findings=(), chosen=("trt8.6",))
    assert "could not be told\n  the shape of head/Reshape is not known\n" in _full(untold)
    table = _full(dataclasses.replace(RESNET, findings=(), chosen=()))
    assert "\n  trt8.6: the shape of head/Reshape is not known\n" in table


def test_several_models_end_in_a_line_for_each() -> None:
    text = render("full", REPORT, PLAIN)
    lines = [
        "✗  incompatible  0 of 3 targets pass        nets/resnet50_v2.pb",
        "✓  compatible    nothing stands in the way  nets/lenet.pb",
    ]
    assert "\n" + "\n".join(lines) + "\n" in text
    assert "  nets/lenet.pb" not in _full(LENET)


def test_nearest_is_said_for_each_where_it_differs() -> None:
    verdicts = [Verdict.INCOMPATIBLE, Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.COMPATIBLE]
    rows = tuple(TargetVerdict(f"t{i}", v, 1, 1) for i, v in enumerate(verdicts))
    text = _full(dataclasses.replace(LENET, verdicts=rows, chosen=("t0", "t2")))
    assert "  nearest that passes: t1 (for t0), t3 (for t2)\n" in text


def test_nodes_unfold_with_what_belongs_to_them() -> None:
    found = (
        dataclasses.replace(_unsupported("a", "trt3", "Range"), covers=("a", "a_in")),
        _unsupported("b", "trt3", "Where"),
    )
    text = _full(dataclasses.replace(LENET, findings=found), show_nodes=True)
    assert "│     Range a\n│       with a_in\n" in text
    assert "     Where b\n" in text


@pytest.mark.parametrize("format_", ["full", "markdown"])
def test_statistics_count_nodes_and_mark_what_can_be_fixed(format_: str) -> None:
    text = render(format_, REPORT, RenderOptions(statistics=True))
    row = next(line for line in text.splitlines() if "16" in line.split()[:2] and "GDV001" in line)
    assert row.replace("|", " ").split()[0] == "16"
    assert "tf112 (safe)" in row


@pytest.mark.parametrize(
    ("text", "node", "expected"),
    [
        ("a/b: is bad", "a/b", "…: is bad"),
        ("reads a/b:1 and a/b.", "a/b", "reads …:1 and …."),
        ("reads a/bc and xa/b", "a/b", "reads a/bc and xa/b"),
        ("a a/a a", "a", "… a/a …"),
        ("anything", "", "anything"),
        ("'a' of Cast", "a", "'…' of Cast"),
    ],
)
def test_without_node(text: str, node: str, expected: str) -> None:
    assert without_node(text, node) == expected


def test_examples_and_all_nodes() -> None:
    assert "resnet/stage_1/block_3/add and 13 more" in " ".join(_full(RESNET).replace("│", " ").split())
    unfolded = _full(RESNET, show_nodes=True)
    assert all(f.node in unfolded for f in RESNET.findings)
    assert "more" not in unfolded.partition("✗ incompatible")[0]


def test_many_messages_of_one_rule_are_counted() -> None:
    findings = tuple(
        Finding("GDN002", "range", Severity.WARNING, "", f"w{i}", "Const", f"reaches {i}e9, beyond FP16")
        for i in range(12)
    )
    model = dataclasses.replace(LENET, findings=findings)
    assert "… 7 further reasons (--show-nodes lists them)" in _full(model)
    assert "further" not in _full(model, show_nodes=True)


@pytest.mark.parametrize("format_", ["full", "concise", "github", "markdown"])
def test_a_clean_report_is_never_silent(format_: str) -> None:
    text = render(format_, Report("graphdoctor", (LENET,)), PLAIN).replace("**", "")
    assert "compatible: all 14 ops convert; nothing stands in the way" in text.replace(" on trt3;", ";")


@pytest.mark.parametrize("format_", ["full", "concise", "github", "markdown"])
def test_unknown_is_never_rounded(format_: str) -> None:
    verdict = TargetVerdict("trt3", Verdict.UNKNOWN, 14, 14, "no table row for LRN")
    text = render(format_, Report("graphdoctor", (dataclasses.replace(LENET, verdicts=(verdict,)),)), PLAIN)
    assert "unknown: all 14 ops convert; 1 thing could not be told" in text.replace(" on trt3;", ";")
    assert "nothing stands in the way" not in text


def test_nearest_target_that_passes() -> None:
    def model(*verdicts: Verdict) -> ModelReport:
        rows = tuple(TargetVerdict(f"t{i}", v, 1, 1) for i, v in enumerate(verdicts))
        return dataclasses.replace(LENET, verdicts=rows, chosen=("t2",))

    yes, no, unknown = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.UNKNOWN
    assert nearest_compatible(model(yes, yes, no, unknown, yes), "t2") == "t1"
    assert nearest_compatible(model(yes, no, no, no, yes), "t2") == "t4"
    assert nearest_compatible(model(no, unknown, no), "t2") == ""
    assert "no target passes as the model is" in _full(model(no, unknown, no))


def test_all_targets_are_chosen_when_none_is() -> None:
    text = _full(dataclasses.replace(RESNET, chosen=()))
    assert all(f"  {v.target} " in text for v in RESNET.verdicts)
    assert "all targets" not in text


def test_unsafe_fixes_are_never_in_the_safe_command() -> None:
    text = _full(RESNET)
    assert "graphdoctor fix nets/resnet50_v2.pb --rules tf112,clean\n" in text
    assert "graphdoctor fix nets/resnet50_v2.pb --rules tf112,clean,trt3 --unsafe-fixes\n" in text


def test_a_manual_fix_is_no_command() -> None:
    finding = Finding(
        "GDU011", "concat", Severity.ERROR, "trt3", "c", "ConcatV2", "bad", fix=Fix("cut", Safety.MANUAL, "trt3")
    )
    text = _full(dataclasses.replace(LENET, findings=(finding,)))
    assert "1 blocker, none fixable" in text
    assert "graphdoctor fix" not in text


def test_a_path_is_quoted_for_the_shell() -> None:
    assert "graphdoctor fix 'my  net;rm.pb' --rules" in _full(dataclasses.replace(RESNET, path="my  net;rm.pb"))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_lines_fit_the_width(width: int) -> None:
    lines = _full(RESNET, width=width, statistics=width > 60).splitlines()
    folded = [
        line for line in lines if "graphdoctor fix" not in line and max(map(len, line.split() or [""])) < width - 10
    ]
    assert max(map(len, folded)) <= width


@pytest.mark.parametrize("format_", ["full", "concise", "github", "markdown"])
def test_a_node_name_cannot_command_the_terminal(format_: str) -> None:
    text = render(format_, _hostile_report(), PLAIN)
    assert not {"\x1b", "\r", "\u202e"} & set(text)
    assert not any(line.startswith("::error title") for line in text.splitlines())
    text.encode("utf-8")


def test_ascii_streams_get_ascii() -> None:
    for name in FORMATS:
        assert render(name, _hostile_report(), RenderOptions(unicode=False)).isascii()


def test_a_worker_log_is_shown_without_its_colours() -> None:
    assert "[W] int64 weights" in render_error(CRASH, PLAIN)


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def _terminal(encoding: str = "utf-8") -> _Terminal:
    return _Terminal(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("env", "color"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal(env: dict[str, str], color: bool) -> None:
    assert options_for(_terminal(), env).color is color


def test_a_pipe_has_no_colour_unless_forced_and_eighty_columns() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert options_for(pipe, {}) == RenderOptions(width=80, color=False, unicode=False)
    assert options_for(pipe, {"FORCE_COLOR": "1", "COLUMNS": "132"}) == RenderOptions(132, color=True, unicode=False)
    assert options_for(_terminal("latin-1"), {}).unicode is False
    assert options_for(_terminal(), {"COLUMNS": "7"}).width == 40


@given(st.text(), st.integers(min_value=20, max_value=120))
def test_fold_keeps_every_word_and_the_width(text: str, width: int) -> None:
    for lead in (0, width // 2):
        lines = list(fold(text, width, lead))
        assert " ".join(lines).split() == text.split()
        assert all(cells(line) <= width or " " not in line for line in lines)
        assert cells(lines[0]) <= width - lead or not lead


@given(st.text())
def test_clean_text_is_printable(text: str) -> None:
    assert clean(text).isprintable()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_page_holds_the_lines_it_was_given(text: str) -> None:
    page = Page(PLAIN)
    page.line("<", text, ">")
    assert page.text() == f"<{clean(text)}>\n"


def test_wide_characters_take_two_cells() -> None:
    assert (cells("✓ \u00d7 … │"), cells("図"), cells("abc")) == (7, 2, 3)


def test_words_for_numbers() -> None:
    assert (plural(1, "node"), plural(1204, "node")) == ("1 node", "1,204 nodes")
    assert [size_text(n) for n in (0, 999, 1000, 999_960, 102_760_448)] == [
        "0 B",
        "999 B",
        "1.0 KB",
        "1.0 MB",
        "102.8 MB",
    ]
    assert [seconds_text(s) for s in (0.031, 0.0999, 9.96, 59.6, 125)] == [
        "31 ms",
        "0.1 s",
        "10 s",
        "1 min 0 s",
        "2 min 5 s",
    ]


def test_hostile_names_are_spelled_out() -> None:
    assert "\\x1b[31m\\r\\n" in render("concise", _hostile_report(), PLAIN)
    assert "\\u202e\\udc80" in clean(HOSTILE)
