"""Rules as data: ``rules/checks/<CODE>.toml``, read once, every key and word checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import inf
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.findings import Fix, Safety, Severity
from graphdoctor.lint.outside import OWN_PREFIX, Home, collisions, homes
from graphdoctor.lint.target_selection import TargetSelection
from graphdoctor.match.pattern import Pattern, PatternEdge
from graphdoctor.match.vocabulary import AnyPredicate, predicate_classes
from graphdoctor.resources import load_toml, toml_files

FAMILIES: Mapping[str, str] = {
    "F": "file and format",
    "S": "structure",
    "D": "dtype",
    "H": "shape",
    "C": "control flow and training left-overs",
    "V": "TensorFlow version drift",
    "U": "UFF",
    "O": "ONNX parser",
    "T": "TF-TRT",
    "P": "plugins",
    "N": "numerics and precision",
    "X": "security",
    "L": "live: said by NVIDIA's parser or builder",
}
"""Third letter of a code to what the family is about."""
_LEVELS = {level.label: level for level in Severity}
TEMPLATE_FIELDS = frozenset({"node", "op", "reason", "shape", "dtype", "scope", "target", "limit"})
"""What a message may name, besides the nodes of the rule's pattern."""

_CHECKS = Path(__file__).parent / "checks"

Code = Annotated[str, msgspec.Meta(pattern=r"^(GD[A-Z]|[A-Z]{2,8})[0-9]{3}$")]
Kebab = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Line = Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\n]+$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class EdgeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edge of a pattern; see :class:`graphdoctor.match.PatternEdge`."""

    producer: str
    consumer: str
    output: int | None = None
    input: int | None = None
    only: bool = False


class MatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to look: nodes of ``ops``, or a pattern of ``nodes`` and ``edges``."""

    ops: list[str] = []
    nodes: dict[str, list[str]] = {}
    edges: list[EdgeFile] = []
    anchor: str = ""


class FixFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rewrite that removes the finding; offered only where all of ``where`` hold."""

    rewrite: Kebab
    safety: Literal["safe", "unsafe", "manual"]
    pack: Kebab
    where: list[AnyPredicate] = []

    def value(self) -> Fix:
        """As findings hold it."""
        return Fix(self.rewrite, Safety(self.safety), self.pack)


class RuleOptionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of a rule that users may set; its default is what stands in the rule.

    Attributes:
        summary: what it is, with its unit.
        sets: the argument of the check, or the field of the predicate, that it is.
        predicate: the predicate of ``where`` that has the field; empty for an argument of the check.
        low: the smallest that makes sense.
        high: the largest.
    """

    summary: Line
    sets: str
    predicate: str = ""
    low: float = 0.0
    high: float = inf


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that can be wrong.

    Attributes:
        code: permanent.
        name: kebab-case; names the problem.
        severity: of a finding that is certain; one that is not is a warning.
        summary: one line.
        why: why it matters, what happens.
        remedy: what the user can do.
        errors: what NVIDIA's or TensorFlow's tools print, as users see it.
        symptoms: what users notice where no tool prints anything.
        sources: where the facts are from.
        confidence: of the facts.
        targets: the targets it is about; absent, it holds whatever the target.
        match: where to look; absent where ``check`` looks.
        where: all must hold of what was found.
        check: name of a check in ``lint/checks`` for what data cannot say.
        args: its arguments.
        options: numbers that users may set, by name. An error has none: they would change verdicts.
        raised_by: ``engine``, ``reader``, ``live`` (NVIDIA) or ``choosing`` for findings that no rule makes.
        message: template of the finding's text.
        doubt: what could not be told, where it cannot; reads on from "cannot tell whether".
        fix: the rewrite that removes it.
        fixes: other rewrites, by the case that a check names.
        default: False for a rule that must be selected.
        with_readers: ops whose nodes belong to the trouble where they read the node that was found.
        explains: True if its finding says why a target does not run the node, so that no other need say so.
        defers: True for a rule that is silent where another explains.
        encloses: True if what its finding covers can only go as a whole, so that no rule about a target speaks of the
            nodes inside.
        tables: True for a rule that tells what the tables of targets say. The verdict knows it already, so that the
            rule runs for the targets whose findings are wanted alone.
        last: True for a rule that asks what all others found of a target: how the graph is cut into segments.
        live_only: False for a rule that looks at dead nodes too.
        counted: True for a rule with one finding for all nodes of a target: at the first, with how many there are.
        formats: what it looks at: ``graph``, a graph of TensorFlow's ops; ``uff``, the nodes of a UFF file;
            ``uff-graph``, the graph that the parser finds in such a file, for what the converter has no part in.
        decides: False for a rule of somebody's house, whose errors say nothing of what a target runs: no verdict
            changes.
    """

    code: Code
    name: Kebab
    severity: Literal["error", "warning", "info"]
    summary: Line
    why: Text
    remedy: Text
    message: Line
    sources: list[Line]
    confidence: Literal["high", "medium", "low"]
    errors: list[Line] = []
    symptoms: list[Line] = []
    targets: TargetSelection | None = None
    match: MatchFile | None = None
    where: list[AnyPredicate] = []
    check: Kebab | None = None
    args: dict[str, Any] = {}
    options: dict[Kebab, RuleOptionFile] = {}
    raised_by: Literal["engine", "reader", "live", "choosing"] | None = None
    doubt: str = ""
    fix: FixFile | None = None
    fixes: dict[str, FixFile] = {}
    default: bool = True
    with_readers: list[str] = []
    explains: bool = False
    defers: bool = False
    encloses: bool = False
    tables: bool = False
    last: bool = False
    live_only: bool = True
    counted: bool = False
    formats: tuple[Literal["graph", "uff", "uff-graph"], ...] = ("graph",)
    decides: bool = True

    @property
    def level(self) -> Severity:
        """The severity as findings hold it."""
        return _LEVELS[self.severity]

    @property
    def family(self) -> str:
        """The letter of its family; empty for a rule of another package."""
        return self.code[2] if self.code.startswith(OWN_PREFIX) else ""

    @property
    def per_target(self) -> bool:
        """True if its predicates ask about the target."""
        return any(p.per_target for p in self.where)

    def pattern(self) -> Pattern:
        """Where to look, as a pattern.

        Raises:
            InputError: the pattern contradicts itself.
        """
        match = self.match or MatchFile()
        if match.ops:
            return Pattern({"node": match.ops})
        edges = [PatternEdge(e.producer, e.consumer, e.output, e.input, e.only) for e in match.edges]
        return Pattern(match.nodes, edges, match.anchor)


@cache
def load_rules() -> tuple[Rule, ...]:
    """Every rule that ships with graphdoctor, by code, and then those of other packages.

    Raises:
        InputError: a file of ``rules/checks`` is wrong; names file, key and the nearest valid word.
    """
    outside = [(read_rule(path, home), home) for home in homes() for path in home.files]
    collisions((rule.code, home) for rule, home in outside)
    rules = (*(read_rule(path) for path in toml_files("checks")), *(rule for rule, _ in outside))
    names: dict[str, str] = {}
    for rule in rules:
        if names.setdefault(rule.name, rule.code) != rule.code:
            raise InputError(
                f"the rules {names[rule.name]} and {rule.code} are both named {rule.name!r}",
                where="rules/checks",
                remedy="Rename one",
            )
    return rules


def find_rule(word: str) -> Rule:
    """The rule with the code or name ``word``.

    Raises:
        InputError: there is none; the message offers the nearest.
    """
    for rule in load_rules():
        if word in (rule.code, rule.name) or word.upper() == rule.code:
            return rule
    words = [w for r in load_rules() for w in (r.code, r.name)]
    raise InputError(f"there is no rule {word!r}", remedy=f"{nearest(word, words)}graphdoctor rules lists them")


def read_rule(path: Path, home: Home | None = None) -> Rule:
    """The rule in the file ``path``, graphdoctor's own or of ``home``.

    Raises:
        InputError: the file cannot be read, or says something that cannot be understood.
    """
    data = load_toml(path)
    try:
        rule = msgspec.convert(data, Rule)
    except msgspec.ValidationError as e:
        raise explained(str(e), data, str(path)) from e
    problem = _contradiction(rule, path, _CHECKS if home is None else home.folder / "checks")
    if problem:
        raise InputError(
            problem, where=str(path), remedy="The class Rule in graphdoctor/lint/rules.py says what each key means"
        )
    return rule


def _contradiction(rule: Rule, path: Path, checks: Path) -> str:
    """What the keys of ``rule`` contradict each other in, empty if nothing."""
    if path.stem != rule.code:
        return f"the file must be called {rule.code}.toml, as its code"
    if rule.code.startswith(OWN_PREFIX) and rule.family not in FAMILIES:
        return f"there is no family {rule.family!r}"
    if [rule.match is not None, rule.check is not None, rule.raised_by is not None].count(True) != 1:
        return "a rule needs exactly one of match, check and raised_by"
    if rule.check is not None and not (checks / f"{rule.check.replace('-', '_')}.py").is_file():
        return f"there is no check {rule.check!r}"
    if rule.match is not None and bool(rule.match.ops) == bool(rule.match.nodes):
        return "match needs either ops or nodes"
    if rule.match is None and rule.where:
        return "where needs match: a check decides for itself"
    if rule.severity == "error" and not rule.errors and not rule.sources:
        return "an error needs the text that users see, or a source"
    return _bad_option(rule) or bad_words(rule)


def bad_words(rule: Rule) -> str:
    """What the message or a predicate of ``rule`` names and the pattern does not have, empty if nothing."""
    nodes = set(rule.pattern().nodes) if rule.match is not None else set()
    try:
        fields = {name for _, name, _, _ in Formatter().parse(rule.message) if name is not None}
    except ValueError as e:
        return f"message cannot be filled in: {e}"
    unknown = fields - TEMPLATE_FIELDS - nodes
    if unknown:
        valid = ", ".join(sorted(TEMPLATE_FIELDS | nodes))
        return f"message names {min(unknown)!r}, which nothing fills in; it may name {valid}"
    asked = (p.on for p in rule.where if p.on and p.on not in nodes)
    return next((f"where asks about {on!r}, which the pattern does not have" for on in asked), "")


def _bad_option(rule: Rule) -> str:
    """What is wrong with the options of ``rule``, empty if nothing."""
    if rule.options and rule.severity == "error":
        return "the rules that are errors have no options: they would change verdicts"
    for key, option in rule.options.items():
        found = [p for p in rule.where if p.__struct_config__.tag == option.predicate]
        if option.predicate and len(found) != 1:
            return f"the option {key} needs exactly one {option.predicate!r} in where"
        value = getattr(found[0], option.sets, None) if found else rule.args.get(option.sets)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"the option {key} sets {option.sets!r}, which is no number of this rule"
    return ""


_UNKNOWN_FIELD = re.compile(r"unknown field `(?P<word>[^`]*)`")
_BAD_VALUE = re.compile(r"Invalid (?:enum )?value '(?P<word>[^']*)'")
_PLACE = re.compile(r" - at `\$?\.?(?P<key>[^`]*)`$")


def explained(problem: str, data: Mapping[str, Any], where: str) -> InputError:
    """msgspec's message with the place, the key and the nearest valid word."""
    place = _PLACE.search(problem)
    key = place["key"] if place else ""
    text = problem[: place.start()] if place else problem
    hint = ""
    for expression, choose in ((_UNKNOWN_FIELD, _fields_at), (_BAD_VALUE, _words_at)):
        found = expression.search(text)
        if found:
            valid = sorted(choose(key, data))
            hint = f"{nearest(found['word'], valid)}Valid: {', '.join(valid)}" if valid else ""
    return InputError(text[:1].lower() + text[1:], where=f"{where}: {key}" if key else where, remedy=hint)


