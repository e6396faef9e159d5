"""graphdoctor explain: pages by code, name and error message."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.cli import cli
from graphdoctor.errors import InputError
from graphdoctor.flows.explain import explain
from graphdoctor.flows.messages import MOST, rules_for_message
from graphdoctor.ir.text import parse_graph
from graphdoctor.lint import load_rules
from graphdoctor.resources import load_toml
from graphdoctor.wire.uff.notation_read import parse_uff

ROOT = Path(__file__).parents[2]
REPORTS = ROOT.parent / "shared" / "research" / "pain.json"
LIMITS = ROOT.parent / "shared" / "facts" / "trt_uff_parser_limits.json"
PAINS = load_toml(ROOT / "fixtures" / "pains" / "pains.toml")
BESIDES = {"pad-limits": ("GDO009", "GDO010")}
"""Other rules about the same."""
ERRORS = [(rule.code, error) for rule in load_rules() for error in rule.errors]


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *words])


def _as_seen(error: str) -> str:
    """A rule's message as a log has it."""
    for hole, name in (("NODE", "tower_1/block_2/Foo"), ("{op}", "Bessel"), ("HOST", "box12"), ("X", "Foo")):
        error = error.replace(hole, name)
    return f"2019-03-01 10:00:01 [TensorRT] {error}"


@pytest.mark.parametrize("word", ["GDU001", "gdu001", "op-not-in-uff", "OP-NOT-IN-UFF"])
def test_by_code_and_name(word: str) -> None:
    """Upper or lower case; the page says what the rule's file says."""
    (rule,) = [r for r in load_rules() if r.code == "GDU001"]
    result = _run(word)
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split() == ["GDU001", "op-not-in-uff", "error"]
    assert rule.summary in result.output
    assert all(error in result.output for error in rule.errors)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda r: r.code)
def test_every_rule_has_a_page(rule: object) -> None:
    """In every format, by code and by name alike."""
    code, name = rule.code, rule.name  # type: ignore[attr-defined]
    for format_ in ("full", "markdown", "json"):
        by_code, by_name = _run(code, "--format", format_), _run(name, "--format", format_)
        assert by_code.exit_code == 0, by_code.output
        assert code in by_code.output
        assert by_code.output == by_name.output


def test_example_is_shown_without_what_it_tells_the_tests() -> None:
    """It is a graph that can be read back, or the text of a UFF file."""
    shown = [(rule, explain(rule.code)[0]) for rule in load_rules()]
    examples = [(rule, page.example) for rule, page in shown if page.example]
    assert len(examples) == len(list((ROOT / "fixtures" / "rules").glob("*/bad.*"))) > 0
    for rule, text in examples:
        assert "# expect:" not in text
        assert "# target:" not in text
        assert len(parse_graph(text) if "graph" in rule.formats else parse_uff(text).graph.nodes) > 0


@pytest.mark.parametrize(("code", "error"), ERRORS, ids=[f"{c}-{i}" for i, (c, _) in enumerate(ERRORS)])
def test_own_messages_bring_up_the_rule(code: str, error: str) -> None:
    """With names of a real graph in place of placeholders and a log's stamp in front."""
    assert code in [rule.code for rule in rules_for_message(_as_seen(error))]


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        ("No conversion function registered for layer: AddV2 yet.", ["GDV001", "GDU001", "GDU113"]),
        ("Unsupported operation _Cast", ["GDU001", "GDU112", "GDU113"]),
        (
            "UFFParser: Validator error: FirstDimension/inputs/stack: Unsupported operation _Pack",
            ["GDU001", "GDU112", "GDU113"],
        ),
        (
            "[TRT] UffParser: Validator error: act/LeakyRelu: Unsupported operation _LeakyRelu",
            ["GDU009", "GDU001", "GDU112"],
        ),
        ("In node 3 (parseGraph): UNSUPPORTED_NODE: No importer registered for op: NonZero", ["GDO001"]),
        ("No importer registered for op: MyDecoder. Attempting to import as plugin.", ["GDO012"]),
        ("NotFoundError: Op type not registered 'MyDecoder' in binary running on gpu3", ["GDO012", "GDP009"]),
        ("ModelImporter.cpp:125 In function importModel: Unsupported ONNX\ndata type: UINT8 (2)", ["GDD001"]),
        ("Network has dynamic or shape inputs", ["GDH002", "GDH008"]),
        ("google.protobuf.message.DecodeError: Error parsing message with type 'tensorflow.GraphDef'", ["GDF001"]),
        ("[TensorRT] ERROR: UffParser: Unsupported number of graph 0", ["GDF001"]),
        ("ValueError: NodeDef mentions attr 'Truncate' not in Op<name=Cast; signature=x:SrcT -> y:DstT>", ["GDV005"]),
        ("reshape: at most one dimension may be inferred", ["GDH005"]),
        ("AttributeError: 'NoneType' object has no attribute 'serialize'", ["GDU001"]),
    ],
    ids=lambda v: v if isinstance(v, str) else "-".join(v),
)
def test_messages_as_people_paste_them(message: str, codes: list[str]) -> None:
    """Best first: the rule about the very op before the one about any op, nothing else."""
    assert [rule.code for rule in rules_for_message(message)] == codes


