"""JUnit XML, for the test reports of Jenkins, GitLab and others.

A suite is a model. A chosen target is a test that fails unless the model is compatible; so is each rule that spoke of a
target, which fails when it stands in the way or could not tell. What does not stand in the way is the output of a test
that passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphdoctor.findings import Failed, ModelReport, Report, Severity, Verdict
from graphdoctor.render.parts.glyphs import ASCII
from graphdoctor.render.parts.groups import Group, TargetSummary, group_findings, summaries
from graphdoctor.render.parts.headline import group_lines, headline, hidden_notes
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import clean
from graphdoctor.words import plural

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_EVERY = "every target"


@dataclass(frozen=True, slots=True)
class _Case:
    """A test: ``kind`` says why it failed and is empty where it passed; ``text`` is the failure's or the output.

    ``text`` may have lines; everything in it is printable.
    """

    name: str
    kind: str
    message: str
    text: str


def render(report: Report, options: RenderOptions) -> str:
    """The document, ASCII: XML spells out every other character."""
    from xml.etree.ElementTree import Element, indent, tostring

    suites = [(model, list(_cases(model, options))) for model in report.models]
    counts = _counts([c for _, cases in suites for c in cases], len(report.failed))
    root = Element("testsuites", {"name": clean(report.tool), **counts})
    root.extend(_suite(model, cases) for model, cases in suites)
    root.extend(_failed(failed) for failed in report.failed)
    indent(root)
    text: bytes = tostring(root, encoding="us-ascii", xml_declaration=False)
    return f"{_DECLARATION}{text.decode('ascii')}\n"


def _cases(model: ModelReport, options: RenderOptions) -> Iterator[_Case]:
    groups = group_findings(model.findings)
    for summary in summaries(model, groups):
        yield _verdict(summary, accepted=summary.verdict.target in model.accepted)
        yield from _rules(summary.verdict.target, [g for g in groups if summary.verdict.target in g.targets], options)
    yield from _rules(_EVERY, [g for g in groups if g.targets == ("",)], options)


def _verdict(summary: TargetSummary, *, accepted: bool) -> _Case:
    verdict = summary.verdict
    kind = "" if accepted or verdict.verdict is Verdict.COMPATIBLE else verdict.verdict.value
    return _Case(f"{verdict.target}: verdict", kind, headline(summary), clean(verdict.reason))


def _rules(about: str, groups: Sequence[Group], options: RenderOptions) -> Iterator[_Case]:
    """A test for each rule that spoke; one that is unsure of a node has not passed."""
    by_code: dict[str, list[Group]] = {}
    for group in groups:
        by_code.setdefault(group.head.code, []).append(group)
    for code, members in sorted(by_code.items()):
        kinds = [_kind(g) for g in members]
        text = "\n\n".join("\n".join(map(clean, group_lines(g, options, ASCII))) for g in members)
        kind = "error" if "error" in kinds else next((k for k in kinds if k), "")
        message = plural(sum(len(g.findings) for g in members), "finding")
        yield _Case(f"{about}: {code} {members[0].head.name}", kind, message, text)


def _kind(group: Group) -> str:
    if not group.head.certain:
        return Verdict.UNKNOWN.value
    return "error" if group.head.severity is Severity.ERROR else ""


def _counts(cases: Sequence[_Case], errors: int = 0) -> dict[str, str]:
    failures = sum(1 for c in cases if c.kind)
    return {"tests": str(len(cases) + errors), "failures": str(failures), "errors": str(errors), "time": "0"}


def _failed(failed: Failed) -> Element:
    """A suite of one test, which could not be run."""
    from xml.etree.ElementTree import Element, SubElement

    path = clean(failed.path)
    suite = Element("testsuite", {"name": path, **_counts([], 1), "skipped": "0"})
    case = SubElement(suite, "testcase", classname=path, name="check", time="0")
    SubElement(case, "error", type="not checked", message=clean(failed.message)).text = clean(failed.remedy)
    return suite


def _suite(model: ModelReport, cases: Sequence[_Case]) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    suite = Element("testsuite", {"name": clean(model.path), **_counts(cases), "skipped": "0"})
    properties = SubElement(suite, "properties")
    for name, value in (("kind", model.kind), ("sha256", model.sha256), ("nodes", str(model.nodes))):
        SubElement(properties, "property", name=name, value=clean(value))
    suite.extend(_testcase(model.path, case) for case in cases)
    notes = [f"not checked: {clean(note)}" for note in model.not_checked] + [clean(n) for n in hidden_notes(model)]
    if notes:
        SubElement(suite, "system-out").text = "\n".join(notes)
    return suite


def _testcase(path: str, case: _Case) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    made = Element("testcase", classname=clean(path), name=clean(case.name), time="0")
    if case.kind:
        SubElement(made, "failure", type=case.kind, message=clean(case.message)).text = case.text
    else:
        SubElement(made, "system-out").text = "\n".join(t for t in (clean(case.message), case.text) if t)
    return made