def _fields_at(key: str, data: Mapping[str, Any]) -> Iterable[str]:
    """The keys that the table at ``key`` may have."""
    top = re.split(r"[.\[]", key, maxsplit=1)[0]
    tables: dict[str, type[msgspec.Struct]] = {
        "": Rule,
        "targets": TargetSelection,
        "fix": FixFile,
        "fixes": FixFile,
        "options": RuleOptionFile,
        "match": EdgeFile if "edges" in key else MatchFile,
    }
    if "where" in key:
        found = _predicate_at(key, data)
        return (*predicate_classes()[found].__struct_fields__, "predicate") if found in predicate_classes() else ()
    return tables[top].__struct_fields__ if top in tables else ()


def _words_at(key: str, data: Mapping[str, Any]) -> Iterable[str]:
    """The words that the value at ``key`` may be."""
    if key.endswith("predicate"):
        return predicate_classes()
    words = {
        "severity": ("error", "warning", "info"),
        "confidence": ("high", "medium", "low"),
        "safety": ("safe", "unsafe", "manual"),
        "parser": ("uff", "onnx", "tftrt"),
        "raised_by": ("engine", "reader", "live", "choosing"),
    }
    return words.get(key.rpartition(".")[2], ())


def _predicate_at(key: str, data: Mapping[str, Any]) -> str:
    """The predicate that the first unreadable ``where`` entry at ``key`` names."""
    entry: Any = data
    for part in re.findall(r"[a-z_]+|\d+", key):
        entry = entry[int(part)] if part.isdigit() else entry.get(part, {})
    return str(entry.get("predicate", "")) if isinstance(entry, dict) else ""


def nearest(word: str, valid: Iterable[str]) -> str:
    """``Did you mean 'x'? `` for the valid word closest to ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(valid), 1, 0.5)
    return f"Did you mean {close[0]!r}? " if close else ""
