"""What configuration files may hold, and how what they may not is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from graphdoctor.config.reading import convert, find_problem, line_of, parse
from graphdoctor.config.schema import FILES, ConfigFile, SuppressFile, json_schema
from graphdoctor.errors import InputError
from graphdoctor.resources import rules_dir

WHOLE = """
extend = "base.toml"
target = ["trt5", "trt8.6"]
select = ["ALL"]
extend-select = ["GDN"]
ignore = ["GDU007"]
mandatory = ["GDX"]
baseline = "graphdoctor.baseline.json"
require-reason = true
fail-on = "warning"
format = ["full", "sarif:out.sarif"]
live = false
build = true
rewrites = ["my_rewrites"]

[severity]
GDV = "info"
add-v2 = "off"

[rules.GDN002]
max-abs = 1e4

[[rule]]
code = "ACME001"
name = "no-random-numbers"
op = ["Random*", "Multinomial"]
targets = "onnx"
severity = "error"
message = "{node} draws random numbers"
remedy = "Feed them in."
why = "Replays need the same numbers."
where = [{predicate = "rank-in", ranks = [4]}]

[per-model-ignores]
"detect/*.pb" = ["GDN"]

[per-scope-ignores]
"Postprocessor/**" = ["GDO"]

[models."kws/*.pb"]
inputs = ["Mfcc:float32[1,98,40]"]
outputs = "labels"
target = "trt5"
fail-on = "never"
"""


def refusal(text: str, kind: Any = ConfigFile) -> InputError:
    """How ``text`` is refused."""
    with pytest.raises(InputError) as raised:
        convert(parse(text, "f.toml"), kind, "f.toml", text)
    return raised.value


def test_every_key_is_read() -> None:
    """The example has each key of the file and of a model's table, so that a new key comes here too."""
    data = parse(WHOLE, "f.toml")
    read = convert(data, ConfigFile, "f.toml", WHOLE)
    assert read.rules == {"GDN002": {"max-abs": 1e4}}
    assert read.models["kws/*.pb"].outputs == "labels"
    schema = json_schema("config")
    assert set(data["rule"][0]) == set(schema["$defs"]["RuleEntry"]["properties"])
    assert set(data) == set(schema["$defs"]["ConfigFile"]["properties"])
    assert set(data["models"]["kws/*.pb"]) == set(schema["$defs"]["ModelTable"]["properties"])


@pytest.mark.parametrize(
    ("text", "where", "message", "remedy"),
    [
        ('target = "trt5"\nselct = []', "f.toml:2", "there is no key 'selct'", "Did you mean 'select'?"),
        ("per_scope_ignores = {}", "f.toml:1", "there is no key", "Did you mean 'per-scope-ignores'?"),
        ('select = "GDU"', "f.toml:1", "select must be a list of texts, not 'GDU'", 'Write select = ["GDU"]'),
        ('ignore = "GDU, GDN"', "f.toml:1", "ignore must be a list", 'Write ignore = ["GDU", "GDN"]'),
        ("ignore = [1]", "f.toml:1", "ignore: item 1 must be text, not 1", 'Write "1"'),
        ("live = 1", "f.toml:1", "live must be true or false, not 1", "Write live = true"),
        ('live = "maybe"', "f.toml:1", "live must be true or false, not 'maybe'", "Correct the value"),
        ('baseline = ["b.json"]', "f.toml:1", "baseline must be text, not a list", 'Write baseline = "b.json"'),
        ("target = true", "f.toml:1", "target must be text or a list of texts, not true", "Correct the value"),
        ('[per-scope-ignores]\n"a/**" = "GDU"', "f.toml:2", "must be a list of texts", '"a/**" = ["GDU"]'),
        ('\n[severity]\nGDU = "eror"', "f.toml:3", "severity: GDU cannot be 'eror'", "Did you mean 'error'?"),
        ('fail-on = "fatal"', "f.toml:1", "fail-on cannot be 'fatal'", "error, warning, info, never"),
        ('[rules.GDN002]\nmax-abs = "big"', "f.toml:2", "rules.GDN002: max-abs must be a number", "Correct"),
        ('[rules.GDN002]\nmax-abs = "1e4"', "f.toml:2", "must be a number, not '1e4'", "Write max-abs = 1e4"),
        ("[rules]\nGDN002 = 3", "f.toml:2", "rules: GDN002 must be a table, not 3", ""),
        ('[models."a.pb"]\ninput = []', "f.toml:2", "models.a.pb: there is no key 'input'", "'inputs'"),
        ('[models]\n"a.pb" = "trt5"', "f.toml:2", "must be a table", ""),
        ("severity = []", "f.toml:1", "severity must be a table, not a list", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, where: str, message: str, remedy: str) -> None:
    error = refusal(text)
    assert error.where == where
    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[suppress]]\nnode = "a"', "suppress.1: lacks the key 'rule'"),
        ('[[suppress]]\nrule = "GDU"\nexpires = "soon"', "expires must be a date such as 2027-01-31"),
        ('[[suppress]]\nrule = "GDU"\nexpires = 2027-01-31T10:00:00', "expires must be a date"),
        ('[[suppress]]\nrule = "GDU"\nnodes = "a"', "there is no key 'nodes'"),
        ('[suppress]\nrule = "GDU"', "suppress must be a list"),
    ],
)
def test_suppressions_are_read_as_strictly(text: str, message: str) -> None:
    assert message in str(refusal(text, SuppressFile))


def test_no_toml_is_said_so() -> None:
    with pytest.raises(InputError, match="is not TOML") as raised:
        parse("select = [", "f.toml")
    assert raised.value.where == "f.toml"


def test_deep_nesting_is_one_error() -> None:
    with pytest.raises(InputError, match=r"nested too deeply|is not TOML"):
        parse("a = " + "[" * 100_000, "f.toml")


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = sorted(json_schema("config")["$defs"]["ConfigFile"]["properties"])


@given(st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _VALUES, max_size=4))
def test_whatever_is_refused_has_a_reason(data: dict[str, Any]) -> None:
    """The search for the place of an error finds one exactly where the types refuse, and never raises itself."""
    if find_problem(data, ConfigFile) is None:
        convert(data, ConfigFile, "f.toml")
        return
    with pytest.raises(InputError) as raised:
        convert(data, ConfigFile, "f.toml")
    assert raised.value.message


def test_line_of_takes_keys_for_keys_alone() -> None:
    text = '# severity\ntarget = "severity"\n[tool.graphdoctor.severity]\nGDU = "info"\n'
    assert line_of(text, ("severity",)) == 3
    assert line_of(text, ("severity", "GDU")) == 4
    assert line_of(text, ("select",)) == 0


@pytest.mark.parametrize("kind", FILES)
def test_published_schema_is_current(kind: str) -> None:
    path = rules_dir() / "schema" / f"{kind}.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json_schema(kind), "run python tools/schemas.py --write"
    Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize(
    ("text", "fits"), [(WHOLE, True), ("selct = []", False), ('select = "GDU"', False), ("live = 1", False)]
)
def test_schema_says_what_the_reader_says(text: str, fits: bool) -> None:
    """An editor that has the schema agrees with the program."""
    assert Draft202012Validator(json_schema("config")).is_valid(parse(text, "f.toml")) == fits


def test_example_fits(tmp_path: Path) -> None:
    data = json.loads(json.dumps(parse('[[suppress]]\nrule = ["GDU003"]\nscope = "a/**"\nreason = "x"', "f.toml")))
    assert Draft202012Validator(json_schema("suppressions")).is_valid(data)
