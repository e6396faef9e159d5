"""Rewrites of others: what docs/writing-rewrites.md makes is proved, used and installed; what is wrong is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor.formats.tensorflow import load_model, save_graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from tests.docs.markdown import ROOT, write_page

PAGE = "docs/writing-rewrites.md"
TRANSPOSES = """
x = Placeholder {dtype: float32, shape: shape[1,2,3]}
p = Const int32[3] [1, 2, 0]
a = Transpose(x, p)
b = Transpose(a, p)
c = Identity(b)
y = Relu(c)
inputs: x
outputs: y
"""
TIMES_ZERO = """name = "zero"
title = "Zero"
summary = "Zero"

[[rewrite]]
name = "times-zero"
safety = "safe"
summary = "x * 0 -> zeros"
[rewrite.pattern]
y = {op = "Mul", inputs = ["x", "zero"], commutative = true}
zero = {constant = 0.0}
[rewrite.replacement]
y = {op = "ZerosLike", inputs = ["x"]}
"""
TIMES_ZERO_CASES = """rewrite = "times-zero"
[[case]]
name = "plain"
range = [1.0, 2.0]
graph = '''
x = Placeholder {dtype: float32, shape: shape[2,2]}
zero = Const float32[] 0.0
y = Mul(x, zero)
inputs: x
outputs: y
'''
fixed = '''
x = Placeholder {dtype: float32, shape: shape[2,2]}
y = ZerosLike(x)
inputs: x
outputs: y
'''
[[case]]
name = "one"
graph = '''
x = Placeholder {dtype: float32, shape: shape[2,2]}
one = Const float32[] 1.0
y = Mul(x, one)
inputs: x
outputs: y
'''
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The files that the page makes."""
    write_page(PAGE, tmp_path)
    (tmp_path / "acme" / "acme_rewrites" / "__init__.py").touch()
    return tmp_path


def run(folder: Path, *words: str | Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """graphdoctor in ``folder``; ``path`` is where packages are installed besides."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), path) if p), "COLUMNS": "200"}
    command = [sys.executable, "-m", "graphdoctor", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def install(site: Path, package: str, module: str = "") -> str:
    """What pip leaves of a package: its metadata beside its folder."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[graphdoctor.rewrites]\n{package} = {module or package}\n")
    return str(site)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_what_the_page_makes_passes(page: Path) -> None:
    for folder, count in (("my_rewrites", 6), ("acme/acme_rewrites", 3)):
        done = run(page, "test-rewrites", folder)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.splitlines()[-1] == f"{count} trials, 0 failed"


@pytest.mark.slow
@pytest.mark.tensorflow
def test_what_is_called_safe_and_is_not_is_found_by_the_mutants(tmp_path: Path) -> None:
    """The cases alone do not tell: only infinities and NaN do."""
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "zero.toml").write_text(TIMES_ZERO)
    (tmp_path / "fixtures" / "times-zero.toml").write_text(TIMES_ZERO_CASES)
    done = run(tmp_path, "test-rewrites", ".", "--mutants", "100")
    assert done.returncode == 1
    assert [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("ok")] == [
        ["ok", "times-zero", "plain"],
        ["ok", "times-zero", "one"],
    ]
    assert "FAIL  times-zero  100 mutants" in done.stdout
    assert " and is 0.0, at element" in done.stdout
    assert run(tmp_path, "test-rewrites", ".", "--mutants", "0").returncode == 0


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("y = ZerosLike(x)", "y = OnesLike(x)", "not as expected: y = ZerosLike(x)"),
        ("Mul(x, one)", "Mul(x, one)\none_more = Neg(one)", ""),
        ("one = Const float32[] 1.0", "one = Const float32[] 0.0", "not as expected: y = ZerosLike(x)"),
        ("zero = Const float32[] 0.0", "zero = Const float32[] 0.5", "it does not apply"),
        ('name = "one"', 'name = "one"\nrefused = "too small"', "no reason has 'too small'; there are none"),
        ("fixed = '''", "fixed = '''\nw =", "times-zero-plain: fixed"),
        ("graph = '''", "graph = '''\nlost = Relu(nobody)", "nobody"),
    ],
)
def test_a_case_that_goes_another_way_is_told(old: str, new: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "zero.toml").write_text(TIMES_ZERO)
    (tmp_path / "fixtures" / "times-zero.toml").write_text(TIMES_ZERO_CASES.replace(old, new, 1))
    done = run(tmp_path, "test-rewrites", ".", "--mutants", "0")
    assert done.returncode == (1 if said else 0), done.stdout + done.stderr
    assert said in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "fixtures/times-zero.toml",
            'name = "one"',
            'nmae = "one"',
            "times-zero.toml:19: case.2: there is no key 'nmae'",
        ),
        ("fixtures/times-zero.toml", '"times-zero"', '"times-zeros"', "there is no rewrite 'times-zeros'"),
        ("zero.toml", '"Mul"', '"Mull"', "zero.toml:10: times-zero: pattern.y: there is no op 'Mull'"),
    ],
)
def test_files_that_cannot_be_understood(file: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "zero.toml").write_text(TIMES_ZERO)
    (tmp_path / "fixtures" / "times-zero.toml").write_text(TIMES_ZERO_CASES)
    path = tmp_path / file
    path.write_text(path.read_text().replace(old, new, 1))
    done = run(tmp_path, "test-rewrites", ".")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "help: " in done.stderr


@pytest.mark.slow
def test_without_cases_and_without_packs(tmp_path: Path) -> None:
    assert "holds no pack" in run(tmp_path, "test-rewrites", ".").stderr
    (tmp_path / "zero.toml").write_text(TIMES_ZERO)
    done = run(tmp_path, "test-rewrites", ".")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        "FAIL  times-zero  cases  there is no fixtures/times-zero.toml",
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two transposes, and an Identity for a pack of graphdoctor's."""
    graph = parse_graph(TRANSPOSES)
    complete_attrs(graph)
    save_graph(graph, str(tmp_path / "model.pb"))
    return tmp_path / "model.pb"


@pytest.mark.slow
@pytest.mark.tensorflow
def test_installed(page: Path, model: Path) -> None:
    """packs, explain and fix know what a package brings, its finder in Python included; and a broken one beside it."""
    path = install(page / "acme", "acme_rewrites")
    install(page / "acme", "gone_rewrites")
    (page / "acme" / "bad_rewrites").mkdir()
    (page / "acme" / "bad_rewrites" / "bad.toml").write_text(
        TIMES_ZERO.replace('"zero"', '"bad"').replace("Mul", "Mull")
    )
    install(page / "acme", "bad_rewrites")
    done = run(page, "packs", path=path)
    assert done.returncode == 2
    assert "acme  What ACME's training code leaves (from acme_rewrites)" in done.stdout
    assert "house  What our exporter writes" in done.stdout
    assert "all-safe" in done.stdout
    assert "the entry point 'gone_rewrites' names 'gone_rewrites', which is no package" in done.stderr
    assert "bad.toml:10: times-zero: pattern.y: there is no op 'Mull'" in " ".join(done.stderr.split())
    explained = run(page, "explain", "merge-transposes", path=path)
    assert "graphdoctor fix MODEL --rules acme" in explained.stdout
    assert "acme_rewrites" in explained.stdout
    done = run(page, "fix", model, "--rules", "acme,clean", "--verify", "-o", "out.pb", path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(load_model(str(page / "out.pb")).graph.by_op("Transpose")) == 1
    done = run(page, "fix", model, "--rules", "bad", path=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no op 'Mull'" in " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("inner[outer]", "inner[outer] // 0 + nothing", "NameError: name 'nothing' is not defined"),
        ("yield propose(", "yield dict or propose(", "which is neither a Proposal nor a Refusal"),
        ("New(order.key)", "New('nowhere')", "KeyError: 'nowhere'"),
    ],
)
def test_a_finder_that_raises_is_taken_back_and_named(old: str, new: str, said: str, page: Path, model: Path) -> None:
    path = install(page / "acme", "acme_rewrites")
    file = page / "acme" / "acme_rewrites" / "finders" / "merge_transposes.py"
    file.write_text(file.read_text().replace(old, new))
    done = run(page, "fix", model, "--rules", "acme,clean", "-o", "out.pb", path=path)
    assert done.returncode == 0, done.stderr
    assert "merge-transposes" in done.stdout
    assert said in " ".join(done.stdout.split())
    assert "merge_transposes.py:" in done.stdout or "NameError" not in said
    graph = load_model(str(page / "out.pb")).graph
    assert (len(graph.by_op("Transpose")), graph.by_op("Identity")) == (2, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_at_all\n", "merge_transposes.py:1: cannot be imported: ModuleNotFoundError"),
        ("def find(:\n", "merge_transposes.py:1: cannot be imported: SyntaxError"),
        ("x = 1\n", "has no function find(graph, facts, options)"),
        ("def find(g, f, o):\n    pass\n\nOptions = dict\n", "Options is no msgspec.Struct"),
    ],
)
def test_a_finder_that_cannot_be_had(text: str, said: str, page: Path, model: Path) -> None:
    path = install(page / "acme", "acme_rewrites")
    (page / "acme" / "acme_rewrites" / "finders" / "merge_transposes.py").write_text(text)
    done = run(page, "fix", model, "--rules", "acme", "-o", "out.pb", path=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert run(page, "fix", model, "--rules", "clean", "-o", "out.pb", path=path).returncode == 0


@pytest.mark.slow
def test_a_configuration_brings_no_python(page: Path, model: Path) -> None:
    """A pack in a folder of the project may lie beside finders: they are not looked at."""
    (page / "graphdoctor.toml").write_text('rewrites = ["acme/acme_rewrites"]\n')
    (page / "acme" / "acme_rewrites" / "finders" / "merge_transposes.py").write_text("raise SystemExit(77)\n")
    done = run(page, "fix", model, "--rules", "acme", "-o", "out.pb")
    assert done.returncode == 2
    assert "no finder is named 'merge-transposes'" in " ".join(done.stderr.split())
    assert "One in Python needs an installed package" in " ".join(done.stderr.split())
