"""What killed runs leave: removed where nobody holds it, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor.leftovers import hold, sweep, temporary_name


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(folder: Path) -> list[str]:
    sweep.cache_clear()
    sweep(str(folder))
    return sorted(p.name for p in folder.iterdir())


def test_files_and_folders_of_the_dead_go(tmp_path: Path, dead: int) -> None:
    (tmp_path / f".graphdoctor-{dead}-ab12").write_bytes(b"half")
    folder = tmp_path / f"graphdoctor-{dead}-cd_34"
    folder.mkdir()
    (folder / "graph.pb").write_bytes(b"copy")
    assert left(tmp_path) == []


def test_what_lives_stays(tmp_path: Path) -> None:
    (tmp_path / f".{temporary_name()}").write_bytes(b"being written")
    assert len(left(tmp_path)) == 1


def test_what_is_held_stays_though_no_process_has_the_number(tmp_path: Path, dead: int) -> None:
    """As in another container."""
    path = tmp_path / f".graphdoctor-{dead}-ab12"
    with path.open("wb") as file:
        hold(file.fileno())
        assert left(tmp_path) == [path.name]
    assert left(tmp_path) == []


def test_other_names_and_links_stay(tmp_path: Path, dead: int) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / f".graphdoctor-{dead}-ab12").symlink_to("mine")
    (tmp_path / "graphdoctor-rules").mkdir()
    (tmp_path / f".graphdoctor-{dead}.pb").touch()
    assert len(left(tmp_path)) == 4
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")
def test_what_is_of_others_stays(tmp_path: Path, dead: int) -> None:
    path = tmp_path / f"graphdoctor-{dead}-ab12"
    path.mkdir()
    os.chown(path, 65534, 65534)
    assert left(tmp_path) == [path.name]
