"""Generated pages are those that the records give; links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, page_paths
from tools import docs

LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


@pytest.fixture(scope="module")
def made() -> docs.Pages:
    """The pages as they are to be."""
    return docs.pages()


def test_committed_pages_are_up_to_date() -> None:
    """The command that CI and people run."""
    done = subprocess.run([sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"run make docs\n{done.stderr}"


def test_difference_is_found(made: docs.Pages, tmp_path: Path) -> None:
    """Written pages agree; a changed, a missing and a left-over page do not, and writing mends all three."""
    docs.write(made, tmp_path)
    assert not list(docs.differences(made, tmp_path))
    cli, packs, old = tmp_path / "cli.md", tmp_path / "packs.md", tmp_path / "rules" / "GDS999.md"
    cli.write_text(cli.read_text() + "by hand\n")
    packs.unlink()
    old.write_text("gone\n")
    diffs = list(docs.differences(made, tmp_path))
    assert ["cli.md" in diffs[0], "packs.md" in diffs[1], "GDS999" in diffs[2]] == [True] * 3
    assert "-by hand" in diffs[0]
    docs.write(made, tmp_path)
    assert not list(docs.differences(made, tmp_path))
    assert not old.exists()


def test_same_pages_twice(made: docs.Pages) -> None:
    """No order of a set or dict shows."""
    code = "import sys; from tools import docs; sys.stdout.write(repr(sorted(docs.pages().items())))"
    env = {"PYTHONHASHSEED": "7", "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env)
    assert done.stdout == repr(sorted(made.items())), done.stderr


def test_help_pages_fit(made: docs.Pages) -> None:
    """Every command's help is there, no wider than it was asked for."""
    page = made["cli.md"]
    assert [f"## {name}" in page for name in docs.COMMANDS] == [True] * len(docs.COMMANDS)
    assert max(len(line) for line in page.splitlines()) <= docs.HELP_WIDTH


@pytest.mark.parametrize("path", page_paths(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links(path: Path) -> None:
    """Relative links name files of the repository, and headings that those have."""
    for found in LINK.finditer(_without_code(path.read_text(encoding="utf-8"))):
        target = (path.parent / found["path"]).resolve() if found["path"] else path
        assert target.exists(), found[0]
        if found["anchor"]:
            assert found["anchor"] in _anchors(target.read_text(encoding="utf-8")), found[0]


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _anchors(text: str) -> set[str]:
    """Headings as GitHub names them in links."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
