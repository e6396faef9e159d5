"""The cache of reports: the same output as without, whatever happens to its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor.batch import cache as module
from graphdoctor.batch import hashing
from graphdoctor.batch.cache import Cache
from graphdoctor.findings import ModelReport
from graphdoctor.flows.check import CheckOptions, check_model
from graphdoctor.resources import cache_folder
from tests.cli.program import call, helped
from tests.hostile.models import CHAIN, GRAPHS, ROOT, SMALL, pb, save

OPTIONS = CheckOptions(("trt3",), live=False)
ASKED = {"targets": ("trt3",)}
WORDS = ["--target", "trt3", "--no-live"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where reports are kept; not made yet."""
    return tmp_path / "cache"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return save(tmp_path, (GRAPHS / "every_fault.pb").read_bytes())


def kept(net: Path, folder: Path) -> ModelReport:
    """The report of ``net``, made and kept."""
    report = check_model(str(net), OPTIONS)
    Cache(folder, ASKED).put(str(net), report)
    return report


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.report.json"))


def test_what_was_kept_comes_back_whole(net: Path, folder: Path) -> None:
    """Enumerations, shapes, fixes: equal to what was made."""
    report = kept(net, folder)
    assert report.findings
    assert any(f.fix for f in report.findings)
    assert Cache(folder, ASKED).get(str(net)) == report


