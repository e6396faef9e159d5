"""Whatever a graph's names hold, every format stays what it is: it parses, and nothing in a name is obeyed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

from graphdoctor.findings import Finding, Report, Severity, TargetVerdict, TensorInfo, Verdict
from graphdoctor.render import RenderOptions, render
from graphdoctor.render.parts.words import clean
from graphdoctor.types import DType
from tests.render.sample import RESNET

SARIF = Draft4Validator(json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text()))
OPTIONS = RenderOptions(show_nodes=True, statistics=True)
CONTROLS = ("\n", "\r\n", "\t", "\0", "\x1b[31m", "\x9b", "\u202e", "\u2028", "\ufeff", "\ufffe", "\udc80")
MARKUP = ("|", "`", "``", "\\", "\\|", "**", "__", "~~", "#", "@me", "- ", "> ", "](http://x)", "[a](b)", "![a](b)")
XML = ("<b>", "</td>", "<!--", "&", "&lt;", "&amp;", "]]>", '"', "'")
COMMANDS = ("::error::x", "::", "%0A", "%", ",title=x", ":", "$(id)", ";", "{0}")
PIECES = ("a", "scope/node", " ", "ü", "図", "…", *CONTROLS, *MARKUP, *XML, *COMMANDS)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=12)
NAMES = TEXTS.filter(bool)
SEVERITIES = st.sampled_from(Severity)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report whose every text is drawn."""
    findings = draw(
        st.lists(
            st.builds(
                Finding,
                code=st.just("GDS001"),
                name=st.just("odd-name"),
                severity=SEVERITIES,
                target=st.sampled_from(["", "trt3"]),
                node=TEXTS,
                op=TEXTS,
                message=TEXTS,
                certain=st.booleans(),
                remedy=TEXTS,
            ),
            min_size=1,
            max_size=3,
        )
    )
    return Report(
        "graphdoctor 0.1.0",
        (
            dataclasses.replace(
                RESNET,
                path=draw(NAMES),
                kind=draw(TEXTS),
                inputs=(TensorInfo(draw(TEXTS), DType.FLOAT, None),),
                verdicts=(TargetVerdict("trt3", draw(st.sampled_from(Verdict)), 1, 2, draw(TEXTS)),),
                findings=tuple(findings),
                not_checked=(draw(TEXTS),),
                chosen=("trt3",),
            ),
        ),
    )


OURS = {"<br>", "<details>", "<summary>", "</summary>", "</details>"}


def _names(report: Report) -> list[str]:
    return [f.node for f in sorted(report.models[0].findings, key=lambda f: f.sort_key)]


@given(reports())
@settings(deadline=None, max_examples=60)
def test_json_gives_the_names_back(report: Report) -> None:
    (model,) = json.loads(render("json", report, OPTIONS))["models"]
    assert [f["node"] for f in model["findings"]] == _names(report)
    assert (model["path"], model["not_checked"]) == (report.models[0].path, list(report.models[0].not_checked))


@given(reports())
@settings(deadline=None, max_examples=60)
def test_json_lines_are_lines(report: Report) -> None:
    text = render("jsonl", report, OPTIONS)
    records = [json.loads(line) for line in text.splitlines()]
    assert [r["node"] for r in records if r["type"] == "finding"] == _names(report)


@given(reports())
@settings(deadline=None, max_examples=60)
def test_sarif_keeps_its_schema(report: Report) -> None:
    document = json.loads(render("sarif", report, OPTIONS))
    SARIF.validate(document)
    nodes = [r["locations"][0].get("logicalLocations") for r in document["runs"][0]["results"]]
    assert [n[0]["fullyQualifiedName"] if n else "" for n in nodes] == _names(report)
    messages = [r["message"]["text"] for r in document["runs"][0]["results"]]
    assert all(m.isprintable() and "](" not in m for m in messages)


@given(reports())
@settings(deadline=None, max_examples=60)
def test_gitlab_is_printable(report: Report) -> None:
    entries = json.loads(render("gitlab", report, OPTIONS))
    found = [e for e in entries if e["check_name"] == "GDS001"]
    for name, entry in zip(_names(report), found, strict=True):
        assert entry["description"].isprintable()
        assert clean(name) in entry["description"]


@given(reports())
@settings(deadline=None, max_examples=60)
def test_junit_is_xml(report: Report) -> None:
    root = ElementTree.fromstring(render("junit", report, OPTIONS).encode())
    texts = " ".join(root.itertext())
    assert all(clean(name) in texts for name in _names(report))
    assert all(line.isprintable() for text in root.itertext() for line in text.split("\n"))
    assert root[0].attrib["name"] == clean(report.models[0].path)


@given(reports())
@settings(deadline=None, max_examples=60)
def test_github_commands_are_ours(report: Report) -> None:
    lines = render("github", report, OPTIONS).split("\n")
    command = re.compile(r"::(error|warning|notice) file=([^,:\r]*),title=([^,:\r]*)::([^\r]*)")
    matches = [command.fullmatch(line) for line in lines[:-1]]
    assert lines[-1] == ""
    assert all(m is not None and unquote(m[3]) in ("GDS001 odd-name", "trt3") for m in matches)


@pytest.mark.parametrize("format_", ["full", "concise"])
@given(report=reports())
@settings(deadline=None, max_examples=60)
def test_a_terminal_gets_printable_lines(format_: str, report: Report) -> None:
    lines = render(format_, report, OPTIONS).split("\n")
    assert all(line.isprintable() for line in lines)
    assert any(clean(report.models[0].path) in line for line in lines)


@given(reports())
@settings(deadline=None, max_examples=60)
def test_markdown_holds_no_markup_but_ours(report: Report) -> None:
    tokens = list(
        _flat(MarkdownIt("commonmark", {"html": True}).enable("table").parse(render("markdown", report, OPTIONS)))
    )
    assert {tag for t in tokens if t.type.startswith("html") for tag in re.findall("<[^>]*>", t.content)} <= OURS
    assert not [
        t for t in tokens if t.type in ("link_open", "image", "fence", "code_block", "em_open", "blockquote_open")
    ]
    items = [t.level for t in tokens if t.type == "list_item_open"]
    assert max(items) <= 5  # rule, reason, place: two levels of tokens each
    shown = " ".join(t.content for t in tokens if t.type in ("text", "code_inline"))
    assert all(_squeezed(name) in _squeezed(shown) for name in _names(report))


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def _squeezed(text: Any) -> str:
    """Without spaces, which Markdown folds."""
    return re.sub(r"\s+", "", clean(text))
