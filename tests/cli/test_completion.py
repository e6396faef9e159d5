"""Shell completion: the script in a real shell, and what it offers where."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor.cli.completing import script
from graphdoctor.targets import all_target_names
from tests.cli.program import call

ROOT = Path(__file__).parents[2]
ASK = """
source {script}
COMP_WORDS=({words})
COMP_CWORD={at}
_graphdoctor_completion graphdoctor
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p graphdoctor
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the program first in its path, and the script of bash."""
    program = tmp_path / "graphdoctor"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m graphdoctor "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(script("bash"))
    return tmp_path


def offered(folder: Path, *words: str) -> list[str]:
    """What a real bash offers for the last of ``words``."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    quoted = " ".join(f"'{w}'" for w in ("graphdoctor", *words))
    text = ASK.format(script=folder / "script", words=quoted, at=len(words))
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([bash, "--norc", "-c", text], env=env, capture_output=True, text=True, cwd=folder)
    assert done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("complete ")
    return [line for line in lines[:-1] if line]


@pytest.mark.slow
def test_bash(folder: Path) -> None:
    """Commands, options, targets, codes with and without others before them, packs, formats, shells."""
    assert offered(folder, "che") == ["check"]
    assert "--target" in offered(folder, "check", "--")
    assert offered(folder, "check", "--target", "trt3,rtx") == ["trt3,rtx1.7"]
    assert offered(folder, "check", "--target", "trt8.") == [n for n in all_target_names() if n.startswith("trt8.")]
    assert offered(folder, "check", "-t", "al") == ["all"]
    assert offered(folder, "check", "--select", "GDU00") == [f"GDU{n:03}" for n in range(1, 10)]
    assert offered(folder, "check", "--ignore", "GDU001,gdx") == [
        f"GDU001,{code}" for code in ["GDX", *sorted(p.stem for p in (ROOT / "rules" / "checks").glob("GDX*.toml"))]
    ]
    assert offered(folder, "explain", "GDV00")[:2] == ["GDV001", "GDV002"]
    assert offered(folder, "fix", "--rules", "tf112,fo") == ["tf112,fold"]
    assert offered(folder, "check", "--format", "js") == ["json", "jsonl"]
    assert offered(folder, "completion", "z") == ["zsh"]
    assert offered(folder, "convert", "--to", "on") == ["onnx"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script(shell: str) -> None:
    """What is printed is click's own script for that shell, about graphdoctor."""
    done = call("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert f"_GRAPHDOCTOR_COMPLETE={shell}_complete" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    file = tmp_path / "script"
    file.write_text(script(shell))
    done = subprocess.run([found, "-n", str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_unknown_shell() -> None:
    done = call("completion", "bsh")
    assert done.code == 2
    assert "Did you mean bash?" in done.err
