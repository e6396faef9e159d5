"""Which rules are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphdoctor.errors import InputError
from graphdoctor.lint.options import LintOptions
from graphdoctor.lint.rules import Rule


def chosen(rules: Sequence[Rule], options: LintOptions) -> frozenset[str]:
    """Codes of the rules that ``select`` and ``extend_select`` name; ``ignore`` is not looked at.

    Raises:
        InputError: a word names no rule; the message offers the nearest.
    """
    for word in (*options.select, *options.extend_select, *options.ignore):
        _must_name_something(word, rules)
    wanted = {r.code for r in rules if (_named(r, options.select) if options.select else r.default)}
    return frozenset(wanted | {r.code for r in rules if _named(r, options.extend_select)})


def ignored(rules: Sequence[Rule], options: LintOptions) -> frozenset[str]:
    """Codes of the rules that ``ignore`` names."""
    return frozenset(r.code for r in rules if _named(r, options.ignore))


def _named(rule: Rule, words: Iterable[str]) -> bool:
    return any(w == "ALL" or rule.code.startswith(w.upper()) or rule.name == w for w in words)


def _must_name_something(word: str, rules: Sequence[Rule]) -> None:
    if any(_named(r, (word,)) for r in rules) and word:
        return
    import difflib

    near = difflib.get_close_matches(word, [w for r in rules for w in (r.code, r.name)], n=2, cutoff=0.5)
    raise InputError(
        f"no rule has the code, prefix or name {word!r}",
        remedy=f"Did you mean {' or '.join(near)}?" if near else "graphdoctor rules lists them",
    )
