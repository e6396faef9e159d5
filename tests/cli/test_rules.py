"""graphdoctor rules: the table."""

from __future__ import annotations

import json
import re

import click
import pytest
from click.testing import CliRunner, Result

from graphdoctor.cli import COMMANDS, cli
from graphdoctor.errors import InputError
from graphdoctor.lint import load_rules
from graphdoctor.targets import all_target_names


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["rules", *words], terminal_width=80)


def _codes(*words: str) -> list[str]:
    return [row["code"] for row in json.loads(_run(*words, "--format", "json").output)]


def test_table_has_every_rule() -> None:
    """In the order of the codes, with the count below."""
    result = _run()
    rules = load_rules()
    assert result.exit_code == 0
    starts = [line.split()[0] for line in result.output.splitlines() if line.startswith("GD")]
    assert starts == [r.code for r in rules] == sorted(starts)
    assert result.output.splitlines()[-1].startswith(f"{len(rules)} rules;")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_table_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a narrow terminal the summaries stand below, and none is lost."""
    monkeypatch.setenv("COLUMNS", str(width))
    output = _run().output
    assert max(map(len, output.splitlines())) <= width
    words = " ".join(output.split())
    assert all(r.summary in words for r in load_rules())
    assert [line.split()[0] for line in output.splitlines() if line.startswith("GD")] == [r.code for r in load_rules()]


def test_fix_is_marked() -> None:
    """[*] for a safe fix, [!] for an unsafe one."""
    lines = {line.split()[0]: line for line in _run().output.splitlines() if line.startswith("GD")}
    for rule in load_rules():
        if rule.fix is not None:
            mark = {"safe": "[*]", "unsafe": "[!]"}.get(rule.fix.safety, "")
            assert mark in lines[rule.code]


def test_json_rows() -> None:
    """The same rules as data."""
    rows = {row["code"]: row for row in json.loads(_run("--format", "json").output)}
    assert list(rows) == [r.code for r in load_rules()]
    row = rows["GDV001"]
    assert (row["name"], row["severity"], row["default"]) == ("add-v2", "error", True)
    assert row["fix"]["safety"] == "safe"


def test_rules_of_a_target() -> None:
    """Those about every target stay; those about the other parser go."""
    uff, onnx = _codes("--target", "trt3"), _codes("--target", "rtx1.7")
    assert "GDU001" in uff
    assert "GDU001" not in onnx
    assert "GDO001" in onnx
    assert "GDO001" not in uff
    everywhere = {r.code for r in load_rules() if r.targets is None}
    assert everywhere <= set(uff) & set(onnx)


def test_every_rule_is_about_a_target() -> None:
    """A rule that no target can break is dead."""
    found = {code for name in all_target_names() for code in _codes("--target", name)}
    assert found == {r.code for r in load_rules()}


def test_unknown_target() -> None:
    """The nearest is offered."""
    result = _run("--target", "trt33")
    assert isinstance(result.exception, InputError)
    assert "trt3" in result.exception.remedy


def test_selected_rules() -> None:
    """By prefix, by name, by family; together they narrow."""
    assert set(_codes("--select", "GDU00")) == {r.code for r in load_rules() if r.code.startswith("GDU00")}
    assert _codes("--select", "add-v2,GDU001") == ["GDU001", "GDV001"]
    assert {c[2] for c in _codes("--family", "v")} == {"V"}
    assert _codes("--family", "V", "--select", "GDU") == []
    narrowed = _codes("--family", "U", "--target", "trt3")
    assert set(narrowed) == set(_codes("--family", "U")) & set(_codes("--target", "trt3"))


def test_unknown_selection() -> None:
    """The nearest is offered, or what there is."""
    assert "add-v2" in _run("--select", "ad-v2").exception.remedy  # type: ignore[union-attr]
    assert "F (file and format)" in _run("--family", "Q").exception.remedy  # type: ignore[union-attr]


FOREIGN = {"--minShapes", "--optShapes", "--maxShapes", "--uffNHWC", "--opset"}
"""Options of trtexec and tf2onnx."""


def test_rules_speak_of_options_that_exist() -> None:
    """What a rule tells people to do is something that they can do."""
    context = click.Context(cli)
    commands = [command for name in COMMANDS if (command := cli.get_command(context, name)) is not None]
    known = {word for c in commands for p in c.params for word in (*p.opts, *p.secondary_opts)} | FOREIGN
    for rule in load_rules():
        said = re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", f"{rule.remedy} {rule.why} {rule.message}")
        assert set(said) <= known, rule.code
