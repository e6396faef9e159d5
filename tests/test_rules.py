"""Every rule against its fixtures: rules/checks and fixtures/rules are walked, nothing is listed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphdoctor.findings import Finding, Severity
from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, Rule, lint, lint_uff, load_rules, subject_of
from graphdoctor.lint.rules import FixFile
from graphdoctor.lint.run import load_check
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.resources import load_toml
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.wire.tensorflow import GraphDef
from graphdoctor.wire.tensors import Tensor
from graphdoctor.wire.uff.notation_read import parse_uff

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures" / "rules"
LOCK = ROOT / "rules" / "ids.lock"
RULES = load_rules()
UNREACHABLE = {"GDU045": "no limit of the tables is open: tests/lint/test_limits.py shows it with one that is made up"}
CHECKED = [rule for rule in RULES if rule.raised_by is None and rule.code not in UNREACHABLE]
UFF = ".ufft"
"""Suffix of fixtures that state a UFF file."""
FILE = "-"
"""What ``# expect:`` says for a finding at the file as a whole."""
HEADER = re.compile(r"#\s*(target|expect|also|payload|function):\s*(.*)")


@dataclass(frozen=True)
class Fixture:
    """A graph in text form and what its header says of it."""

    path: Path
    targets: tuple[str, ...]
    expect: tuple[str, ...]
    also: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Fixture:
        said = dict(_headers(path.read_text()))
        names = tuple(n.strip().removeprefix(FILE) for n in said.get("expect", "").split(",") if n.strip())
        targets = tuple(said["target"].split()) if "target" in said else ()
        return cls(path, targets, names, frozenset(re.findall(r"GD[A-Z]\d{3}", said.get("also", ""))))

    def graph(self) -> Graph:
        text = self.path.read_text()
        graph = parse_graph(text, self.path.name)
        for key, value in _headers(text):
            if key == "payload":
                node, payload = value.split("=")
                tensor = Tensor.from_payload(bytes.fromhex(payload))
                graph.set_attr(graph.node(node.strip()), "value", tensor)
            elif key == "function":
                _add_function(graph, *value.split("="))
        complete_attrs(graph)
        return graph

    def findings(self) -> tuple[Finding, ...]:
        if self.path.suffix == UFF:
            of = subject_of(parse_uff(self.path.read_text(), self.path.name))
            return lint_uff(
                of, [load_target(name) for name in self.targets], LintOptions(extend_select=("ALL",))
            ).findings
        graph = self.graph()
        targets = [load_target(name) for name in self.targets]
        options = LintOptions(extend_select=("ALL",))
        return lint(graph, infer_shapes(graph), targets, options).findings


def _add_function(graph: Graph, name: str, ops: str) -> None:
    """Put ``name = Op, Op, ...`` into the library; an op that starts with @ is a call by an attribute."""
    if graph.source is None:
        graph.source = GraphDef()
    function = graph.source.library.function.add()
    function.signature.name = name.strip()
    for op in ops.split(","):
        node = function.node_def.add(name=f"n{len(function.node_def)}", op=op.strip())
        if node.op.startswith("@"):
            node.attr["f"].func.name = node.op[1:]
            node.op = "PartitionedCall"


def _headers(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = HEADER.match(line)
        if match:
            yield match[1], match[2].strip()


def _fixture(rule: Rule, kind: str) -> Fixture:
    path = FIXTURES / rule.code / f"{kind}{'.gdt' if 'graph' in rule.formats else UFF}"
    if not path.is_file():
        pytest.fail(f"{rule.code} has no {path.relative_to(ROOT)}")
    return Fixture.read(path)


def _at_least(findings: tuple[Finding, ...], rule: Rule) -> list[Finding]:
    """Findings that matter beside the rule's own: warnings, and notes where the rule is one itself."""
    lowest = min(rule.level, Severity.WARNING)
    return [f for f in findings if f.severity >= lowest]


@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: r.code)
def test_bad_gives_exactly_this_finding(rule: Rule) -> None:
    fixture = _fixture(rule, "bad")
    assert fixture.expect, f"{fixture.path} does not say '# expect: node'"
    found = _at_least(fixture.findings(), rule)
    own = [f for f in found if f.code == rule.code]
    assert tuple(sorted(f.node for f in own)) == tuple(sorted(fixture.expect))
    assert {f.code for f in found} - fixture.also == {rule.code}
    assert fixture.also <= {f.code for f in found}


