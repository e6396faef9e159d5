"""graphdoctor fix: where it writes, when it writes, what it says."""

from __future__ import annotations

import io
import re
import stat
from pathlib import Path

import pytest

from tests.cli.program import Done, call, helped

GRAPHS = Path(__file__).parents[2] / "fixtures" / "graphs"
PACKS = "tf112,clean,fold"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A copy of the demo, to be fixed."""
    path = tmp_path / "net.pb"
    path.write_bytes((GRAPHS / "demo.pb").read_bytes())
    return path


def fix(*words: str | Path, packs: str = PACKS) -> Done:
    return call("fix", "--rules", packs, *words)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_writes_beside_the_model(demo: Path) -> None:
    before = demo.read_bytes()
    done = fix(demo)
    assert (done.code, done.err) == (0, "")
    assert names(demo.parent) == ["net.fixed.pb", "net.pb"]
    assert str(demo.with_name("net.fixed.pb")) in done.out.replace("\n", "")
    assert demo.read_bytes() == before
    assert len(demo.with_name("net.fixed.pb").read_bytes()) < len(before)


def test_a_folder_keeps_its_whole_name(tmp_path: Path) -> None:
    """``net_v0.1_a`` and ``net_v0.2_b`` must not both become ``net_v0.fixed.pb``."""
    folder = tmp_path / "net_v0.1_a"
    folder.mkdir()
    node = 'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }'
    (folder / "saved_model.pbtxt").write_text(f"meta_graphs {{ graph_def {{ {node} }} }}")
    assert fix(folder, packs="clean").code == 0
    assert names(tmp_path) == ["net_v0.1_a", "net_v0.1_a.fixed.pb"]


def test_text_stays_text(demo: Path, tmp_path: Path) -> None:
    assert fix(demo, "-o", tmp_path / "net.pbtxt", packs="clean").code == 0
    demo.unlink()
    assert fix(tmp_path / "net.pbtxt", packs="tf112").code == 0
    assert names(tmp_path) == ["net.fixed.pbtxt", "net.pbtxt"]
    assert (tmp_path / "net.fixed.pbtxt").read_text().startswith("node {")


def test_o_writes_there(demo: Path, tmp_path: Path) -> None:
    assert fix(demo, "-o", tmp_path / "out.pb").code == 0
    assert names(tmp_path) == ["net.pb", "out.pb"]
    again = fix(demo, "-o", tmp_path / "again.pb")
    assert again.code == 0
    assert (tmp_path / "again.pb").read_bytes() == (tmp_path / "out.pb").read_bytes()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_in_place_keeps_permissions(mode: int, demo: Path) -> None:
    before = demo.read_bytes()
    demo.chmod(mode)
    assert fix(demo, "--in-place").code == 0
    assert names(demo.parent) == ["net.pb"]
    assert demo.read_bytes() != before
    assert stat.S_IMODE(demo.stat().st_mode) == mode


def test_in_place_through_a_link(demo: Path) -> None:
    link = demo.with_name("link.pb")
    link.symlink_to(demo)
    before = demo.read_bytes()
    assert fix(link, "--in-place").code == 0
    assert link.is_symlink()
    assert demo.read_bytes() != before


def test_what_is_fixed_needs_no_fix(demo: Path) -> None:
    """The second time nothing applies, and the file stays as it is."""
    assert fix(demo, "--in-place").code == 0
    once = demo.read_bytes()
    done = fix(demo, "--in-place")
    assert done.code == 0
    assert "no rewrite applies" in done.out
    assert demo.read_bytes() == once
    assert fix(demo, "--diff").code == 0


def test_diff_writes_nothing(demo: Path) -> None:
    before = demo.read_bytes()
    done = fix(demo, "--diff", packs="tf112")
    assert done.code == 1
    assert names(demo.parent) == ["net.pb"]
    assert demo.read_bytes() == before
    lines = done.out.splitlines()
    assert any(line.startswith("- ") and "AddV2" in line for line in lines)
    assert any(line.startswith("+ ") and " = Add(" in line for line in lines)
    assert "@@ rename-addv2" in done.out
    assert "rewrites applied" in done.err
    assert fix(demo, "--diff", "--in-place").code == 1
    assert demo.read_bytes() == before


def test_a_target_adds_its_verdict(demo: Path, tmp_path: Path) -> None:
    """What stood in the way of trt3 is gone for trt3's own packs."""
    out = tmp_path / "o.pb"
    done = fix(demo, "--target", "trt3", "-o", out, packs="tf112,clean,fold,trt3")
    assert done.code == 0
    assert re.search(r"trt3 +incompatible \(\d+ of \d+ ops\) → compatible \((\d+) of \1\)", done.out)
    before, after = (call("check", p, "--no-live", "--format", "concise").out for p in (demo, out))
    for code in ("GDV001", "GDU003", "GDU008"):
        assert code in before
        assert code not in after