def test_message_in_a_traceback() -> None:
    """What stands around it does not matter, nor where the terminal broke it."""
    text = """Traceback (most recent call last):
      File "/usr/bin/convert-to-uff", line 92, in <module>
        raise UffException(str(name) + " was not found")
    uff.model.exceptions.UffException: logits was not found in
    the graph. Please use the -l option to list nodes in the graph."""
    assert rules_for_message(text)[0].code == "GDS001"


@pytest.mark.parametrize(
    "message",
    [
        "hello world",
        "error: something failed",
        "No module named 'tensorflow'",
        "Segmentation fault (core dumped)",
        "a 1 b",
        "bash: graphdoctor: command not found",
        "fatal: not a git repository (or any of the parent directories): .git",
        "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.80 GiB total capacity)",
        "ERROR: Could not find a version that satisfies the requirement tensorrt (from versions: none)",
        "ImportError: libcudart.so.10.0: cannot open shared object file: No such file or directory",
        "Explicit batch size not supported for Caffe and Uff models",
        "This operation is not supported for this layer, and it should not have failed",
        "TypeError: 'NoneType' object is not iterable",
        "The following packages have unmet dependencies",
        "make: *** [Makefile:12: all] Error 2",
        "Your CPU supports instructions that this TensorFlow binary was not compiled to use: AVX2 FMA",
        "E: Unable to locate package libnvinfer5",
        "AssertionError: expected 3, got 4",
        "ssh: connect to host 10.0.0.2 port 22: Connection refused",
        "The quick brown fox jumps over the lazy dog, and the input node has no output.",
    ],
)
def test_other_messages_bring_up_nothing(message: str) -> None:
    """No rule is better than a wrong one; the error says what else to do."""
    result = _run(message)
    assert isinstance(result.exception, InputError)
    assert "no rule knows this message" in str(result.exception)
    assert "graphdoctor check" in result.exception.remedy


@pytest.mark.parametrize("name", ["graphsurgeon", "uff"])
def test_a_module_that_is_gone_names_the_command_that_has_it(name: str) -> None:
    result = _run(f"ModuleNotFoundError: No module named '{name}'")
    assert isinstance(result.exception, InputError)
    assert "graphdoctor run-script" in result.exception.remedy


def test_words_need_no_quotes() -> None:
    """The shell splits what was not quoted."""
    message = "No importer registered for op: NonZero"
    assert _run(*message.split()).output == _run(message).output


def test_several_rules_for_one_message() -> None:
    """A page each, at most three."""
    message = _as_seen("UffParser: Validator error: NODE: Unsupported operation _Switch")
    found = json.loads(_run(message, "--format", "json").output)
    assert 1 < len(found) <= MOST
    text = _run(message).output
    assert [text.count(f"{page['code']} {page['name']}  ") for page in found] == [1] * len(found)


def test_json_is_the_rule() -> None:
    """Every part of the page, as data."""
    (page,) = json.loads(_run("GDV001", "--format", "json").output)
    (rule,) = [r for r in load_rules() if r.code == "GDV001"]
    assert page["severity"] == rule.severity
    assert page["why"] == rule.why.strip()
    assert page["errors"] == list(rule.errors)
    assert rule.fix is not None
    assert page["fix"] == {"rewrite": rule.fix.rewrite, "safety": "safe", "pack": rule.fix.pack}
    assert "trt3" in page["targets"]
    assert "rtx1.7" not in page["targets"]


@pytest.mark.parametrize(("word", "near"), [("GDU01", "GDU"), ("gdv0001", "GDV001"), ("adv-v2", "add-v2")])
def test_unknown_rule_offers_the_nearest(word: str, near: str) -> None:
    """Codes and names."""
    result = _run(word)
    assert isinstance(result.exception, InputError)
    assert "there is no rule" in result.exception.message
    assert near in result.exception.remedy


