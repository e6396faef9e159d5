"""What people stumble over, entry by entry: the rewrites that make the finding go, and why the others have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphdoctor.findings import Finding
from graphdoctor.flows.check import CheckOptions, check_model
from graphdoctor.flows.fix import Fixed, FixOptions, fix_model, write_fixed
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.formats.tensorflow import save_graph
from graphdoctor.ir import Graph
from graphdoctor.resources import load_toml
from graphdoctor.surgery import pack_names
from graphdoctor.surgery.pins import Pin
from graphdoctor.targets import load_target
from tests.lint.test_pains import CODES, FOLDER, VERSIONS
from tests.test_rules import Fixture

ALL: dict[str, dict[str, Any]] = load_toml(FOLDER / "fixes.toml")
FIXED, LEFT = ALL["fixed"], ALL["left"]


def cases() -> list[Any]:
    """Each graph for each of its targets."""
    found = [(pain, target) for pain in FIXED for target in Fixture.read(FOLDER / f"{pain}.gdt").targets or ("",)]
    return [pytest.param(pain, target, id=f"{pain}-{target}") for pain, target in found]


def fixed(pain: str, target: str, folder: Path, packs: list[str]) -> Fixed:
    """The graph of ``pain`` after the packs, as ``fix`` would write it."""
    graph = Fixture.read(FOLDER / f"{pain}.gdt").graph()
    path = folder / "before.pb"
    written(graph, path)
    entry = FIXED.get(pain, {})
    names = SignatureOptions.parse(entry.get("inputs", ()), [v.node.name for v in graph.outputs])
    pins = tuple(Pin.parse(text) for text in entry.get("pins", ()))
    options = FixOptions(
        tuple(packs),
        load_target(target) if target else None,
        unsafe=entry.get("unsafe", pain in LEFT),
        signature=names,
        pins=pins,
    )
    return fix_model(str(path), options)


def written(graph: Graph, path: Path) -> None:
    save_graph(graph, str(path))
    with path.open("ab") as file:
        file.write(VERSIONS)


def findings(done: Fixed, target: str, folder: Path) -> tuple[Finding, ...]:
    """What ``check`` says of the file that ``fix`` wrote."""
    path = folder / "after.pb"
    write_fixed(done, str(path))
    with path.open("ab") as file:
        file.write(VERSIONS)
    names = SignatureOptions.parse((), [v.node.name for v in done.opened.graph.outputs])
    options = CheckOptions((target,) if target else (), signature=names, live=False)
    return check_model(str(path), options).findings


@pytest.mark.parametrize(("pain", "target"), cases())
def test_fix_makes_the_finding_go(pain: str, target: str, tmp_path: Path) -> None:
    done = fixed(pain, target, tmp_path, FIXED[pain]["packs"])
    assert done.changed
    assert done.result.rolled_back == []
    after = {f.code for f in findings(done, target, tmp_path)}
    stays = FIXED[pain].get("left", {})
    assert after & set(CODES[pain]) <= set(stays)
    assert set(stays) < set(CODES[pain])


@pytest.mark.parametrize("pain", sorted(set(LEFT) - {"graphdef-2gb"}))
def test_what_is_said_to_stay_stays_with_every_pack(pain: str, tmp_path: Path) -> None:
    for target in Fixture.read(FOLDER / f"{pain}.gdt").targets or ("",):
        packs = [p for p in pack_names() if not p.startswith("tf1")]
        after = {f.code for f in findings(fixed(pain, target, tmp_path, packs), target, tmp_path)}
        assert after & set(CODES[pain]), target


def test_no_graph_is_left_out_and_every_no_has_a_reason() -> None:
    assert sorted([*FIXED, *LEFT]) == sorted(CODES)
    reasons = [*LEFT.values(), *(r for entry in FIXED.values() for r in entry.get("left", {}).values())]
    assert all(len(reason.split()) > 4 for reason in reasons)
