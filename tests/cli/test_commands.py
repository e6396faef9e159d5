"""What every command shares: exit codes, streams, and the form of an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphdoctor import __version__
from graphdoctor.cli import COMMANDS
from tests.cli.program import call, helped, refused

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
MLP = GRAPHS / "mlp.pb"


def test_version_and_help() -> None:
    assert call("--version").out.split() == ["graphdoctor,", "version", __version__]
    for words in (["--help"], ["-h"], *([c, "--help"] for c in COMMANDS)):
        done = call(*words)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Usage: graphdoctor")
    assert all(f"  {c} " in call("--help").out for c in COMMANDS)


def test_nothing_asked_gives_the_help() -> None:
    """On click 8.1 as a result, on later ones as an error: both show the commands."""
    done = call()
    assert "Usage: graphdoctor" in done.out + done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_once(command: str) -> None:
    options = [w for line in call(command, "--help").out.splitlines() for w in line.split() if line.startswith("  -")]
    long = [o.rstrip(",") for o in options if o.startswith("--")]
    assert "--help" in long


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekc"], "Did you mean check?"),
        (["verfy", MLP, MLP], "Did you mean verify?"),
        (["frobnicate"], "Commands: check, fix"),
        (["check"], "missing argument 'MODEL...'"),
        (["check", MLP, "--formt", "json"], "Did you mean --format?"),
        (["check", MLP, "--fail-on", "eror"], "Did you mean error?"),
        (["check", MLP, "--target", "trt33"], "Did you mean 'trt3'?"),
        (["check", MLP, "--target"], "requires an argument"),
        (["convert", MLP, "--to", "onx", "-o", "x"], "Did you mean onnx?"),
        (["convert", MLP, "--to", "onnx"], "missing option"),
        (["build", MLP, "-o", "x", "--backend", "tensort"], "tensorrt"),
        (["build", MLP, "-o", "x", "--compute-capability", "99"], "8.9"),
        (["build", MLP, "-o", "x", "--timeout", "soon"], "'soon' is not a valid float"),
        (["verify", MLP], "missing argument 'CANDIDATE'"),
        (["verify", MLP, MLP, "--range", "input"], "NAME=LOW:HIGH"),
        (["verify", MLP, MLP, "--range", "input=a:b"], "NAME=LOW:HIGH"),
        (["cure", MLP, "-o", "x"], "missing option '--target'"),
        (["cure", MLP, "--target", "trt33", "-o", "x"], "Did you mean 'trt3'?"),
        (["cure", MLP, "--target", "rtx1.7", "-o", "x", "--rules", "cleen"], "Did you mean clean?"),
        (["rules", "--target", "trt33"], "Did you mean 'trt3'?"),
        (["rules", "--format", "jsn"], "Did you mean json?"),
        (["targets", "trt5", "extra"], "unexpected extra argument"),
        (["packs", "--nothing"], "no such option"),
    ],
    ids=lambda value: " ".join(Path(str(w)).name for w in value) if isinstance(value, list) else "",
)
def test_wrong_command_lines(
    words: list[str | Path], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, one message with a remedy, nothing on standard output, no file."""
    monkeypatch.chdir(tmp_path)
    assert said in helped(call(*words))
    assert not list(tmp_path.iterdir())


def test_convert_writes_a_file_and_notes(tmp_path: Path) -> None:
    place = tmp_path / "mlp.onnx"
    done = call("convert", MLP, "--to", "onnx", "-o", place, "--list-dropped")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"wrote {place} (")
    assert f"({place.stat().st_size:,} bytes)" in done.err
    shown = call("convert", MLP, "--to", "onnx", "-o", place, "--text")
    assert "MatMul" in shown.out


def test_convert_says_all_that_cannot_be_lowered(tmp_path: Path) -> None:
    said = helped(call("convert", GRAPHS / "every_fault.pb", "--to", "onnx", "-o", tmp_path / "x.onnx"))
    assert "cannot be lowered" in said or "contradict" in said
    assert not list(tmp_path.iterdir())


