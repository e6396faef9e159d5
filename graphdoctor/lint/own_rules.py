"""Rules that stand in a configuration: ``[[rule]]`` as it was written, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from string import Formatter
from typing import Any

import msgspec

from graphdoctor.config.schema import RuleEntry
from graphdoctor.errors import InputError
from graphdoctor.globs import matches
from graphdoctor.lint.outside import OWN_PREFIX
from graphdoctor.lint.rules import Rule, bad_words, explained, load_rules, nearest
from graphdoctor.targets import all_target_names, load_target

_CODE = re.compile(r"[A-Z]{2,8}[0-9]{3}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_GLOB = re.compile(r"[*?\[]")
_OP = re.compile(r"[\w.>*?\[\]!-]+")
_PARSERS = ("uff", "onnx", "tftrt")
_LIKELY = 0.85
"""How alike a word must be to the name of an op to be taken for a slip."""


def own_rules(entries: Iterable[tuple[str, RuleEntry]]) -> tuple[Rule, ...]:
    """The rules that ``entries`` say, each with the place where it stands, in that order.

    Raises:
        InputError: a code, name, op, target or predicate that cannot be, or one that another rule has; names the place.
    """
    made: list[Rule] = []
    for where, entry in entries:
        rule = _rule(entry, where)
        for other in (*load_rules(), *made):
            if other.code == rule.code or other.name == rule.name:
                key = "code" if other.code == rule.code else "name"
                text = f"the rule {other.code} ({other.name}) has this {key} already"
                raise InputError(text, where=f"{where}: {key}", remedy="Choose another")
        made.append(rule)
    return tuple(made)


def at_ops(rules: Sequence[Rule], ops: Iterable[str]) -> Iterator[Rule]:
    """``rules`` with the globs among their ops resolved to those of ``ops`` that match."""
    for rule in rules:
        words = rule.match.ops if rule.match is not None else []
        found = {op for word in words if _GLOB.search(word) for op in ops if matches(word, op)}
        if rule.match is None or not found:
            yield rule
        else:
            match = msgspec.structs.replace(rule.match, ops=list(dict.fromkeys((*words, *sorted(found)))))
            yield msgspec.structs.replace(rule, match=match)


def _rule(entry: RuleEntry, where: str) -> Rule:
    for key, problem, remedy in _problems(entry):
        raise InputError(problem, where=f"{where}: {key}", remedy=remedy)
    data = _data(entry, where)
    try:
        rule = msgspec.convert(data, Rule)
    except msgspec.ValidationError as e:
        found = explained(str(e), data, where)
        remedy = found.remedy or "docs/writing-rules.md says where examples of predicates are"
        raise InputError(found.message, where=found.where, remedy=remedy) from e
    problem = bad_words(rule)
    if problem:
        raise InputError(problem, where=where, remedy="Correct the rule")
    return rule


def _data(entry: RuleEntry, where: str) -> Mapping[str, Any]:
    """As a rule file of ``rules/checks`` would say it."""
    ops = _listed(entry.op)
    plain = "{" not in entry.message
    names = _target_names(_listed(entry.targets))
    return {
        "code": entry.code,
        "name": entry.name,
        "severity": entry.severity,
        "summary": entry.message if plain else f"{entry.name.replace('-', ' ')}: {', '.join(ops)}",
        "why": entry.why or "The configuration asks for it.",
        "remedy": entry.remedy or "Change the model, or suppress the finding with a reason.",
        "message": entry.message,
        "doubt": f"this holds: {entry.message}",
        "sources": [where],
        "confidence": "high",
        "match": {"ops": ops},
        "where": entry.where,
        "decides": False,
    } | ({"targets": {"name": names}} if names else {})


def _problems(entry: RuleEntry) -> Iterator[tuple[str, str, str]]:
    """What is wrong with single words: the key, what, and what to do."""
    if not _CODE.fullmatch(entry.code):
        yield "code", f"{entry.code!r} is no code", "Write two to eight capital letters and three digits: ACME001"
    elif entry.code.startswith(OWN_PREFIX):
        yield "code", f"codes that begin with {OWN_PREFIX} are graphdoctor's own", "Choose other letters: ACME001"
    if not _NAME.fullmatch(entry.name):
        yield "name", f"{entry.name!r} is no name", "Write small letters and digits with hyphens: no-random-numbers"
    for key, text in (("message", entry.message), ("remedy", entry.remedy), ("why", entry.why)):
        if key == "message" and (not text.strip() or "\n" in text):
            yield key, "must be one line of text", "Say what was found, as in '{node} draws random numbers'"
        if text and not text.isprintable():
            yield key, "holds characters that cannot be shown", "Write it in one line of plain text"
    yield from (("message", *found) for found in _bad_fields(entry.message))
    yield from (("op", *found) for found in _bad_ops(_listed(entry.op)))
    yield from (("targets", *found) for found in _bad_targets(_listed(entry.targets)))


def _bad_fields(message: str) -> Iterator[tuple[str, str]]:
    try:
        fields = list(Formatter().parse(message))
    except ValueError as e:
        yield f"cannot be filled in: {e}", "Write {{ and }} for braces"
        return
    if any(spec or conversion for _, _, spec, conversion in fields):
        yield "fields are filled in as they are", "Leave out what follows ! and : in braces"


def _bad_ops(ops: Sequence[str]) -> Iterator[tuple[str, str]]:
    """None at all, what is no word, and what looks like a slip; other words may be ops of one's own."""
    if not ops:
        yield "names no op", "Give the op types it is about"
    for op in ops:
        if not _OP.fullmatch(op):
            yield f"{op!r} is no op type", "Give op types such as Conv2D, or globs such as Random*"
        elif not _GLOB.search(op) and op not in _known_ops():
            near = _slip(op)
            if near:
                own = f"{op[:-1]}[{op[-1]}]"
                yield f"there is no op {op!r}", f"Did you mean {near!r}? For an op of your own write {own!r}"


@cache
def _slip(op: str) -> str:
    """The op that ``op`` was meant to be; another version of an op is none."""
    from difflib import get_close_matches

    small = {name.lower(): name for name in _known_ops()}
    if op.lower() in small:
        return small[op.lower()]
    near = get_close_matches(op, sorted(_known_ops()), 3, _LIKELY)
    return next((name for name in near if _unversioned(name) != _unversioned(op)), "")


def _unversioned(op: str) -> str:
    return re.sub(r"V\d+$", "", op)


@cache
def _known_ops() -> frozenset[str]:
    """TensorFlow op types that graphdoctor, its rules or a target know."""
    from graphdoctor.ops.registry import all_ops

    ops = set(all_ops())
    for name in all_target_names():
        target = load_target(name)
        ops |= set(target.ops) if target.parser != "onnx" else set()
    matched = (rule.match for rule in load_rules() if rule.match is not None)
    return frozenset(ops.union(*((*m.ops, *(op for words in m.nodes.values() for op in words)) for m in matched)))


def _bad_targets(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    known = (*_PARSERS, *all_target_names())
    for word in words:
        if word not in known:
            yield (
                f"no target and no parser is called {word!r}",
                f"{nearest(word, known)}Parsers: {', '.join(_PARSERS)}; graphdoctor targets lists the targets",
            )


def _target_names(words: Sequence[str]) -> list[str]:
    """The targets of ``words``, which name targets and parsers."""
    return [name for name in all_target_names() if name in words or load_target(name).parser in words]


def _listed(words: str | Sequence[str]) -> list[str]:
    return ([words] if words else []) if isinstance(words, str) else list(words)
