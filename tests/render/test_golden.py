"""Every page against its golden file; GRAPHDOCTOR_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from graphdoctor.findings import Report
from graphdoctor.render import FORMATS, RenderOptions, render
from graphdoctor.render.text_build import render_build
from graphdoctor.render.text_cure import render_cure
from graphdoctor.render.text_error import render_error
from graphdoctor.render.text_fix import render_diff, render_fix_summary
from graphdoctor.render.text_inspect import render_inspect
from graphdoctor.render.text_rules import render_rule_page, render_rules, rule_page_markdown
from graphdoctor.render.text_targets import render_packs, render_targets
from graphdoctor.render.text_verify import render_verify
from tests.render import views
from tests.render.sample import REPORT, RULES

ALL = Report(
    REPORT.tool, tuple(dataclasses.replace(m, chosen=tuple(v.target for v in m.verdicts)) for m in REPORT.models)
)
GOLDEN = Path(__file__).parents[2] / "fixtures" / "golden"
PLAIN = RenderOptions(rules=RULES)
ASCII = RenderOptions(unicode=False, rules=RULES)
COLOR = RenderOptions(color=True, rules=RULES)

REPORTS = {
    **{f"check-{name}": (name, PLAIN) for name in FORMATS},
    "check-full-120": ("full", RenderOptions(width=120)),
    "check-full-40": ("full", RenderOptions(width=40)),
    "check-full-ascii": ("full", ASCII),
    "check-full-color": ("full", COLOR),
    "check-full-all": ("full", PLAIN),
    "check-full-nodes": ("full", RenderOptions(show_nodes=True, statistics=True)),
    "check-concise-color": ("concise", COLOR),
    "check-markdown-all": ("markdown", PLAIN),
    "check-concise-statistics": ("concise", RenderOptions(statistics=True)),
    "check-github-ascii": ("github", ASCII),
    "check-markdown-links": ("markdown", RenderOptions(help_base="https://example.org/rules/")),
}
PAGES: dict[str, Callable[[RenderOptions], str]] = {
    "inspect": lambda o: render_inspect(views.INSPECT, o),
    "diff": lambda o: render_diff(views.DIFFS, o, before="net.pb", after="net.fixed.pb"),
    "fix": lambda o: render_fix_summary(views.FIX, o),
    "fix-nothing": lambda o: render_fix_summary(views.NOTHING_FIXED, o),
    "verify": lambda o: render_verify(views.VERIFY, o),
    "verify-same": lambda o: render_verify(views.SAME, o),
    "build": lambda o: render_build(views.BUILT, o),
    "build-failed": lambda o: render_build(views.NOT_BUILT, o),
    "cure": lambda o: render_cure(views.CURE, o),
    "cure-failed": lambda o: render_cure(views.NOT_CURED, o),
    "rules": lambda o: render_rules(views.ROWS, o),
    "rule-page": lambda o: render_rule_page(views.RULE, o),
    "rule-page-markdown": lambda o: rule_page_markdown(views.RULE),
    "targets": lambda o: render_targets(views.TARGETS, o),
    "packs": lambda o: render_packs(views.PACKS, o),
    "error": lambda o: render_error(views.ERROR, o),
    "error-crash": lambda o: render_error(views.CRASH, o),
}


def _compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GRAPHDOCTOR_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_report(name: str) -> None:
    format_, options = REPORTS[name]
    _compare(name, render(format_, ALL if name.endswith("-all") else REPORT, options))


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str) -> None:
    _compare(name, PAGES[name](PLAIN))


@pytest.mark.parametrize("name", ["fix", "verify", "cure", "diff", "error-crash"])
def test_coloured_page(name: str) -> None:
    _compare(f"{name}-color", PAGES[name](COLOR))


def test_every_golden_file_has_a_test() -> None:
    colored = {f"{name}-color" for name in ("fix", "verify", "cure", "diff", "error-crash")}
    assert {p.stem for p in GOLDEN.glob("*.txt")} == REPORTS.keys() | PAGES.keys() | colored


@pytest.mark.parametrize("name", PAGES)
def test_page_in_ascii_fits_any_stream(name: str) -> None:
    if name != "rule-page-markdown":
        assert PAGES[name](ASCII).isascii()


def test_the_examples_of_the_documentation_are_real_output() -> None:
    document = (GOLDEN.parents[1] / "docs" / "output.md").read_text(encoding="utf-8")
    golden = [p.read_text(encoding="utf-8") for p in GOLDEN.glob("check-*.txt")]
    blocks = re.findall(r"```text\n(.*?)```", document, re.DOTALL)
    assert len(blocks) >= 6
    assert [b for b in blocks if not any(b in text for text in golden)] == []
