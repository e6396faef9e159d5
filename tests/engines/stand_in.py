"""Installing the stand-in for ``tensorrt`` where worker processes find it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graphdoctor.engines.uff import VARIABLE

STAND_IN = Path(__file__).with_name("stand_in_tensorrt.py")
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a stand-in of a release for worker processes; gives the file of its calls."""

    def made(release: str, does: str = "") -> Path:
        folder, calls = tmp_path / "site", tmp_path / "calls"
        folder.mkdir(exist_ok=True)
        (folder / "tensorrt.py").write_text(STAND_IN.read_text())
        for name, value in {"PYTHONPATH": folder, "STANDIN_RELEASE": release, "STANDIN_CALLS": calls}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setenv("STANDIN_DOES", does)
        monkeypatch.delenv(VARIABLE, raising=False)
        return calls

    return made
