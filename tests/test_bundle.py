"""Rule files as they were parsed before: the same as the files, read again when one changes, and never an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.bundle import Bundle
from graphdoctor.resources import rules_dir, toml_of


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two files."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = tmp_path / "rules"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.toml").write_text("x = [1, 2.5, true]\ny = inf")
    (folder / "deep" / "b.toml").write_text('[t]\ntext = "ä"')
    (folder / "other.txt").write_text("x")
    return folder


def parse(path: Path) -> dict[str, Any]:
    return toml_of(path.read_text(encoding="utf-8"))


def bundle(rules: Path) -> Bundle:
    return Bundle(rules, parse, rules.parent / "cache")


def kept(rules: Path) -> list[Path]:
    return sorted((rules.parent / "cache").glob("*"))


def test_the_second_run_parses_nothing(rules: Path) -> None:
    assert bundle(rules).get(rules / "a.toml") is None
    assert len(kept(rules)) == 1
    again = bundle(rules)
    for path in (rules / "a.toml", rules / "deep" / "b.toml"):
        assert again.get(path) == parse(path)
    assert again.get(rules / "c.toml") is None


def test_what_is_given_is_the_callers_own(rules: Path) -> None:
    bundle(rules)
    again = bundle(rules)
    again.get(rules / "a.toml")["x"].append(3)
    assert again.get(rules / "a.toml") == parse(rules / "a.toml")


@pytest.mark.parametrize("change", ["content", "time", "new file", "gone file"])
def test_a_change_is_seen(change: str, rules: Path) -> None:
    bundle(rules)
    if change == "content":
        (rules / "a.toml").write_text("x = 7")
    elif change == "time":
        os.utime(rules / "a.toml", (1, 1))
    elif change == "new file":
        (rules / "c.toml").write_text("z = 1")
    else:
        (rules / "deep" / "b.toml").unlink()
    assert bundle(rules).get(rules / "a.toml") is None
    assert len(kept(rules)) == 2
    assert bundle(rules).get(rules / "a.toml") == parse(rules / "a.toml")


@pytest.mark.parametrize("content", [b"", b"\x81", b"nothing of ours", b"\x81\xa1a\xc1"])
def test_a_damaged_bundle_is_none(content: bytes, rules: Path) -> None:
    bundle(rules)
    kept(rules)[0].write_bytes(content)
    assert bundle(rules).get(rules / "a.toml") is None
    assert bundle(rules).get(rules / "a.toml") == parse(rules / "a.toml")


def test_no_flipped_byte_is_believed(rules: Path) -> None:
    """Decoded all the same, one would be another limit of a target."""
    bundle(rules)
    (place,) = kept(rules)
    whole = place.read_bytes()
    for at in range(len(whole)):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert bundle(rules).get(rules / "a.toml") is None, at


def test_the_cache_folder_is_the_users_alone(rules: Path) -> None:
    Bundle(rules, parse, rules.parent / "home" / "rules")
    assert (rules.parent / "home").stat().st_mode & 0o077 == 0


def test_old_bundles_go(rules: Path) -> None:
    for count in range(9):
        (rules / "a.toml").write_text(f"x = {'1' * (count + 1)}")
        bundle(rules)
    assert 0 < len(kept(rules)) <= 4


def test_a_folder_that_cannot_be_made_is_no_error(rules: Path) -> None:
    (rules.parent / "cache").write_text("a file")
    assert bundle(rules).get(rules / "a.toml") is None
    assert Bundle(rules, parse, None).get(rules / "a.toml") is None


def test_nothing_is_kept_where_python_keeps_nothing(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    bundle(rules)
    assert kept(rules) == []


def test_a_file_that_is_no_toml_is_told_by_whoever_reads_it(rules: Path) -> None:
    (rules / "a.toml").write_text("x = ")
    assert bundle(rules).get(rules / "a.toml") is None
    assert kept(rules) == []


def test_all_that_ships_fits_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    Bundle(rules_dir(), parse, tmp_path)
    again = Bundle(rules_dir(), parse, tmp_path)
    files = sorted(rules_dir().rglob("*.toml"))
    assert files
    for path in files:
        assert again.get(path) == parse(path), path