def test_convert_to_uff(tmp_path: Path) -> None:
    place = tmp_path / "x.uff"
    done = call("convert", MLP, "--to", "uff", "-o", place, "--text")
    assert done.code == 0
    assert 'operation: "FullyConnected"' in done.out
    assert place.stat().st_size > 100
    assert "MarkOutput" in call("inspect", place).out


def test_what_uff_cannot_say_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    said = helped(call("convert", GRAPHS / "every_fault.pb", "--to", "uff", "-o", tmp_path / "x.uff"))
    assert "cannot be lowered to UFF" in said
    assert not list(tmp_path.iterdir())


def test_a_uff_file_for_a_target(tmp_path: Path) -> None:
    """What its parser refuses is not written; what it takes is said."""
    place, deep = tmp_path / "x.uff", GRAPHS / "cnn_tf1_nhwc.pb"
    said = refused(call("convert", deep, "--to", "uff", "--target", "trt3", "-o", place))
    assert "trt3 refuses it" in said
    assert not list(tmp_path.iterdir())
    fixed = tmp_path / "fixed.pb"
    call("fix", deep, "--rules", "tf112,clean,fold,trt3,uff", "--target", "trt3", "-o", fixed)
    done = call("convert", fixed, "--to", "uff", "--target", "trt3", "-o", place)
    assert done.code == 0
    assert "with trt3" in done.err
    assert "reads no UFF" in refused(call("convert", MLP, "--to", "uff", "--target", "trt10.0", "-o", place))


def test_a_plugin_is_no_word_for_onnx(tmp_path: Path) -> None:
    assert "--to uff" in refused(call("convert", MLP, "--to", "onnx", "-o", tmp_path / "x.onnx", "--plugin", "Foo"))


def test_inspect_describes_without_judging() -> None:
    done = call("inspect", GRAPHS / "every_fault.pb")
    assert (done.code, done.err) == (0, "")
    view = json.loads(call("inspect", MLP, "--format", "json").out)
    assert view["nodes"] == 29
    assert view["inputs"][0]["name"] == "input"


@pytest.mark.parametrize("command", [["check", "--no-live", "--target", "rtx1.7"], ["inspect"]], ids=lambda w: w[0])
def test_standard_input(command: list[str]) -> None:
    """The same as of the file but for the name; a second reader finds nothing."""
    piped, named = call(*command, "-", stdin=MLP.read_bytes()), call(*command, MLP)
    assert (piped.code, piped.err) == (0, "")
    assert piped.out.splitlines()[1:] == named.out.splitlines()[1:]
    assert "standard input: an empty file" in helped(call(*command, "-"))
    assert "standard input: a gzip archive" in helped(call(*command, "-", stdin=b"\x1f\x8b" + bytes(20)))


def test_names_of_nodes_are_checked_by_every_command(tmp_path: Path) -> None:
    """The nearest name is offered, and nothing is written."""
    for words in (
        ["convert", MLP, "--to", "onnx", "-o", tmp_path / "x"],
        ["fix", MLP, "--rules", "clean", "-o", tmp_path / "x"],
        ["build", MLP, "-o", tmp_path / "x"],
        ["verify", MLP, MLP],
        ["cure", MLP, "--target", "rtx1.7", "-o", tmp_path / "x"],
    ):
        assert "Did you mean input?" in helped(call(*words, "--input", "inptu"))
        assert "Did you mean output?" in helped(call(*words, "--output", "outptu"))
    assert not list(tmp_path.iterdir())


def test_lists() -> None:
    targets = {t["name"] for t in json.loads(call("targets", "--format", "json").out)}
    assert {"trt3", "trt8-uff", "trt8.6", "rtx1.7"} <= targets
    packs = {p["name"] for p in json.loads(call("packs", "--format", "json").out)}
    assert {"tf112", "clean", "fold", "trt3"} <= packs
    rules = {r["code"] for r in json.loads(call("rules", "--format", "json").out)}
    some = {r["code"] for r in json.loads(call("rules", "--target", "rtx1.7", "--format", "json").out)}
    assert "GDU003" in rules - some
    assert some < rules


@pytest.mark.parametrize("command", ["rules", "targets", "packs"])
def test_lists_fit_a_narrow_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, call(command).out.splitlines())) <= 80