@pytest.mark.parametrize("kind", ("good", "near"))
@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: r.code)
def test_good_and_near_do_not(rule: Rule, kind: str) -> None:
    found = _fixture(rule, kind).findings()
    assert [f for f in found if f.code == rule.code] == []


@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: r.code)
def test_good_is_good(rule: Rule) -> None:
    fixture = _fixture(rule, "good")
    extra = [f for f in fixture.findings() if f.severity >= Severity.WARNING and f.code not in fixture.also]
    assert extra == []


@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: r.code)
def test_messages_are_filled_in(rule: Rule) -> None:
    for finding in _fixture(rule, "bad").findings():
        assert not re.search(r"\{\w*\}|\bNone\b", finding.message), finding.message
        assert finding.message == finding.message.strip()
        assert not finding.message.endswith(".")
        assert finding.remedy


@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: r.code)
def test_certainty_and_severity_agree(rule: Rule) -> None:
    for finding in _fixture(rule, "bad").findings():
        if finding.code == rule.code:
            assert finding.severity is (rule.level if finding.certain else Severity.WARNING)
            assert finding.certain or finding.message.startswith("cannot tell whether ")


def test_every_fixture_folder_belongs_to_a_rule() -> None:
    folders = {p.name for p in FIXTURES.iterdir() if p.is_dir()}
    assert folders == {rule.code for rule in CHECKED}


def test_every_rule_file_is_loaded() -> None:
    files = {p.stem for p in (ROOT / "rules" / "checks").glob("*.toml")}
    assert files == {rule.code for rule in RULES}


def test_ids_are_locked() -> None:
    locked = [line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert len({code for code, _ in locked}) == len(locked)
    assert len({name for _, name in locked}) == len(locked)
    assert dict(locked) == {rule.code: rule.name for rule in RULES}


def test_every_check_belongs_to_a_rule() -> None:
    folder = ROOT / "graphdoctor" / "lint" / "checks"
    modules = {p.stem.replace("_", "-") for p in folder.glob("*.py")} - {"--init--"}
    assert modules == {rule.check for rule in RULES if rule.check}


@pytest.mark.parametrize("rule", [r for r in RULES if r.check], ids=lambda r: r.code)
def test_arguments_of_checks_exist(rule: Rule) -> None:
    assert rule.check is not None
    assert set(rule.args) <= set(load_check(rule.check).__kwdefaults__ or ())


@pytest.mark.parametrize("rule", [r for r in RULES if r.targets], ids=lambda r: r.code)
def test_limits_exist_in_a_target(rule: Rule) -> None:
    assert rule.targets is not None
    targets = [load_target(name) for name in all_target_names()]
    assert any(rule.targets.includes(t) for t in targets)
    for name in rule.targets.limits:
        assert any(t.has_limit(name) for t in targets), name


PACKS = {p.stem: load_toml(p) for p in (ROOT / "rules" / "rewrites").glob("*.toml")}


def _fixes(rule: Rule) -> list[FixFile]:
    return [*([rule.fix] if rule.fix else []), *rule.fixes.values()]


@pytest.mark.parametrize("rule", [r for r in RULES if _fixes(r)], ids=lambda r: r.code)
def test_fixes_name_rewrites_of_packs(rule: Rule) -> None:
    for fix in _fixes(rule):
        pack = PACKS[fix.pack]
        included = [word.split("/") for word in pack.get("include", ())]
        homes = [fix.pack, *(home for home, name in included if name == fix.rewrite)]
        found = [r for home in homes for r in PACKS[home]["rewrite"] if r["name"] == fix.rewrite]
        assert found, f"the pack {fix.pack} has no rewrite {fix.rewrite}"
        assert found[0]["safety"] == fix.safety
        assert rule.code in found[0].get("fixes", ())
