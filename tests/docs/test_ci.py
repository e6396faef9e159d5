"""The recipes of docs/ci.md: YAML as the services read it, and every command of theirs run."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.program import call
from tests.docs.markdown import ROOT, blocks

RECIPES = {text.splitlines()[0]: yaml.safe_load(text) for page, text in blocks("yaml") if page == "docs/ci.md"}
WORKFLOW: dict[str, Any] = RECIPES["# .github/workflows/models.yml"]
PIPELINE: dict[str, Any] = RECIPES["# .gitlab-ci.yml"]
COMMANDS = [
    *(step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step),
    *PIPELINE["graphdoctor"]["before_script"],
    *PIPELINE["graphdoctor"]["script"],
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with models."""
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "fixtures" / "graphs" / "demo.pb", tmp_path / "models")
    shutil.copy(ROOT / "fixtures" / "graphs" / "mlp.pb", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, project: Path) -> None:
    """Each writes the files that the recipe hands on."""
    words = command.split()
    if words[0] == "pip":
        assert words == ["pip", "install", "graphdoctor"]
        return
    assert words[0] == "graphdoctor"
    done = call(*words[1:])
    assert done.code in (0, 1), done.err
    for word in words:
        name, colon, file = word.partition(":")
        if colon and name == "sarif":
            assert json.loads((project / file).read_text())["version"] == "2.1.0"
        elif colon and name == "gitlab":
            assert isinstance(json.loads((project / file).read_text()), list)
        elif colon and name == "junit":
            assert ElementTree.parse(project / file).getroot().tag == "testsuites"


def test_what_is_handed_on_is_what_is_written() -> None:
    """The names of the files stand twice in each recipe."""
    written = {w.partition(":")[2] for c in COMMANDS for w in c.split() if ":" in w}
    reports = PIPELINE["graphdoctor"]["artifacts"]["reports"]
    upload = next(s for s in WORKFLOW["jobs"]["check"]["steps"] if "upload-sarif" in s.get("uses", ""))
    assert written == {*reports.values(), upload["with"]["sarif_file"]}
