"""What older releases know: the table is that of the facts, and a graph that was kept to one has no other ops."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from graphdoctor.errors import InputError
from graphdoctor.formats.tensorflow import load_model
from graphdoctor.ir import Graph, Node
from graphdoctor.match.releases import load_release
from graphdoctor.passes.signature import set_signature
from graphdoctor.surgery import load_rewrites, run_rewrites
from graphdoctor.types import DType

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "facts" / "tf_op_history.json"
GRAPHS = sorted((ROOT / "fixtures" / "graphs").glob("*.pb"))
needs_facts = pytest.mark.skipif(not FACTS.is_file(), reason="the tables of facts are not here")
RELEASES = ("1.4", "1.7", "1.10", "1.13", "1.14", "1.15")


def tool() -> ModuleType:
    """tools/tf_history.py as a module."""
    spec = importlib.util.spec_from_file_location("tf_history", ROOT / "tools" / "tf_history.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tf_history"] = module
    spec.loader.exec_module(module)
    return module


@needs_facts
def test_the_files_are_what_the_tool_derives(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool().main(["--check", "--facts", str(FACTS.parent)]) == 0, capsys.readouterr().out


def test_what_a_release_knows() -> None:
    old, new = load_release("1.4"), load_release("1.14")
    assert (old.newer_ops["LeakyRelu"], old.newer_ops["FusedBatchNormV3"], old.newer_ops["Erfinv"]) == (
        "1.13",
        "1.14",
        "2",
    )
    assert "LeakyRelu" not in new.newer_ops
    assert old.attrs["Conv2D"] == {"dilations": [1, 1, 1, 1], "explicit_paddings": []}
    assert "Conv2D" not in new.attrs
    assert "FusedBatchNormV3" not in old.attrs
    assert new.attrs["FusedBatchNormV3"] == {"exponential_avg_factor": 1.0}
    assert "bfloat16" in old.newer_types["Abs"]["T"]
    with pytest.raises(InputError, match=r"no release '1\.5' of TensorFlow was read"):
        load_release("1.5")


@needs_facts
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem) for p in GRAPHS])
def test_what_is_left_the_release_knows_or_it_is_said_why_not(path: Path, release: str) -> None:
    graph = load_model(str(path)).graph
    set_signature(graph, [])
    result = run_rewrites(graph, load_rewrites([f"tf{release.replace('.', '')}"]))
    assert (result.converged, result.rolled_back) == (True, [])
    said = {r.node for r in result.refused}
    assert {n.name for n in unknown(graph, release)} <= said


def unknown(graph: Graph, release: str) -> list[Node]:
    """Nodes that ``release`` cannot read, by the facts themselves."""
    facts = json.loads(FACTS.read_text())
    limit = tuple(map(int, release.split(".")))

    def newer(first_seen: str) -> bool:
        return tuple(map(int, first_seen.split(".")))[:2] > limit

    ops = {op for op, first in facts["op_first_seen_all"].items() if newer(first)}
    attrs = {(r["op"], r["attr"]) for r in facts["attrs_added"] if newer(r["first_seen"])}
    return [n for n in graph if n.op in ops or any((n.op, key) in attrs for key in n.attrs) or odd(n, facts, newer)]


def odd(node: Node, facts: dict[str, Any], newer: Any) -> bool:
    """True if a dtype of ``node`` came later, whatever release said so first."""
    for key, value in node.attrs.items():
        rows = [r for r in facts["enum_values_added"] if (r["op"], r["attr"]) == (node.op, key)]
        rows = [r for r in rows if isinstance(value, DType) and f"DT_{value.name}" in r["added"]]
        if rows and all(newer(r["first_seen"]) for r in rows):
            return True
    return False
