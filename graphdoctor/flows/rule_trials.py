"""test-rules: each rule of a folder over the graphs that its author wrote for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.config import Given
from graphdoctor.config.discovery import nearest_file
from graphdoctor.config.request import settings_for
from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.flows.plan import rules_in
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import LintOptions, Rule, lint, load_rules
from graphdoctor.lint.engine import RULE_FAILED
from graphdoctor.lint.outside import Home, give
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target

NEAR = "near"
KINDS = ("bad", "good", NEAR)
"""A graph that breaks the rule, one that does not, and one that nearly does."""
_SAID = re.compile(r"#\s*(target|expect):\s*(.*)")


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule over one graph; ``problem`` is empty where it did what its author expects."""

    code: str
    kind: str
    problem: str = ""


def try_rules(folder: Path, given: Given | None = None) -> list[Trial]:
    """Every rule of ``folder`` over ``fixtures/<CODE>/{bad,good,near}.gdt`` in it.

    Its rules are those of its rule files, and those of a configuration that lies in it or is given; the latter need no
    near miss. A graph is in the compact text form. ``# target: trt3 trt8.6`` names targets (default: all),
    ``# expect: a, b`` the nodes of a bad graph at which the rule must be broken, and nowhere else.

    Raises:
        InputError: there are no rules, or one of them is wrong.
    """
    home = Home(folder.resolve().name, folder.resolve())
    own = _configured(home.folder, given or Given())
    if not home.files and not own:
        raise InputError(
            "holds no rule files (*.toml), and no configuration with a [[rule]]",
            where=str(folder),
            remedy="Give the folder of a rule package, or the one that graphdoctor.toml or pyproject.toml lies in",
        )
    if home.files:
        give(home)
    names = {path.stem for path in home.files}
    tried = [_trial(home, rule, kind) for rule in load_rules() if rule.code in names for kind in KINDS]
    return tried + [_trial(home, rule, kind, own) for rule in own for kind in _kinds_of(home, rule)]


def _configured(folder: Path, given: Given) -> tuple[Rule, ...]:
    """The rules of the configuration in ``folder``, or of one that is given; one farther up is about more than it."""
    nearest = nearest_file(folder)
    if not given.config and (given.isolated or nearest is None or nearest.parent != folder):
        return ()
    return rules_in(settings_for(str(folder), given))


def _kinds_of(home: Home, rule: Rule) -> Iterator[str]:
    yield from (kind for kind in KINDS if kind != NEAR or _graph_file(home, rule, kind).is_file())


def _graph_file(home: Home, rule: Rule, kind: str) -> Path:
    return home.folder / "fixtures" / rule.code / f"{kind}.gdt"


def _trial(home: Home, rule: Rule, kind: str, own: tuple[Rule, ...] = ()) -> Trial:
    path = _graph_file(home, rule, kind)
    if not path.is_file():
        return Trial(rule.code, kind, f"there is no {path.relative_to(home.folder)}")
    try:
        return Trial(rule.code, kind, "; ".join(_problems(path, rule, kind, own)))
    except GraphdoctorError as e:
        return Trial(rule.code, kind, str(e))


def _problems(path: Path, rule: Rule, kind: str, own: tuple[Rule, ...]) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    said = {m[1]: m[2] for m in map(_SAID.match, text.splitlines()) if m}
    expected = {name.strip() for name in said.get("expect", "").split(",") if name.strip()}
    if (kind == "bad") != bool(expected):
        yield "a bad graph says what it expects: # expect: NODE" if kind == "bad" else f"a {kind} graph expects nothing"
        return
    graph = parse_graph(text, path.name)
    complete_attrs(graph)
    targets = [load_target(name) for name in said.get("target", "").split() or all_target_names()]
    options = LintOptions(select=(rule.code, RULE_FAILED), own_rules=own)
    findings = lint(graph, infer_shapes(graph), targets, options).findings
    found = {f.node for f in findings if f.code == rule.code}
    if missing := sorted(expected - found):
        yield f"nothing was found at {', '.join(missing)}"
    if more := sorted(found - expected):
        yield f"found at {', '.join(n or 'the graph' for n in more)}, where nothing is expected"
    yield from (f.message for f in findings if f.name == RULE_FAILED)