def test_nothing_given() -> None:
    """Blanks are not a message."""
    assert isinstance(_run("  ").exception, InputError)
    assert _run().exit_code == 2


# What people report, in their words


@pytest.mark.skipif(not REPORTS.is_file(), reason="the collection of reports is not beside this checkout")
@pytest.mark.parametrize("pain", sorted(PAINS["codes"]))
def test_reports_bring_up_their_rule(pain: str) -> None:
    """Among the first three, a rule that also finds the trouble in the smallest graph that has it."""
    (symptom,) = [r["symptom"] for r in json.loads(REPORTS.read_text("utf-8"))["pains"] if r["id"] == pain]
    found = [rule.code for rule in rules_for_message(symptom)]
    assert len(found) <= MOST
    assert set(found) & {*PAINS["codes"][pain], *BESIDES.get(pain, ())}, (symptom, found)


LIMIT_CODES = {
    "addv2": "GDV001", "fusedbatchnormv3": "GDV002", "cast-tofloat": "GDU001", "switch-merge": "GDC003",
    "dropout-training": "GDC002", "resize-nearest": "GDU001", "slice": "GDU001", "split-unpack": "GDU001",
    "squeeze-trt3": "GDU010", "flatten-trt3": "GDU016", "square-trt3": "GDU001", "flatten-by-name": "GDU015",
    "reshape-multi-minus1": "GDH005", "implicit-batch": "GDU039", "input-dims-zero": "GDU020",
    "register-with-batch": "GDH006", "input-order-nhwc": "GDU007", "scale-min-3d": "GDU019",
    "binary-const-minmax": "GDU017", "binary-broadcast": "GDU021", "concat-axis-5plus": "GDU004",
    "concat-axis-const": "GDU012", "transpose-const": "GDU012", "reduce-keepdims": "GDU011",
    "padv2-mirrorpad": "GDU001", "explicit-padding": "GDU043", "conv3d": "GDU001", "matmul-fc": "GDU001",
    "leakyrelu-5": "GDU009", "relu6-early": "GDU008", "int64-scalar-const": "GDU035",
    "placeholder-with-default": "GDU001", "squeeze-before-nms": "GDU044", "lambda-preproc": "GDU038",
}  # fmt: skip
"""Limits of the UFF parser by their names in the facts, and the rule that their messages have to bring up."""


@pytest.mark.skipif(not LIMITS.is_file(), reason="the facts are not beside this checkout")
@pytest.mark.parametrize("name", sorted(LIMIT_CODES))
def test_messages_of_the_uff_parser(name: str) -> None:
    """Every limit whose message a rule can explain."""
    rows = next(v for v in json.loads(LIMITS.read_text("utf-8")).values() if isinstance(v, list))
    (message,) = [row["error_text_users_see"] for row in rows if row["id"] == name]
    assert LIMIT_CODES[name] in [rule.code for rule in rules_for_message(message)]


_NAMES = st.from_regex(r"\A[a-z]{2,8}_[0-9]{1,3}(/[A-Z][a-z]{2,6}_[0-9]){0,3}\Z")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ERRORS), _NAMES, st.integers(0, 10**9), st.sampled_from("\"'`"))
def test_names_numbers_and_quotes_do_not_matter(of: tuple[str, str], name: str, number: int, quote: str) -> None:
    """Two logs of the same trouble bring up the same rules."""
    code, error = of

    def seen(node: str, count: int, mark: str) -> str:
        text = re.sub(r"\bNODE\b", node, error).replace("{op}", "Bessel").replace("'", mark)
        return f"[{count}.{count}] /opt/x{count}/parser.cpp:{count}: " + re.sub(
            r"(?<![A-Za-z0-9_])\d+", str(count), text
        )

    first, second = (rules_for_message(t) for t in (seen("block_1/Foo", 7, "'"), seen(name, number, quote)))
    assert code in [r.code for r in first]
    assert [r.code for r in first] == [r.code for r in second]


def test_symptoms_are_shown_and_found() -> None:
    """What a rule says of troubles that come without a message."""
    told = [(rule.code, text) for rule in load_rules() for text in rule.symptoms]
    assert told
    for code, text in told:
        assert code in [rule.code for rule in rules_for_message(text)]
        assert text in json.loads(_run(code, "--format", "json").output)[0]["symptoms"]
        assert "What you may notice" in _run(code).output
