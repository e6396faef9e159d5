"""graphdoctor check in a folder of its own, with what it needs to choose among findings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.config import discovery
from tests.cli.program import Done, call

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
NAMES = ("demo", "every_fault", "lstm_unrolled", "cnn_tf1_nhwc")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with net.pb in it."""
    monkeypatch.chdir(tmp_path)
    forget()
    shutil.copy(GRAPHS / "demo.pb", "net.pb")
    return tmp_path


def forget() -> None:
    """Read configuration again, as another run does."""
    discovery.nearest_file.cache_clear()
    discovery._extended.cache_clear()


def check(*words: str | Path) -> Done:
    forget()
    return call("check", "--no-live", "--no-cache", *words)


def report(*words: str | Path) -> Any:
    """The only model of the JSON report."""
    (model,) = json.loads(check("--format", "json", *words).out)["models"]
    return model


def codes(*words: str | Path) -> set[str]:
    return {f["code"] for f in report(*words)["findings"]}


def put(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
