"""Every command and every YAML block that the pages show does what it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphdoctor.cli import COMMANDS, cli
from graphdoctor.config import Given, requests_for
from graphdoctor.config.schema import json_schema
from graphdoctor.flows.check import check_model
from graphdoctor.flows.plan import planner
from graphdoctor.resources import load_toml
from graphdoctor.wire.uff import uff_bytes
from tests.docs.markdown import ROOT, Command, blocks, commands, write_page
from tests.wire.uff.models import convolution

SHOWN = commands()
PROGRAMS = {"graphdoctor": "graphdoctor.cli", "convert-to-uff": "graphdoctor.cli.convert_to_uff"}
"""Our programs, and the modules whose ``main`` they are."""
OURS = [c for c in SHOWN if c.words[0] in PROGRAMS]
KWS = ROOT.parent / "shared" / "corpus" / "pb" / "kws_dnn_m.pb"
CONFIG = """import graphsurgeon as gs

def preprocess(graph):
    graph.forward_inputs(graph.find_nodes_by_op("Identity"))
"""
BUILD_ENGINE = """import sys
import graphsurgeon as gs
import tensorflow as tf

print(len(gs.DynamicGraph(sys.argv[1])), tf.float32.name)
"""
OWN = "docs/writing-rewrites.md"
"""Its commands run among the files that it makes."""
MAY_EXIT_WITH = {"check": (0, 1)}
NEEDS = {"verify": ("tensorflow",), "cure": ("tensorflow", "engine"), "build": ("engine",)}


def _case(command: Command) -> Any:
    marks = [getattr(pytest.mark, name) for name in NEEDS.get(command.words[1], ())]
    return pytest.param(command, id=f"{command.page}: {command.text}", marks=marks)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands name, and a ``graphdoctor`` that is this checkout."""
    folder = tmp_path_factory.mktemp("pages")
    demo = ROOT / "fixtures" / "graphs" / "demo.pb"
    for name in ("model.pb", "old.pb", "nets/net.pb", "models/net.pb"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(demo, folder / name)
    for name in ("model.uff", "old.uff", "new.uff"):
        (folder / name).write_bytes(uff_bytes(convolution()))
    (folder / "config.py").write_text(CONFIG)
    (folder / "build_engine.py").write_text(BUILD_ENGINE)
    write_page(OWN, folder / "own")
    (folder / "own" / "acme" / "acme_rewrites" / "__init__.py").touch()
    shutil.copy(demo, folder / "own" / "model.pb")
    if KWS.is_file():
        shutil.copy(KWS, folder / "kws.pb")
    (folder / "bin").mkdir()
    for name, module in PROGRAMS.items():
        program = folder / "bin" / name
        start = f"from {module} import main; main()"
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -c "{start}" "$@"\n')
        program.chmod(0o755)
    return folder


def _run(text: str, models: Path, folder: str = "") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PATH": f"{models / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", text], cwd=models / folder, env=env, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.xdist_group("pages")
@pytest.mark.parametrize("command", [_case(c) for c in OURS])
def test_shown_command_runs(command: Command, models: Path) -> None:
    """As typed in a shell; what it is piped into is not ours."""
    text = command.text.partition(" | ")[0]
    if "kws.pb" in text and not (models / "kws.pb").exists():
        pytest.skip(f"{KWS.name}, the keyword-spotting graph, is not on this machine")
    if "model.onnx" in text and command.words[1] != "convert":
        made = _run("graphdoctor convert model.pb --to onnx -o model.onnx", models)
        assert made.returncode == 0, made.stderr
    if "--baseline accepted.json" in text:
        made = _run(text.replace("--baseline", "--write-baseline"), models)
        assert made.returncode == 0, made.stderr
    done = _run(text, models, "own" if command.page == OWN else "")
    assert done.returncode in MAY_EXIT_WITH.get(command.words[1], (0,)), f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_pages_show_commands() -> None:
    """The pages were read: those of the README are among them."""
    assert {c.words[1] for c in OURS if c.page == "README.md"} >= {"check", "fix", "convert", "build", "verify", "cure"}


@pytest.mark.parametrize("command", [c for c in SHOWN if c not in OURS], ids=lambda c: c.text)
def test_other_shown_command_is_known(command: Command) -> None:
    """``pip install`` names extras that exist, ``make`` targets that exist; no other program is shown."""
    if command.words[0] == "pip":
        named = {e for found in re.findall(r"\[([\w,]+)\]", command.text) for e in found.split(",")}
        assert named <= set(load_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"])
    else:
        assert command.words[0] == "make"
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert set(command.words[1:]) <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("text", [t for page, t in blocks("toml") if page == "docs/configuration.md"])
def test_configuration_example(text: str, tmp_path: Path) -> None:
    """It says in its first line which file it is, and can be read as that."""
    name = text.splitlines()[0].removeprefix("# ")
    (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "fixtures" / "graphs" / "demo.pb", tmp_path / "model.pb")
    (request,) = requests_for([str(tmp_path / "model.pb")], Given())
    assert str(tmp_path / name) in (*request.settings.files, request.sidecar)
    assert check_model(request.path, replace(planner()(request), live=False)).verdicts


def test_table_of_keys_is_complete() -> None:
    """The page names every key of the configuration, and none that does not exist."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = page.partition("## Keys")[2].partition("\n\n`--select`")[0]
    named = {w for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for w in re.findall(r"`([^`]+)`", row)}
    assert named == set(json_schema("config")["$defs"]["ConfigFile"]["properties"])


def test_table_of_commands_is_complete() -> None:
    """The README's table names every command, and none that does not exist."""
    table = re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {re.findall(r"[\w-]+", word)[0] for row in table for word in re.findall(r"`([^`]+)`", row)}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("text", [text for _, text in blocks("yaml")], ids=[page for page, _ in blocks("yaml")])
def test_yaml_block(text: str) -> None:
    """It is YAML; hooks exist, and their arguments are options of the command that they run."""
    data = yaml.safe_load(text)
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for repo in data.get("repos", []) if isinstance(data, dict) else []:
        for hook in repo["hooks"]:
            entry = hooks[hook["id"]]["entry"].split()
            _parse(entry[1], [*entry[2:], *hook.get("args", hooks[hook["id"]].get("args", [])), "model.pb"])


def _parse(command: str, words: list[str]) -> None:
    """Let click read ``words`` without running anything; raises for an option that does not exist."""
    parent = cli.make_context("graphdoctor", [command])
    found = cli.get_command(parent, command)
    assert found is not None
    found.make_context(command, list(words), parent=parent)
