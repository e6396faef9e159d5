"""What people get to see of real graphs, for every target at once."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from graphdoctor.findings import ModelReport, Report
from graphdoctor.flows.check import CheckOptions, check_model
from graphdoctor.render import RenderOptions, render
from graphdoctor.render.parts.groups import group_findings, sections
from graphdoctor.targets import all_target_names

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "pb"
DETECTOR = CORPUS / "od_ssd_mobilenet_v2_tofloat_nms3.pb"
GRAPHS = (*sorted((ROOT / "fixtures" / "graphs").glob("*.pb")), DETECTOR)


@cache
def _report(path: Path) -> ModelReport:
    if not path.exists():
        pytest.skip(f"no {path.name} here")
    return check_model(str(path), CheckOptions(tuple(all_target_names()), live=False))


@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.stem)
def test_no_finding_is_lost_or_told_twice(path: Path) -> None:
    model = _report(path)
    groups = group_findings(model.findings)
    told = Counter(
        (f.code, f.certain, f.severity, f.node, f.message, t) for g in groups for f in g.findings for t in g.targets
    )
    assert set(told) == {(f.code, f.certain, f.severity, f.node, f.message, f.target) for f in model.findings}
    assert set(told.values()) <= {1}
    shown = [(s.head.code, r[0]) for s in sections(groups) for r in s.reasons]
    reasons = [(code, g.message, g.remedy, g.blocks, g.head.fix) for code, g in shown]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.stem)
def test_lines_are_as_wide_as_the_terminal(path: Path, width: int) -> None:
    text = render("full", Report("graphdoctor", (_report(path),)), RenderOptions(width=width, statistics=True))
    wide = [line for line in text.splitlines() if len(line) > width]
    longest_word = max((max(map(len, line.split())) for line in wide), default=width)
    assert all(max(map(len, line.split())) > width - 20 or "graphdoctor fix" in line for line in wide), longest_word


def test_a_detector_for_every_target_is_a_page_that_can_be_read() -> None:
    model = _report(DETECTOR)
    lines = render("full", Report("graphdoctor", (model,)), RenderOptions()).splitlines()
    assert len(lines) < len(model.findings) / 5
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("   target ")) :]
    shown = [line.split()[1] for line in table[1 : 1 + len(model.verdicts)]]
    assert shown == list(all_target_names())
