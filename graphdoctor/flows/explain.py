"""explain and rules: a rule's page by code, by name or by the error that users see; the table of rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import dropwhile
from typing import Any

from graphdoctor.config import Given
from graphdoctor.config.request import settings_for
from graphdoctor.errors import InputError
from graphdoctor.findings import Fix
from graphdoctor.flows.messages import rules_for_message
from graphdoctor.flows.plan import rules_in
from graphdoctor.lint import Rule, find_rule, load_rules
from graphdoctor.lint.rule_options import option_value
from graphdoctor.lint.rules import FAMILIES
from graphdoctor.lint.selection import check_word, named
from graphdoctor.render import RuleInfo
from graphdoctor.render.text_rules import RulePage, RuleRow
from graphdoctor.resources import rules_dir
from graphdoctor.targets import Target, all_target_names, load_target


def rules_here(given: Given | None = None) -> tuple[Rule, ...]:
    """The rules that the configuration of the working folder, or the one that is given, has of its own.

    Raises:
        InputError: it cannot be understood.
    """
    return rules_in(settings_for("-", given or Given()))


def explain(words: str, own: Callable[[], Sequence[Rule]] = tuple) -> list[RulePage]:
    """The page of the rule that ``words`` names, or those whose errors look like ``words``, best first.

    Args:
        words: a code (any case), a rule's name, or an error message of TensorFlow, of the UFF converter or of one of
            NVIDIA's parsers; of several lines, any may be the one.
        own: gives the rules of a configuration, found by code and name; asked where it can be one of them.

    Raises:
        InputError: no rule has that code or name, or knows such a message.
    """
    words = words.strip()
    if not words:
        raise InputError("nothing to explain", remedy="Give a code, a rule's name or an error message")
    could_be_own = len(words.split()) == 1 and not _SHIPPED.fullmatch(words)
    mine = [r for r in (own() if could_be_own else ()) if words.upper() == r.code or words.lower() == r.name]
    if mine:
        return [rule_page(mine[0])]
    if _is_name(words):
        return [rule_page(find_rule(words.upper() if _CODE.fullmatch(words) else words.lower()))]
    found = rules_for_message(words)
    if not found:
        raise InputError(
            "no rule knows this message",
            where=_shortened(words),
            remedy=_RUN_SCRIPT
            if _MISSING_MODULE.search(words)
            else "graphdoctor check MODEL says what stands in the way; graphdoctor rules lists what it looks for",
        )
    return [rule_page(rule) for rule in found]


def rules_of(
    target: str | None, select: Sequence[str] = (), family: str | None = None, own: Sequence[Rule] = ()
) -> list[Rule]:
    """The rules that can speak of ``target`` (``None``: all), by code.

    Args:
        target: a target's name.
        select: codes, prefixes of codes, names or ``ALL``; empty is every rule.
        family: the letter of a family.
        own: rules of a configuration, which are listed too.

    Raises:
        InputError: there is no such target, rule or family.
    """
    every = (*load_rules(), *own)
    for word in select:
        check_word(word, every, "--select")
    if family is not None and family.upper() not in FAMILIES:
        letters = ", ".join(f"{letter} ({about})" for letter, about in FAMILIES.items())
        raise InputError(f"there is no family {family!r}", where="--family", remedy=f"Families: {letters}")
    rules = [r for r in every if not select or named(r, select)]
    rules = [r for r in rules if family is None or r.family == family.upper()]
    if target is None:
        return rules
    loaded = load_target(target)
    return [rule for rule in rules if _is_about(rule, loaded)]


def rule_row(rule: Rule) -> RuleRow:
    """The rule's line in the table."""
    return RuleRow(rule.code, rule.name, rule.level, rule.summary, _fix(rule))


def rule_page(rule: Rule) -> RulePage:
    """Everything known of a rule, with its example."""
    return RulePage(
        code=rule.code,
        info=rule_info(rule),
        targets=_target_names(rule),
        errors=tuple(rule.errors),
        symptoms=tuple(rule.symptoms),
        fix=_fix(rule),
        example=_example(rule, "bad"),
        fixed=_example(rule, "fixed"),
        references=tuple(rule.sources),
        options=tuple(f"`{k} = {option_value(rule, o):g}`: {o.summary}" for k, o in sorted(rule.options.items())),
    )


