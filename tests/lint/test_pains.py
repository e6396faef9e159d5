"""What people stumble over, entry by entry: the smallest graph that has the trouble, and the code that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.errors import InputError
from graphdoctor.findings import Finding
from graphdoctor.flows.check import CheckOptions, check_model
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.formats.tensorflow import save_graph
from graphdoctor.lint import find_rule
from graphdoctor.resources import load_toml
from tests.test_rules import ROOT, Fixture

FOLDER = ROOT / "fixtures" / "pains"
PAINS: dict[str, dict[str, Any]] = load_toml(FOLDER / "pains.toml")
CODES, REFUSED, UNSEEN = (PAINS[k] for k in ("codes", "refused", "unseen"))
VERSIONS = bytes.fromhex("2202081b")
"""``versions {producer: 27}``, as TensorFlow 1.12 writes it: a file that does not say counts as older than shapes."""
COLLECTION = ROOT.parent / "shared" / "research" / "pain.json"


def findings(fixture: Fixture, folder: Path) -> tuple[Finding, ...]:
    """What ``check`` says of the graph, written to a file and read again, with its default options."""
    graph = fixture.graph()
    path = folder / f"{fixture.path.stem}.pb"
    save_graph(graph, str(path))
    with path.open("ab") as file:
        file.write(VERSIONS)
    names = SignatureOptions.parse((), [v.node.name for v in graph.outputs])
    return check_model(str(path), CheckOptions(fixture.targets, signature=names, live=False)).findings


@pytest.mark.parametrize("pain", sorted(CODES))
def test_check_names_the_code_at_the_place_for_the_target(pain: str, tmp_path: Path) -> None:
    fixture = Fixture.read(FOLDER / f"{pain}.gdt")
    found = findings(fixture, tmp_path)
    for target in fixture.targets or ("",):
        own = [f for f in found if f.target in ("", target) and f.code in CODES[pain]]
        assert set(fixture.expect) <= {f.node for f in own}, (pain, target)
    assert {f.code for f in found if f.node in fixture.expect} >= set(CODES[pain])


@pytest.mark.parametrize("pain", sorted(REFUSED))
def test_what_is_no_model_is_refused_by_its_kind(pain: str) -> None:
    with pytest.raises(InputError, match=REFUSED[pain]["words"]):
        check_model(str(FOLDER / REFUSED[pain]["file"]), CheckOptions(("trt3",)))


def test_every_file_belongs_to_an_entry() -> None:
    graphs = {p.stem for p in FOLDER.glob("*.gdt")}
    assert graphs == set(CODES)
    assert all(find_rule(code).code == code for codes in CODES.values() for code in codes)
    assert all(len(reason.split()) > 3 for reason in UNSEEN.values())


@pytest.mark.skipif(not COLLECTION.is_file(), reason="the collection of reports is not here")
def test_no_report_is_left_out_and_none_is_told_twice() -> None:
    known = sorted(entry["id"] for entry in json.loads(COLLECTION.read_text("utf-8"))["pains"])
    assert sorted([*CODES, *REFUSED, *UNSEEN]) == known