def test_unsafe_rewrites_are_held_back() -> None:
    """And said; with --unsafe-fixes they are applied."""
    model = GRAPHS / "dropout_learning_phase.pb"
    safe, unsafe = (fix(model, "--diff", *w, packs="clean") for w in ([], ["--unsafe-fixes"]))
    assert "remove-dropout" not in safe.out
    assert "--unsafe-fixes" in safe.err
    assert "remove-dropout" in unsafe.out


def test_several_models(tmp_path: Path) -> None:
    """One that cannot be read does not keep the others from being fixed."""
    models = []
    for name in ("a", "b"):
        models.append(tmp_path / f"{name}.pb")
        models[-1].write_bytes((GRAPHS / "mlp.pb").read_bytes())
    bad = tmp_path / "bad.pb"
    bad.write_bytes(b"")
    done = fix(models[0], bad, models[1], "--in-place")
    assert done.code == 2
    assert done.err.count("error: ") == 1
    assert "bad.pb" in done.err
    fixed = {m.read_bytes() for m in models}
    assert len(fixed) == 1
    assert fixed != {(GRAPHS / "mlp.pb").read_bytes()}
    assert fix(*models, "--diff").code == 0


def test_standard_input(tmp_path: Path) -> None:
    data = (GRAPHS / "demo.pb").read_bytes()
    done = call("fix", "-", "--rules", PACKS, "-o", tmp_path / "o.pb", stdin=data)
    assert done.code == 0
    assert fix(GRAPHS / "demo.pb", "-o", tmp_path / "same.pb").code == 0
    assert (tmp_path / "o.pb").read_bytes() == (tmp_path / "same.pb").read_bytes()
    for wrong in ([], ["--in-place"]):
        assert "standard input" in helped(call("fix", "-", "--rules", PACKS, *wrong, stdin=data))
    assert "standard input: an empty file" in helped(call("fix", "-", "--rules", PACKS, "-o", tmp_path / "x"))


def test_options_that_contradict(demo: Path) -> None:
    other = demo.with_name("other.pb")
    other.write_bytes(demo.read_bytes())
    assert "not both" in helped(fix(demo, "--in-place", "-o", "x.pb"))
    assert "one MODEL" in helped(fix(demo, other, "-o", "x.pb"))
    assert "Did you mean clean?" in helped(fix(demo, packs="cleen"))
    assert "names no pack" in helped(fix(demo, packs=" , "))
    assert names(demo.parent) == ["net.pb", "other.pb"]


def test_rules_are_required(demo: Path) -> None:
    assert "--rules" in helped(call("fix", demo))


def test_the_result_is_a_graph_for_tensorflow(demo: Path, tmp_path: Path) -> None:
    """What was not understood is kept: producer, versions."""
    out = tmp_path / "o.pb"
    assert fix(demo, "-o", out).code == 0
    shown = [call("inspect", p).out for p in (demo, out)]
    lines = [next(line for line in s.splitlines() if line.startswith("producer")) for s in shown]
    assert lines[0] == lines[1]
    assert io.BytesIO(out.read_bytes()).read(1) == b"\n"


@pytest.mark.tensorflow
def test_pinned_inputs_are_fed_the_same_when_it_is_proved(tmp_path: Path) -> None:
    net, out = GRAPHS / "dropout_learning_phase.pb", tmp_path / "pinned.pb"
    pins = ["--pin", "keras_learning_phase=false", "--pin", "keep_prob=1.0"]
    done = call("fix", net, "--rules", "clean", *pins, "--verify", "-o", out)
    assert (done.code, out.exists()) == (0, True), done.err
    assert "same: every output agrees" in done.out + done.err
    assert "--pin" in done.out


def test_a_pin_alone_is_work_enough_and_a_wrong_one_writes_nothing(tmp_path: Path) -> None:
    net, out = GRAPHS / "dropout_learning_phase.pb", tmp_path / "pinned.pb"
    wrong = call("fix", net, "--pin", "keras_learning=false", "-o", out)
    assert (wrong.code, out.exists()) == (2, False)
    assert "Did you mean keras_learning_phase?" in wrong.err
    assert call("fix", net, "--pin", "keras_learning_phase=false", "-o", out).code == 0
    assert out.exists()