def rule_info(rule: Rule) -> RuleInfo:
    """What the rule says of itself."""
    return RuleInfo(rule.name, rule.summary, rule.why.strip(), rule.remedy.strip(), rule.level)


def rule_infos(own: Sequence[Rule] = ()) -> dict[str, RuleInfo]:
    """The text behind every code, those of ``own`` rules included."""
    return {rule.code: rule_info(rule) for rule in (*load_rules(), *own)}


def row_record(rule: Rule) -> dict[str, Any]:
    """A rule's line for programs."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "default": rule.default,
        "targets": list(_target_names(rule)),
        "fix": _fix_record(_fix(rule)),
    }


def page_record(page: RulePage) -> dict[str, Any]:
    """A rule's page for programs."""
    return {
        "code": page.code,
        "name": page.info.name,
        "severity": page.info.severity.label,
        "summary": page.info.summary,
        "why": page.info.why,
        "remedy": page.info.remedy,
        "targets": list(page.targets),
        "errors": list(page.errors),
        "symptoms": list(page.symptoms),
        "fix": _fix_record(page.fix),
        "example": page.example,
        "fixed": page.fixed,
        "references": list(page.references),
        "options": list(page.options),
    }


def _fix_record(fix: Fix | None) -> dict[str, str] | None:
    return None if fix is None else {"rewrite": fix.rewrite, "safety": fix.safety.value, "pack": fix.pack}


def _fix(rule: Rule) -> Fix | None:
    """The rule's fix; of a rule with a fix for each case, the first."""
    offered = rule.fix or next(iter(rule.fixes.values()), None)
    return offered.value() if offered is not None else None


def _is_about(rule: Rule, target: Target) -> bool:
    return rule.targets is None or rule.targets.includes(target)


def _target_names(rule: Rule) -> tuple[str, ...]:
    """The targets that the rule singles out; none for a rule that holds whatever the target."""
    if rule.targets is None:
        return ()
    return tuple(name for name in all_target_names() if _is_about(rule, load_target(name)))


_TEST_LINE = re.compile(r"# (target|expect|also|payload):")
"""What a fixture says to the tests, not to people."""


def _example(rule: Rule, which: str) -> str:
    """A fixture of the rule: beside ``rules/`` both in a checkout and in a wheel; empty if it has none."""
    suffix = "ufft" if "graph" not in rule.formats else "gdt"
    path = rules_dir().parent / "fixtures" / "rules" / rule.code / f"{which}.{suffix}"
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    shown = [line for line in lines if not _TEST_LINE.match(line)]
    return "\n".join(dropwhile(lambda line: not line.strip("# "), shown)).strip()


_MISSING_MODULE = re.compile(r"No module named '?(graphsurgeon|uff)\b")
_RUN_SCRIPT = (
    "graphdoctor run-script FILE gives the script a graphsurgeon and an uff; fix --script FILE runs a config.py"
)
_CODE = re.compile(r"GD\w*|[A-Z]{2,8}\d{3}", re.IGNORECASE)
_SHIPPED = re.compile(r"GD[A-Z]?\d*", re.IGNORECASE)
_NAME = re.compile(r"GD[A-Z]?\d*|[A-Z]{2,8}\d{3}|[a-z0-9]+(-[a-z0-9.]+)+", re.IGNORECASE)


def is_rule(word: str) -> bool:
    """True if ``word`` is the code or the name of one of graphdoctor's rules, or of an installed package's."""
    return any(word.upper() == rule.code or word == rule.name for rule in load_rules())


def _is_name(words: str) -> bool:
    """True for what was meant as a code or name: an error message has a blank."""
    return _NAME.fullmatch(words) is not None or words in {rule.name for rule in load_rules()}


def _shortened(text: str, length: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."
