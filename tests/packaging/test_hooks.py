"""The hooks of ``.pre-commit-hooks.yaml``, run by pre-commit in a repository of their own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.packaging.programs import DEMO, ROOT, Done, must, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]
SHIPPED = ("graphdoctor", "rules", "fixtures/rules", "pyproject.toml", ".pre-commit-hooks.yaml")
PAGES = ("README.md", "CHANGELOG.md", "LICENSE")
CONFIG = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: graphdoctor-check
        args: [--target, rtx1.7, --no-live]
      - id: graphdoctor-fix
        stages: [manual]
      - id: graphdoctor-check-config
"""
LFS_POINTER = """\
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 102540281
"""
GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture(scope="module")
def hook_source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with the working tree as it is now, and its commit."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*SHIPPED, *PAGES):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    must([*GIT, "init", "--quiet"], folder)
    must([*GIT, "add", "--all", "--force"], folder)
    must([*GIT, "commit", "--quiet", "--message", "all"], folder)
    return folder, must([*GIT, "rev-parse", "HEAD"], folder).stdout.strip()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where pre-commit keeps the environments that it makes; made once for all tests here."""
    return {"PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture
def repository(hook_source: tuple[Path, str], home: dict[str, str], tmp_path: Path) -> Path:
    """A user's repository with the hooks installed."""
    folder = tmp_path / "repository"
    folder.mkdir()
    source, rev = hook_source
    must([*GIT, "init", "--quiet"], folder)
    (folder / ".pre-commit-config.yaml").write_text(CONFIG.format(repo=source, rev=rev))
    must([sys.executable, "-m", "pre_commit", "install"], folder, home)
    return folder


def _commit(repository: Path, home: dict[str, str]) -> Done:
    must([*GIT, "add", "--all"], repository)
    return run([*GIT, "commit", "--message", "a model"], repository, home)


def _manual(repository: Path, home: dict[str, str]) -> Done:
    words = ["run", "--all-files", "--hook-stage", "manual", "graphdoctor-fix"]
    return run([sys.executable, "-m", "pre_commit", *words], repository, home)


def test_bad_graph_stops_the_commit(repository: Path, home: dict[str, str]) -> None:
    """Its findings are shown, and nothing is committed."""
    shutil.copy(ROOT / "fixtures" / "graphs" / "every_fault.pb", repository / "bad.pb")
    done = _commit(repository, home)
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "hook id: graphdoctor-check" in text
    assert "exit code: 1\n" in text
    assert "bad.pb" in text
    assert run(["git", "rev-parse", "HEAD"], repository).returncode != 0


def test_good_graph_is_committed(repository: Path, home: dict[str, str]) -> None:
    """The hook says that it passed."""
    shutil.copy(ROOT / "fixtures" / "graphs" / "mlp.pb", repository / "good.pb")
    done = _commit(repository, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout + done.stderr


def test_lfs_pointer_is_named(repository: Path, home: dict[str, str]) -> None:
    """Not called a damaged model."""
    (repository / "model.pb").write_text(LFS_POINTER)
    done = _commit(repository, home)
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "exit code: 2\n" in text
    assert "model.pb" in text
    assert "LFS" in text
    assert "git lfs pull" in " ".join(text.split())


def test_fix_hook_shows_and_writes_nothing(repository: Path, home: dict[str, str]) -> None:
    """It fails where repairs are possible, and leaves the file alone."""
    shutil.copy(DEMO, repository / "demo.pb")
    must([*GIT, "add", "--all"], repository)
    done = _manual(repository, home)
    assert done.returncode == 1
    assert "exit code: 1\n" in done.stdout
    assert "demo.pb" in done.stdout
    assert (repository / "demo.pb").read_bytes() == DEMO.read_bytes()
    assert not list(repository.glob("*.fixed.pb"))


def test_wrong_configuration_stops_the_commit(repository: Path, home: dict[str, str]) -> None:
    """It is named, with what was perhaps meant; once it is right the commit passes."""
    (repository / "graphdoctor.toml").write_text('target = ["trt33"]\n')
    done = _commit(repository, home)
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    assert "hook id: graphdoctor-check-config" in text
    assert "Did you mean" in text
    (repository / "graphdoctor.toml").write_text('target = ["trt3"]\n')
    done = _commit(repository, home)
    assert done.returncode == 0, done.stdout + done.stderr
