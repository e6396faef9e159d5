"""Rules of other packages: the one that docs/writing-rules.md makes, installed into an environment of its own."""

from __future__ import annotations

import json
import shutil
import site
import sys
import venv
from pathlib import Path

import pytest

from graphdoctor.errors import InputError
from graphdoctor.lint.outside import Home, collisions
from tests.docs.markdown import blocks
from tests.packaging.programs import ROOT, Done, checkout, must, run

GRAPHS = ROOT / "fixtures" / "graphs"
PAGE = "docs/writing-rules.md"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The project that the page makes, file by file."""
    folder = tmp_path / "project"
    for kind in ("toml", "python", "text"):
        for page, text in blocks(kind):
            if page == PAGE:
                first, _, rest = text.partition("\n")
                path = folder / first.removeprefix("# ")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(rest)
    (folder / "acme_rules" / "__init__.py").touch()
    return folder


def trials(package: Path) -> Done:
    return checkout(["test-rules", "acme_rules"], package)


@pytest.mark.slow
def test_what_the_page_makes_passes(package: Path) -> None:
    done = trials(package)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "6 trials, 0 failed"


@pytest.mark.slow
def test_a_rule_that_is_wrong_is_told(package: Path) -> None:
    """What it finds too much, what it does not find, a check that raises, a graph that is missing."""
    rules = package / "acme_rules"
    file = rules / "ACME001.toml"
    right = file.read_text()
    file.write_text(right.replace('"RandomUniform", ', '"Relu", '))
    done = trials(package)
    assert done.returncode == 1
    assert "FAIL  ACME001  bad   nothing was found at noise" in done.stdout
    assert "FAIL  ACME001  near  found at y, where nothing is expected" in done.stdout
    file.write_text(right)
    check = rules / "checks" / "name_of_input.py"
    good = check.read_text()
    check.write_text(good.replace("node.name", "node.nam"))
    done = trials(package)
    assert done.returncode == 1
    assert "AttributeError" in done.stdout
    check.write_text(good)
    (rules / "fixtures" / "ACME002" / "near.gdt").unlink()
    assert "there is no fixtures/ACME002/near.gdt" in trials(package).stdout
    file.write_text(right.replace("severity", "severty"))
    done = trials(package)
    assert done.returncode == 2
    assert "ACME001.toml" in done.stderr
    assert "severity" in done.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
def test_installed(package: Path, tmp_path: Path) -> None:
    """check, rules, explain, --select and the configuration know the rules; no report is kept."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    (own,) = environment.glob("lib/python*/site-packages")
    places = [str(ROOT), *site.getsitepackages(), *(p for p in sys.path if p.endswith("site-packages"))]
    (own / "here.pth").write_text("\n".join(dict.fromkeys(places)) + "\n")
    must([python, "-m", "pip", "install", "--quiet", "--no-deps", package], tmp_path)
    shutil.rmtree(package)
    shutil.copy(GRAPHS / "mlp.pb", tmp_path / "net.pb")
    cache = tmp_path / "cache"
    words = [
        "check",
        "net.pb",
        "--target",
        "rtx1.7",
        "--no-live",
        "--format",
        "json",
        "--fail-on",
        "never",
        "--cache-dir",
        cache,
    ]
    for _ in range(2):
        done = run([python, "-m", "graphdoctor", *words, "--select", "ACME"], tmp_path)
        assert done.returncode == 0, done.stderr
        (model,) = json.loads(done.stdout)["models"]
        assert {f["code"] for f in model["findings"]} == {"ACME002"}
    assert not list(cache.glob("*.report.json"))
    assert "ACME001" in must([python, "-m", "graphdoctor", "rules"], tmp_path).stdout
    assert "replay" in must([python, "-m", "graphdoctor", "explain", "acme001"], tmp_path).stdout


def test_prefixes() -> None:
    """graphdoctor's own is refused, and so are two packages with one prefix."""
    a, b = Home("a", Path("a")), Home("b", Path("b"))
    collisions(iter([("ACME001", a), ("ACME002", a), ("BETA001", b)]))
    with pytest.raises(InputError, match="both have codes that begin with ACME"):
        collisions(iter([("ACME001", a), ("ACME002", b)]))
    with pytest.raises(InputError, match="graphdoctor's own"):
        collisions(iter([("GDA001", a)]))


@pytest.mark.slow
def test_no_rules_there(tmp_path: Path) -> None:
    done = checkout(["test-rules", "."], tmp_path)
    assert done.returncode == 2
    assert "holds no rule files" in done.stderr
