"""--config, --isolated and the user's own file, in every command that reads a configuration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graphdoctor.cli.completing import _codes, _families, _selectors
from tests.cli.choosing import GRAPHS, forget, here, put
from tests.cli.program import Done, call, helped

__all__ = ["here"]
CUT = '[models."mlp*.pb"]\ninputs = "fc1/Relu:float32[?,128]"\n'
RULE = '[[rule]]\ncode = "ACME001"\nname = "no-relu"\nop = "Relu*"\nmessage = "{node} clips"\n'
BAD = "# expect: y\nx = Placeholder {dtype: float32, shape: shape[1,8]}\ny = Relu6(x)\ninputs: x\noutputs: y\n"
GOOD = BAD.replace("Relu6", "Tanh").replace("# expect: y\n", "")


@pytest.fixture(autouse=True)
def mlp() -> None:
    """A model that the configurations here cut behind its first layer."""
    shutil.copy(GRAPHS / "mlp.pb", "mlp.pb")


def run(*words: str | Path) -> Done:
    forget()
    return call(*words)


COMMANDS = {
    "convert": ["convert", "mlp.pb", "--to", "onnx", "-o", "o.onnx", "--text"],
    "fix": ["fix", "mlp.pb", "--rules", "clean,fold", "--diff"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_given_file_and_none(command: str) -> None:
    """The nearest file, another one, a key, or none at all: only what is read cuts the graph."""
    words = COMMANDS[command]
    plain = run(*words)
    put("cut.toml", CUT)
    given = run(*words, "--config", "cut.toml")
    assert (given.code, given.out) != (plain.code, plain.out)
    put("graphdoctor.toml", CUT)
    assert run(*words) == given
    assert run(*words, "--isolated") == plain
    assert run(*words, "--config", 'models={"other.pb"={inputs="x"}}') == given
    assert "reads no configuration" in helped(run(*words, "--isolated", "--config", "cut.toml"))
    assert "there is no key 'selct'" in helped(run(*words, "--config", "selct=x"))
    assert "missing.toml: cannot be read" in helped(run(*words, "--config", "missing.toml"))


@pytest.mark.parametrize("command", ["check", "fix", "convert", "build", "verify", "cure", "diff", "explain", "rules"])
def test_every_command_that_reads_one_has_both(command: str) -> None:
    said = run(command, "--help").out
    assert "--config FILE|KEY=VALUE" in said
    assert "--isolated" in said


def test_rules_and_explain_know_a_given_file() -> None:
    put("acme.toml", RULE)
    assert "ACME001" not in run("rules").out
    assert "ACME001" in run("rules", "--config", "acme.toml").out
    assert "no-relu" in run("explain", "ACME001", "--config", "acme.toml").out
    put("graphdoctor.toml", RULE)
    assert "ACME001" in run("rules").out
    assert "ACME001" not in run("rules", "--isolated").out
    helped(run("explain", "ACME001", "--isolated"))


# The user's own file


@pytest.fixture
def users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its place, where nothing is yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    file = tmp_path / "home" / "graphdoctor" / "graphdoctor.toml"
    file.parent.mkdir(parents=True)
    return file


def settings() -> str:
    return run("check", "mlp.pb", "--show-settings").out


def test_the_users_own_file_is_for_models_of_no_project(users_own: Path) -> None:
    assert "no configuration was found" in settings()
    users_own.write_text('target = "trt5"\nbaseline = "b.json"\n')
    Path("b.json").write_text('{"version": 1, "models": {}}')
    assert 'target = ["trt5"]' in settings()
    assert "# read: home/graphdoctor/graphdoctor.toml" in settings()
    assert "the baseline says nothing" in run("check", "mlp.pb", "--no-live").err  # b.json of the working folder
    assert 'target = ["trt3"]' in run("check", "mlp.pb", "--show-settings", "--isolated").out
    put("graphdoctor.toml", "")
    assert 'target = ["trt3"]' in settings()
    assert "home/graphdoctor" not in settings()


def test_the_users_own_file_is_no_less_checked(users_own: Path) -> None:
    users_own.write_text("selct = []")
    assert "home/graphdoctor/graphdoctor.toml:1: there is no key 'selct'" in helped(run("check", "mlp.pb"))
    users_own.write_text(RULE)
    assert "ACME001" in run("rules").out


def test_where_the_users_own_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, users_own: Path) -> None:
    """In ~/.config where the variable is not set or, against its standard, relative; nowhere without a home."""
    users_own.write_text('target = "trt5"\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "home").rename(tmp_path / ".config")
    for value in (None, "", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value) if value is not None else monkeypatch.delenv("XDG_CONFIG_HOME")
        assert 'target = ["trt5"]' in settings()
    monkeypatch.setenv("HOME", "/proc/nobody")
    assert "no configuration was found" in settings()


# Rules of the configuration, for those who write them


def test_rules_of_a_configuration_are_tried() -> None:
    put("pyproject.toml", RULE.replace("[[rule]]", "[[tool.graphdoctor.rule]]"))
    done = run("test-rules", ".")
    assert (done.code, done.out.count("there is no fixtures/ACME001/")) == (1, 2)
    folder = Path("fixtures/ACME001")
    folder.mkdir(parents=True)
    (folder / "bad.gdt").write_text(BAD)
    (folder / "good.gdt").write_text(GOOD)
    assert run("test-rules", ".").out == "ok    ACME001  bad\nok    ACME001  good\n2 trials, 0 failed\n"
    (folder / "near.gdt").write_text(BAD)
    assert "FAIL  ACME001  near" in run("test-rules", ".").out
    (folder / "near.gdt").write_text(GOOD.replace("Tanh", "Relu"))
    assert "found at y, where nothing is expected" in run("test-rules", ".").out


def test_rules_of_another_configuration() -> None:
    """One farther up is about more than a folder of rules; one that is given is tried."""
    put("graphdoctor.toml", RULE)
    Path("inner").mkdir()
    assert "no configuration with a [[rule]]" in helped(run("test-rules", "inner"))
    assert "there is no fixtures/ACME001/bad.gdt" in run("test-rules", "inner", "--config", "graphdoctor.toml").out
    helped(run("test-rules", ".", "--isolated"))


def test_a_shell_is_offered_rules_of_the_configuration() -> None:
    assert "ACME001" not in _codes()
    put("graphdoctor.toml", RULE)
    forget()
    assert "ACME001" in _codes()
    assert {"ACME", "ACME001", "GDU", "GDU001", "ALL"} <= set(_selectors())
    assert {"U", "O"} <= set(_families())
    assert all(len(letter) == 1 for letter in _families())
    put("graphdoctor.toml", "selct = [")
    forget()
    assert "GDU001" in _codes()


def test_reports_depend_on_the_users_own_file(users_own: Path, tmp_path: Path) -> None:
    """What was kept before is not shown after a change of it."""
    words = ["check", "mlp.pb", "--no-live", "--cache-dir", tmp_path / "kept", "--format", "json"]
    before = json.loads(run(*words).out)["models"][0]["chosen"]
    users_own.write_text('target = "trt5"\n')
    after = json.loads(run(*words).out)["models"][0]["chosen"]
    assert (before, after) == (["trt3"], ["trt5"])
