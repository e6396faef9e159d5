"""Real graphs, damaged at random: a report, a file, or one message; never another exception, never without bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.hostile.bounded import bounds, outcome
from tests.hostile.damage import damage
from tests.hostile.models import CORPUS, GRAPHS, GraphDef, save

SEEDS = range(60)
FIXTURES = ["every_fault", "keras_bn_unfused", "lstm_unrolled", "dropout_learning_phase", "depthwise"]
REAL = ["tract_my_model", "superres_espcn_x2", "kws_ds_cnn_s", "mnist_all_cnn3", "tfrust_model_2"]
NETS = [*(GRAPHS / f"{n}.pb" for n in FIXTURES), *(CORPUS / "pb" / f"{n}.pb" for n in REAL)]
COMMANDS = {
    "check": ["check", "--target", "trt3", "--target", "trt8.6", "--format", "concise"],
    "fix": ["fix", "--rules", "tf112,clean,fold,trt3", "--target", "trt3", "--unsafe-fixes", "-o", "o.pb"],
    "convert": ["convert", "--to", "onnx", "-o", "o.onnx"],
}


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with bounds():
        yield


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
            codes[name, outcome(words, model, f"{net.stem}, seed {seed}: {', '.join(how)}")] += 1
    for name in ("check", "fix"):  # most damage can be looked at, and some is refused
        assert codes[name, 2] < 0.5 * len(SEEDS), codes
    assert codes["convert", 2] > 0
