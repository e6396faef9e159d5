"""Rule files: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.errors import InputError
from graphdoctor.lint import find_rule, load_rules
from graphdoctor.lint.rules import read_rule
from graphdoctor.match.vocabulary import predicate_classes

GOOD = """
code = "GDU900"
name = "a-rule"
severity = "error"
summary = "A rule"
why = "Because."
remedy = "Do something"
message = "{op}: {reason}"
sources = ["here"]
confidence = "high"

[match]
ops = ["Relu"]

[[where]]
predicate = "attr-equals"
attr = "T"
value = "float32"

[fix]
rewrite = "a-rewrite"
safety = "safe"
pack = "tf112"
"""


def _read(tmp_path: Path, text: str, name: str = "GDU900.toml") -> None:
    path = tmp_path / name
    path.write_text(text)
    read_rule(path)


def test_the_good_one_is_read(tmp_path: Path) -> None:
    _read(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    (
        ('severity = "error"', 'severty = "error"', "", "unknown field `severty`. Did you mean 'severity'?"),
        ('severity = "error"', 'severity = "eror"', "severity", "Did you mean 'error'?"),
        ('predicate = "attr-equals"', 'predicate = "attr-equal"', "where[0].predicate", "Did you mean 'attr-equals'?"),
        ('attr = "T"', 'atr = "T"', "where[0]", "unknown field `atr`. Did you mean 'attr'?"),
        ('attr = "T"', "attr = 3", "where[0].attr", "expected `str`, got `int`"),
        ('value = "float32"', "", "where[0]", "missing required field `value`"),
        ('safety = "safe"', 'safety = "save"', "fix.safety", "Did you mean 'safe'?"),
        ('rewrite = "a-rewrite"', 'rewrit = "a-rewrite"', "fix", "Did you mean 'rewrite'?"),
        ('ops = ["Relu"]', 'op = ["Relu"]', "match", "Did you mean 'ops'?"),
        ('code = "GDU900"', 'code = "GDU9"', "code", "matching regex"),
        ('name = "a-rule"', 'name = "A rule"', "name", "matching regex"),
        ('code = "GDU900"', 'code = "GDU901"', "", "the file must be called GDU901.toml"),
        ('message = "{op}: {reason}"', 'message = "{opp}"', "", "message names 'opp', which nothing fills in"),
        ('[match]\nops = ["Relu"]', "", "", "a rule needs exactly one of match, check and raised_by"),
        ('ops = ["Relu"]', "", "", "match needs either ops or nodes"),
        ('attr = "T"', 'attr = "T"\non = "ghost"', "", "where asks about 'ghost'"),
        ('summary = "A rule"', 'summary = "Two\\nlines"', "summary", "matching regex"),
        ('summary = "A rule"', "summary = ''", "summary", "length >= 1"),
    ),
)
def test_what_is_wrong_is_said_with_file_and_key(tmp_path: Path, old: str, new: str, where: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        _read(tmp_path, GOOD.replace(old, new))
    assert caught.value.where == f"{tmp_path / 'GDU900.toml'}" + (f": {where}" if where else "")
    assert words in str(caught.value)


def test_an_unknown_check_is_refused_when_it_is_read(tmp_path: Path) -> None:
    text = GOOD.partition("[match]")[0] + 'check = "no-such-check"\n'
    with pytest.raises(InputError, match="there is no check 'no-such-check'"):
        _read(tmp_path, text)


def test_bad_toml_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not TOML"):
        _read(tmp_path, "code = ")


@pytest.mark.parametrize("word", ("GDV001", "gdv001", "add-v2"))
def test_a_rule_is_found_by_code_and_name(word: str) -> None:
    assert find_rule(word).code == "GDV001"


def test_an_unknown_rule_offers_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'add-v2'"):
        find_rule("add-v3")


def test_every_predicate_says_what_it_means() -> None:
    for name, predicate in predicate_classes().items():
        assert predicate.__doc__, name
        assert predicate.test.__doc__, name


def test_every_predicate_is_used_by_a_rule() -> None:
    """What no rule needs is no vocabulary."""
    fixes = [f for r in load_rules() for f in (r.fix, *r.fixes.values()) if f is not None]
    used = {type(p) for where in (*(r.where for r in load_rules()), *(f.where for f in fixes)) for p in where}
    assert {name for name, c in predicate_classes().items() if c not in used} == set()