def test_other_content_is_another_model(net: Path, folder: Path) -> None:
    """Also with the same size and the same times."""
    kept(net, folder)
    before = net.stat()
    data = bytearray(net.read_bytes())
    data[-1] ^= 1
    net.write_bytes(data)
    os.utime(net, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Cache(folder, ASKED).get(str(net)) is None


def test_other_options_path_or_tool(net: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(net, folder)
    copy = save(net.parent, net.read_bytes(), "copy.pb")
    assert Cache(folder, {"targets": ("trt4",)}).get(str(net)) is None
    assert Cache(folder, {**ASKED, "live": None}).get(str(net)) is None
    assert Cache(folder, ASKED).get(str(copy)) is None
    assert Cache(folder, ASKED).get(str(net)) is not None
    monkeypatch.setattr(module, "__version__", "0.0.0")
    assert Cache(folder, ASKED).get(str(net)) is None


def test_the_rules_are_part_of_the_tool(tmp_path: Path) -> None:
    """A rule that is touched, added or removed changes the state that every key begins with."""
    rules = tmp_path / "rules" / "checks"
    rules.mkdir(parents=True)
    (rules / "GDS001.toml").write_text("a")
    states = [list(module._files(tmp_path))]
    (rules / "GDS001.toml").write_text("ab")
    states.append(list(module._files(tmp_path)))
    (rules / "GDS002.toml").write_text("a")
    states.append(list(module._files(tmp_path)))
    assert len({tuple(s) for s in states}) == 3
    assert str(ROOT / "rules" / "checks" / "GDS001.toml") in module._state_of_tool().decode()
    assert str(ROOT / "graphdoctor" / "lint" / "engine.py") in module._state_of_tool().decode()


def test_the_path_is_shown_as_it_was_given(net: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(net, folder)
    monkeypatch.chdir(net.parent)
    report = Cache(folder, ASKED).get(net.name)
    assert report is not None
    assert report.path == net.name


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"",
        lambda d: d[: len(d) // 2],
        lambda d: b"\x80\x04." + d,
        lambda d: b"[" * 100_000,
        lambda d: d.replace(b'"severity":3', b'"severity":77'),
        lambda d: d.replace(b'"format":1', b'"format":2'),
        lambda d: b"null",
        lambda d: b"\xff" + d,
    ],
    ids=["empty", "cut", "pickle", "deep", "enumeration", "format", "null", "encoding"],
)
def test_damaged_entry_is_made_again(damage: object, net: Path, folder: Path) -> None:
    """It counts as none, and is replaced."""
    report = kept(net, folder)
    (entry,) = entries(folder)
    entry.write_bytes(damage(entry.read_bytes()))  # type: ignore[operator]
    assert Cache(folder, ASKED).get(str(net)) is None
    Cache(folder, ASKED).put(str(net), report)
    assert Cache(folder, ASKED).get(str(net)) == report


def test_saved_model_folder(tmp_path: Path, folder: Path) -> None:
    """By the bytes of its saved_model.pb."""
    from tests.hostile.models import saved_model

    (tmp_path / "m").mkdir()
    save(tmp_path / "m", saved_model(), "saved_model.pb")
    report = kept(tmp_path / "m", folder)
    assert Cache(folder, ASKED).get(str(tmp_path / "m")) == report


@pytest.mark.parametrize("path", ["-", "missing.pb", "\0", "/dev/null", ""])
def test_no_file_no_report(path: str, net: Path, folder: Path) -> None:
    """Standard input, what is not there, and devices."""
    report = check_model(str(net), OPTIONS)
    Cache(folder, ASKED).put(path, report)
    assert Cache(folder, ASKED).get(path) is None
    assert entries(folder) == []


def test_the_oldest_go(net: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 4)
    report = check_model(str(net), OPTIONS)
    for number in range(5):
        Cache(folder, {"n": number}).put(str(net), report)
        for place in entries(folder):
            if place.stat().st_mtime_ns > 1e18:
                os.utime(place, ns=(number, number))
    assert len(entries(folder)) == 2
    assert Cache(folder, {"n": 4}).get(str(net)) == report


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        (["{net}"], True),
        (["--target", "trt3", "{net}", "--cache-dir", "{folder}"], True),
        (["{net}", "--no-cache"], False),
        (["{net}", "{other}"], False),
        (["{other}"], False),
        (["missing.pb"], False),
        (["-"], False),
        (["\0"], False),
    ],
)
def test_hashing_begins_early(
    words: list[str], begun: bool, net: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an only model with a report; what was begun is used once, for that file alone."""
    monkeypatch.setattr(hashing, "LEAST", 1)
    monkeypatch.setenv("GRAPHDOCTOR_CACHE_DIR", str(folder))
    other = save(net.parent, pb(SMALL), "other.pb")
    report = kept(net, folder)
    hashing.begin([w.format(net=net, folder=folder, other=other) for w in words])
    early = list(hashing._early)
    assert early == ([str(net)] if begun else [])
    assert Cache(folder, ASKED).get(str(net)) == report
    assert hashing._early == {}


def test_a_guess_is_forgotten(net: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next command does not see the hash of the last."""
    monkeypatch.setattr(hashing, "LEAST", 1)
    kept(net, folder)
    hashing.begin([str(net), "--cache-dir", str(folder)])
    assert hashing._early
    hashing.begin([])
    assert not hashing._early


# The program


def test_same_output_from_the_cache(net: Path, folder: Path) -> None:
    """In every format, and with the same exit code; checking again would be told by the missing entry."""
    for form in ("full", "json", "jsonl", "sarif", "concise"):
        words = ["check", net, *WORDS, "--format", form]
        plain = call(*words, "--no-cache")
        first, second = (call(*words, "--cache-dir", folder) for _ in range(2))
        assert (plain.out, plain.code, plain.err) == (first.out, first.code, first.err)
        assert (plain.out, plain.code, plain.err) == (second.out, second.code, second.err)
        assert len(entries(folder)) == (1 if form == "full" else 2)  # with fingerprints, and without


def test_a_kept_report_is_really_used(net: Path, folder: Path) -> None:
    """A report that was changed is shown changed: nothing was checked again."""
    words = ["check", net, *WORDS, "--format", "json", "--cache-dir", folder]
    assert json.loads(call(*words).out)["models"][0]["producer"] != 4711
    (entry,) = entries(folder)
    report = json.loads(entry.read_text())
    report["report"]["producer"] = 4711
    entry.write_text(json.dumps(report))
    assert json.loads(call(*words).out)["models"][0]["producer"] == 4711
    assert json.loads(call(*words, "--no-cache").out)["models"][0]["producer"] != 4711


def test_errors_are_not_kept(tmp_path: Path, folder: Path) -> None:
    bad = save(tmp_path, b"no model")
    for _ in range(2):
        assert call("check", bad, *WORDS, "--cache-dir", folder).code == 2
    assert entries(folder) == []


def test_a_hit_imports_nothing_heavy(net: Path, folder: Path) -> None:
    """Neither numpy nor the rules nor protobuf: that is what makes it fast."""
    words = ["check", str(net), *WORDS, "--cache-dir", str(folder), "--fail-on", "never"]
    code = (
        "import sys, graphdoctor.cli\n"
        f"sys.argv = ['graphdoctor', *{words!r}]\n"
        "try: graphdoctor.cli.command_line()\n"
        "except SystemExit: pass\n"
        "print(*sorted(set(sys.modules) & {'numpy', 'google.protobuf', 'rich', 'graphdoctor.lint', "
        "'graphdoctor.targets', 'tomllib', 'json', 'multiprocessing'}), file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FORCE_COLOR": ""}
    runs = [subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert "numpy" in runs[0].stderr.split()
    assert runs[1].stderr.split() == []


@pytest.mark.parametrize("kind", ["file", "parent is a file", "read-only"])
def test_a_folder_that_cannot_be_used(kind: str, net: Path, tmp_path: Path) -> None:
    """Never an error; a note where the user named it."""
    folder = tmp_path / "blocked"
    if kind == "read-only":
        if os.geteuid() == 0:
            folder = Path("/proc/cache")
        else:
            folder.mkdir(mode=0o500)
    else:
        folder.write_text("")
        folder = folder / "below" if kind == "parent is a file" else folder
    plain, done = (call("check", net, *WORDS, *more) for more in (["--no-cache"], ["--cache-dir", folder]))
    assert (done.code, done.out) == (plain.code, plain.out)
    assert "reports are not kept" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_processes_tell_what_they_could_not_keep(jobs: str, net: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    other = tmp_path / "other.pb"
    other.write_bytes(net.read_bytes())
    done = call("check", net, other, *WORDS, "--cache-dir", tmp_path / "blocked", "-j", jobs)
    assert done.code == 1
    assert done.err.count("reports are not kept") == 1


def test_no_home(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home, or with one that cannot be written: silence."""
    for variable in ("GRAPHDOCTOR_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", "/proc/nobody")
    done = call("check", net, *WORDS)
    assert done.code == 1
    assert done.err == ""


def test_which_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, the variable, the XDG folder, ~/.cache; a relative XDG folder is ignored, as its standard says."""
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("GRAPHDOCTOR_CACHE_DIR", "/variable")
    assert cache_folder("/given") == Path("/given")
    assert cache_folder() == Path("/variable")
    monkeypatch.delenv("GRAPHDOCTOR_CACHE_DIR")
    assert cache_folder() == Path("/xdg/graphdoctor")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/u/.cache/graphdoctor")


def test_the_folder_is_the_users_alone(net: Path, folder: Path) -> None:
    """And git and backups leave it out."""
    kept(net, folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_runs_at_the_same_time(tmp_path: Path, folder: Path) -> None:
    """Each shows what it would show alone, and the entries are whole afterwards."""
    models = [save(tmp_path, pb(text), f"{i}.pb") for i, text in enumerate((SMALL, CHAIN))]
    words = [sys.executable, "-m", "graphdoctor", "check", *map(str, models), *WORDS, "--cache-dir", str(folder)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    ended = [(*run.communicate(), run.returncode) for run in runs]
    assert len(set(ended)) == 1, ended
    assert len(entries(folder)) == len(models)
    assert all(json.loads(entry.read_text())["format"] == 1 for entry in entries(folder))
    assert {p.name for p in folder.iterdir()} - {e.name for e in entries(folder)} == {".gitignore", "CACHEDIR.TAG"}


def test_clean(net: Path, folder: Path) -> None:
    """Only what was kept goes; the folder too, if nothing else is in it."""
    kept(net, folder)
    (folder / "mine.txt").write_text("")
    done = call("clean", "--cache-dir", folder)
    assert done.code == 0
    assert done.out.startswith("removed 1 report (")
    assert [p.name for p in folder.iterdir()] == ["mine.txt"]
    (folder / "mine.txt").unlink()
    kept(net, folder)
    assert call("clean", "--cache-dir", folder).code == 0
    assert not folder.exists()
    assert call("clean", "--cache-dir", folder).out.startswith("removed 0 reports")


def test_clean_says_what_it_cannot(tmp_path: Path) -> None:
    file = save(tmp_path, b"")
    assert "cannot be cleaned" in helped(call("clean", "--cache-dir", file))


def test_a_report_without_fingerprints_is_kept_apart(net: Path, folder: Path) -> None:
    """A terminal needs none, so that none are worked out; what reads them never gets the report without."""
    words = ("check", net, *WORDS, "--cache-dir", folder)
    call(*words, "--format", "concise")
    marks = [
        [f["fingerprint"] for f in json.loads(call(*words, "--format", "json", *more).out)["models"][0]["findings"]]
        for more in ([], [], ["--no-cache"])
    ]
    assert marks[0] == marks[1] == marks[2]
    assert all(marks[0])
    assert len(entries(folder)) == 2
