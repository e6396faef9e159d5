"""check of a UFF file with TensorRT's own parser, which a stand-in plays."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.formats.uff import save_uff
from graphdoctor.installed import TENSORRT_PYTHON, uff_parser_may_be_here
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.cli.program import call, helped
from tests.engines.stand_in import Install, install
from tests.flows.nets import graph

__all__ = ["install"]
TARGET = "trt7-uff"
NET = """
x = Input {shape: [-1,8,8,3], dtype: float32}
w = Const float32[3,3,3,4] 0.5
c = Conv(x, w) {inputs_orders: orders(N+C, +CK), strides: [1,1], implicit_padding: "same"}
y = Activation(c) {func: "relu"}
MarkOutput_0 = MarkOutput(y)
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A UFF file that is compatible by the tables."""
    file = tmp_path / "net.uff"
    save_uff(parse_uff(NET), file)
    return file


@pytest.fixture
def here(install: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """The stand-in's interpreter is named."""

    def made(release: str, does: str = "") -> Path:
        calls = install(release, does)
        monkeypatch.setenv(TENSORRT_PYTHON, sys.executable)
        return calls

    return made


def checked(*words: str | Path) -> Any:
    done = call("check", *words, "--target", TARGET, "--no-cache", "--format", "json")
    assert done.code in (0, 1), done
    return json.loads(done.out)["models"][0]


def told(model: Any) -> tuple[str, list[str]]:
    return model["verdicts"][TARGET]["verdict"], [f["code"] for f in model["findings"] if f["code"].startswith("GDL")]


def test_that_the_parser_takes_it_is_noted_and_no_more(net: Path, here: Install) -> None:
    before = told(checked(net, "--no-live"))
    calls = here("7.1.3.0")
    model = checked(net)
    assert told(model) == before == ("compatible", [])
    assert "TensorRT 7.1.3.0's UffParser takes the file; its builder was not asked" in str(model["not_checked"])
    names = [json.loads(line)[0] for line in calls.read_text().splitlines()]
    assert names[-1] == "parse"


def test_what_it_refuses_decides(net: Path, here: Install) -> None:
    here("7.1.3.0", "refuse:y")
    model = checked(net)
    assert told(model) == ("incompatible", ["GDL001"])
    (finding,) = [f for f in model["findings"] if f["code"] == "GDL001"]
    assert finding["node"] == "y"
    assert finding["message"] == "Unsupported binary op max with constant right"


def test_a_crash_is_no_refusal(net: Path, here: Install) -> None:
    here("7.1.3.0", "crash")
    assert told(checked(net)) == ("unknown", ["GDL005"])


def test_another_release_is_not_asked(net: Path, here: Install) -> None:
    here("8.6.1.6", "refuse")
    model = checked(net)
    assert told(model)[1] == []
    assert "is another release than 7" in str(model["not_checked"])


def test_it_can_be_insisted_on(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TENSORRT_PYTHON, raising=False)
    done = call("check", net, "--target", TARGET, "--live", "--no-cache")
    assert "TensorRT's UffParser is not here" in helped(done)
    model = checked(graph("mlp"), "--live")
    assert "the UFF parser is asked about .uff files" in str(model["not_checked"])


def test_it_is_not_asked_where_that_is_not_wanted(net: Path, here: Install) -> None:
    calls = here("7.1.3.0", "refuse")
    assert told(checked(net, "--no-live"))[1] == []
    assert not calls.exists()


def test_dimensions_that_are_missing_are_said(tmp_path: Path, here: Install) -> None:
    here("7.1.3.0")
    text = 'x = Input {shape: [-1,-1,-1,3], dtype: float32}\ny = Activation(x) {func: "relu"}\n'
    save_uff(parse_uff(text + "MarkOutput_0 = MarkOutput(y)"), tmp_path / "n.uff")
    assert "has to be told the dimensions" in str(checked(tmp_path / "n.uff")["not_checked"])
    given = checked(tmp_path / "n.uff", "--input", "x:float32[3,8,8]")
    assert "UffParser takes the file" in str(given["not_checked"])


def test_a_tensorrt_that_pip_knows_to_be_later_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TENSORRT_PYTHON, raising=False)
    assert not uff_parser_may_be_here()
    (tmp_path / "tensorrt.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert uff_parser_may_be_here()  # JetPack's is no package of pip
    info = tmp_path / "tensorrt-10.3.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorrt\nVersion: 10.3.0\n")
    assert not uff_parser_may_be_here()
