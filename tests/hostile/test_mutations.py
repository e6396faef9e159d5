"""Real graphs, damaged at random: a report, a file, or one message; never another exception, never without bound."""

from __future__ import annotations

import resource
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.cli.program import call, helped
from tests.hostile.damage import damage
from tests.hostile.models import CORPUS, GRAPHS, GraphDef, save

SEEDS = range(60)
ROOM = 3 << 30
"""Bytes of address space beyond what the tests have already."""
SECONDS = 20
FIXTURES = ["every_fault", "keras_bn_unfused", "lstm_unrolled", "dropout_learning_phase", "depthwise"]
REAL = ["tract_my_model", "superres_espcn_x2", "kws_ds_cnn_s", "mnist_all_cnn3", "tfrust_model_2"]
NETS = [*(GRAPHS / f"{n}.pb" for n in FIXTURES), *(CORPUS / "pb" / f"{n}.pb" for n in REAL)]
COMMANDS = {
    "check": ["check", "--target", "trt3", "--target", "trt8.6", "--format", "concise"],
    "fix": ["fix", "--rules", "tf112,clean,fold,trt3", "--target", "trt3", "--unsafe-fixes", "-o", "o.pb"],
    "convert": ["convert", "--to", "onnx", "-o", "o.onnx"],
}


class TooLongError(Exception):
    """A command did not end in time."""


def _late(number: int, frame: object) -> None:
    raise TooLongError(f"more than {SECONDS} s")


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """A little memory and a little time, so that what is not bounded ends as a failure of the test."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    before = signal.signal(signal.SIGALRM, _late)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("net", NETS, ids=lambda p: p.stem)
def test_damaged_graphs(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not net.exists():
        pytest.skip("the corpus of real graphs is not beside this checkout")
    monkeypatch.chdir(tmp_path)
    source, codes = net.read_bytes(), Counter[tuple[str, int]]()
    for seed in SEEDS:
        graph = GraphDef.FromString(source)
        how = damage(graph, Random(f"{net.stem} {seed}"))
        model = save(tmp_path, graph.SerializeToString())
        for name, words in COMMANDS.items():
            codes[name, _outcome(words, model, f"{net.stem}, seed {seed}: {', '.join(how)}")] += 1
    for name in ("check", "fix"):  # most damage can be looked at, and some is refused
        assert codes[name, 2] < 0.5 * len(SEEDS), codes
    assert codes["convert", 2] > 0


def _outcome(words: list[str], model: Path, what: str) -> int:
    signal.alarm(SECONDS)
    try:
        done = call(*words, model)
    except BaseException as e:
        e.add_note(what) if hasattr(e, "add_note") else print(what)
        raise
    finally:
        signal.alarm(0)
    if done.code == 2:
        assert "too large or too deep" not in helped(done), what
    assert done.code in (0, 1, 2)
    assert "Traceback" not in done.out + done.err, what
    return done.code
