"""What a file claims costs nothing: huge constants, deep names, deep nesting, long chains."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from tests.cli.program import call, helped
from tests.hostile.claims import COUNT, huge
from tests.hostile.models import GRAPHS, ROOT, SMALL, GraphDef, pb, save
from tests.packaging.programs import must

FORMATS = ["full", "concise", "json", "jsonl", "sarif", "github", "markdown"]
DEEP = "/".join(["scope"] * 10_000)
SECONDS = 5.0
"""Ten times what these take on a slow machine."""


def test_the_constant_is_as_small_as_it_says() -> None:
    assert len(huge(1, (COUNT,)).SerializeToString()) < 80


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, int, float, str]]:
    """What each command did about a constant of 16 GiB in each place, in 2 GiB of memory."""
    folder = tmp_path_factory.mktemp("claims")
    words = [sys.executable, "-m", "tests.hostile.claims", str(folder)]
    return [tuple(r) for r in json.loads(must(words, ROOT).stdout)]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "fix", "convert"])
def test_16_gib_in_60_bytes(command: str, claims: list[tuple[str, str, int, float, str]]) -> None:
    """Memory is never asked for; the answer is a report, a file or one message that is not about memory."""
    mine = [c for c in claims if c[1] == command]
    assert len(mine) > 30
    wrong = [c for c in mine if c[2] not in (0, 1, 2) or "MemoryError" in c[4]]
    assert not wrong
    if command == "check":
        assert all(c[2] != 2 for c in mine)


def _timed(*words: str | Path) -> tuple[int, str]:
    start = time.perf_counter()
    done = call(*words)
    assert time.perf_counter() - start < SECONDS
    assert done.code in (0, 1), done.err[:500]
    return done.code, done.out


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """A graph of every fault whose first layer lies under 10,000 scopes."""
    graph = GraphDef.FromString((GRAPHS / "every_fault.pb").read_bytes())
    for node in graph.node:
        node.name = f"{DEEP}/{node.name}"
        node.input[:] = [f"^{DEEP}/{i[1:]}" if i.startswith("^") else f"{DEEP}/{i}" for i in node.input]
        node.attr.pop("_class", None)
    return save(tmp_path, graph.SerializeToString())


@pytest.mark.parametrize("format_", FORMATS)
def test_10000_scopes_in_a_name_are_reported(format_: str, nested: Path) -> None:
    code, out = _timed("check", nested, "--target", "all", "--no-live", "--format", format_, "--show-nodes")
    assert code == 1
    assert "GDS" in out


def test_10000_scopes_in_a_name_are_fixed_and_described(nested: Path, tmp_path: Path) -> None:
    _timed("inspect", nested)
    _timed("fix", nested, "--rules", "tf112,clean,fold,trt3", "-o", tmp_path / "fixed.pb")
    _timed("fix", nested, "--rules", "clean", "--diff")


def test_a_deep_name_is_converted(tmp_path: Path) -> None:
    graph = GraphDef.FromString(pb(SMALL))
    graph.node[-1].name = DEEP
    _timed("convert", save(tmp_path, graph.SerializeToString()), "--to", "onnx", "-o", tmp_path / "o.onnx")


def test_deeply_nested_attributes_are_refused_or_read(tmp_path: Path) -> None:
    """Function attributes inside function attributes, deeper than any parser follows."""
    graph = GraphDef.FromString(pb(SMALL))
    inner = graph.node[-1].attr["f"].func
    for _ in range(20):
        inner.name = "f"
        inner = inner.attr["f"].func
    assert call("check", "--no-live", save(tmp_path, graph.SerializeToString())).code in (0, 1)
    data = graph.node[-1].attr["f"].SerializeToString()
    for _ in range(3000):
        data = _field(10, _field(2, _field(1, b"f") + _field(2, data)))
    attr = _field(5, _field(1, b"f") + _field(2, data))
    node = _field(1, _field(1, b"deep") + _field(2, b"Relu") + _field(3, b"z") + attr)
    helped(call("check", save(tmp_path, pb(SMALL) + node)))


def _field(number: int, content: bytes) -> bytes:
    from graphdoctor.wire.scan import encode_field

    return encode_field(number, content)


def test_a_long_chain_needs_no_deep_stack(tmp_path: Path) -> None:
    """5,000 nodes one behind the other, through every flow that walks the graph."""
    lines = ["x = Placeholder {dtype: float32, shape: shape[1,4]}", "n0 = Relu(x) {T: float32}"]
    lines += [f"n{k} = Identity(n{k - 1}) {{T: float32}}" for k in range(1, 5_000)]
    model = save(tmp_path, pb("\n".join(lines)))
    for words in (
        ["check", model, "--no-live"],
        ["inspect", model],
        ["fix", model, "--rules", "clean", "-o", tmp_path / "o.pb"],
        ["convert", model, "--to", "onnx", "-o", tmp_path / "o.onnx"],
    ):
        done = call(*words)
        assert done.code in (0, 1), done.err[:500]
