"""Rewrites that are said in a pack file: what they match, what takes its place, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.errors import InputError
from graphdoctor.ir import Graph
from graphdoctor.ir.text import format_graph, parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.surgery import FixResult, load_rewrites, run_rewrites
from graphdoctor.surgery.packs import _loaded
from graphdoctor.surgery.shelf import shelf

HEAD = 'name = "house"\ntitle = "House"\nsummary = "Ours"\nown-ops = ["HousePlugin"]\n\n'
RELU6 = """[[rewrite]]
name = "relu6-by-hand"
safety = "safe"
summary = "Minimum(Maximum(x, 0), 6) -> Relu6"

[rewrite.pattern]
low = {op = "Maximum", inputs = ["x", "zero"], commutative = true}
y = {op = "Minimum", inputs = ["low", "six"], commutative = true, attrs = {T = ["float32", "float16"]}}
zero = {constant = 0.0}
six = {constant = 6.0}

[rewrite.replacement]
y = {op = "Relu6", inputs = ["x"]}
"""
BY_HAND = """
x = Placeholder {dtype: float32, shape: shape[?,4]}
zero = Const float32[] 0.0
six = Const float32[] 6.0
low = Maximum(zero, x)
a = Minimum(low, six)
y = Neg(a)
inputs: x
outputs: y
"""


def pack(folder: Path, text: str, name: str = "house") -> tuple[str, ...]:
    """A folder with the pack ``text``, as the places of a configuration."""
    (folder / f"{name}.toml").write_text(text)
    shelf.cache_clear()
    _loaded.cache_clear()
    return (str(folder),)


def rewrite(pattern: str, replacement: str = "", more: str = "") -> str:
    """A pack with one rewrite."""
    return (
        f'{HEAD}[[rewrite]]\nname = "ours"\nsafety = "safe"\nsummary = "Ours"\n{more}\n'
        f"[rewrite.pattern]\n{pattern}\n[rewrite.replacement]\n{replacement}\n"
    )


def fixed(folder: Path, text: str, graph: str) -> tuple[Graph, FixResult]:
    """``graph`` with the pack ``text`` applied."""
    parsed = parse_graph(graph)
    complete_attrs(parsed)
    return parsed, run_rewrites(parsed, load_rewrites(["house"], pack(folder, text)))


def test_a_pattern_is_replaced(tmp_path: Path) -> None:
    graph, result = fixed(tmp_path, HEAD + RELU6, BY_HAND)
    assert [(a.rewrite, a.node) for a in result.applied] == [("relu6-by-hand", "a")]
    assert {n.name: n.op for n in graph} == {"x": "Placeholder", "a": "Relu6", "y": "Neg"}
    assert graph.node("a").origins == ("a", "low")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("six = Const float32[] 6.0", "six = Const float32[] 5.0"),
        ("zero = Const float32[] 0.0", "zero = Const float32[] -0.0"),
        ("zero = Const float32[] 0.0", "zero = Placeholder {dtype: float32, shape: shape[]}"),
        ("low = Maximum(zero, x)", "low = Maximum(zero, six)\nq = Abs(x)"),
        ("Minimum(low, six)", "Minimum(low, low)"),
        ("float32", "float64"),
    ],
)
def test_what_does_not_fit_stays(old: str, new: str, tmp_path: Path) -> None:
    text = BY_HAND.replace(old, new)
    graph, result = fixed(tmp_path, HEAD + RELU6, text)
    if "six)" in new and "q" in new:  # x may be the constant itself
        assert len(result.applied) == 1
    else:
        assert (result.applied, result.refused) == ([], []), format_graph(graph)


def test_an_output_keeps_its_name_and_the_way_to_it_its_readers(tmp_path: Path) -> None:
    text = BY_HAND.replace("outputs: y", "outputs: y, a, low")
    graph, _ = fixed(tmp_path, HEAD + RELU6, text)
    assert [v.name for v in graph.outputs] == ["y", "a", "low"]
    assert graph.node("a").op == "Relu6"
    assert graph.node("low").op == "Maximum"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("low = Maximum(zero, x)", "low = Maximum(zero, x, ^w)", "low waits for w"),
        ("zero = Const float32[] 0.0", "zero = Const float32[] 0.0 (^w)", ""),
    ],
)
def test_what_waits_is_refused(old: str, new: str, reason: str, tmp_path: Path) -> None:
    text = BY_HAND.replace(old, new).replace("inputs: x", "w = Abs(x)\ninputs: x")
    _, result = fixed(tmp_path, HEAD + RELU6, text)
    assert result.applied == []
    assert [r.reason for r in result.refused] == [reason] * bool(reason)


def test_the_anchor_may_wait(tmp_path: Path) -> None:
    text = BY_HAND.replace("Minimum(low, six)", "Minimum(low, six, ^w)").replace("inputs: x", "w = Abs(x)\ninputs: x")
    graph, result = fixed(tmp_path, HEAD + RELU6, text)
    assert len(result.applied) == 1
    assert [c.name for c in graph.node("a").controls] == ["w"]


def test_a_value_takes_its_place(tmp_path: Path) -> None:
    text = rewrite('y = {op = ["Mul", "RealDiv"], inputs = ["x", "one"]}\none = {constant = 1}', more='result = "x"')
    graph, result = fixed(
        tmp_path, text, BY_HAND.replace("Minimum(low, six)", "Mul(low, one)\none = Const float32[] 1.0")
    )
    assert len(result.applied) == 1
    assert graph.node("y").inputs[0].node.name == "low"


def test_numbers_and_attributes_are_carried_over(tmp_path: Path) -> None:
    pattern = (
        'scaled = {op = "Mul", inputs = ["x", "alpha"], commutative = true}\nalpha = {above = 0.0, below = 1.0}\n'
        'y = {op = "Maximum", inputs = ["x", "scaled"], commutative = true}'
    )
    text = rewrite(pattern, 'y = {op = "LeakyRelu", inputs = ["x"], attrs = {alpha = "$alpha", T = "$scaled.T"}}')
    leaky = BY_HAND.replace("six = Const float32[] 6.0", "six = Const float32[] 0.25")
    leaky = leaky.replace("Maximum(zero, x)", "Mul(six, x)").replace("Minimum(low, six)", "Maximum(low, x)")
    graph, _ = fixed(tmp_path, text, leaky)
    assert dict(graph.node("a").attrs.items())["alpha"] == 0.25
    _, result = fixed(tmp_path, text, leaky.replace("0.25", "1.0"))
    assert result.applied == []
    _, result = fixed(
        tmp_path, text, leaky.replace("six = Const float32[] 0.25", "six = Const float32[4] [0.1,0.2,0.3,0.4]")
    )
    assert [r.reason for r in result.refused] == ["six is not one number"]


def test_new_nodes_and_constants(tmp_path: Path) -> None:
    """The three new nodes of a Relu by Abs, and the type attributes that nobody wrote."""
    new = (
        'both = {op = "AddV2", inputs = ["x", "size"]}\nsize = {op = "Abs", inputs = ["x"]}\nhalf = {constant = 0.5}\n'
    )
    text = rewrite('y = {op = "Relu", inputs = ["x"]}', new + 'y = {op = "Mul", inputs = ["both", "half"]}')
    graph, _ = fixed(tmp_path, text, BY_HAND.replace("Minimum(low, six)", "Relu(low)"))
    assert {n.op for n in graph} >= {"Abs", "AddV2", "Mul", "Const"}
    assert all(n.attr("T") is not None for n in graph.by_op("Abs", "AddV2", "Mul"))
    assert graph.node("a").op == "Mul"


def test_an_op_of_ones_own(tmp_path: Path) -> None:
    """Nothing is known of what it gives, so outputs behind it lose their shape: that is unsafe."""
    text = rewrite('y = {op = "Relu", inputs = ["x"]}', 'y = {op = "HousePlugin", inputs = ["x"]}')
    relu = BY_HAND.replace("Minimum(low, six)", "Relu(low)")
    graph, result = fixed(tmp_path, text, relu)
    assert (graph.node("a").op, result.rolled_back[0].broken.invariant) == ("Relu", "keeps-interface")
    parsed = parse_graph(relu)
    places = pack(tmp_path, text.replace('"safe"', '"unsafe"'))
    run_rewrites(parsed, load_rewrites(["house"], places), unsafe=True)
    assert parsed.node("a").op == "HousePlugin"


def test_what_would_not_be_waited_for_in_a_branch_is_refused(tmp_path: Path) -> None:
    text = rewrite('y = {op = "ZerosLike", inputs = ["z"]}\nz = {op = "Sub", inputs = ["x", "w"]}', "", 'result = "w"')
    flow = BY_HAND.replace("a = Minimum(low, six)", "z = Sub(low, x)\na = ZerosLike(z)")
    assert len(fixed(tmp_path, text, flow)[1].applied) == 1
    flow = flow.replace("inputs: x", "p = Const bool[] true\ns = Switch(x, p)\ninputs: x")
    assert "may lie in a branch" in fixed(tmp_path, text, flow)[1].refused[0].reason


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    text = rewrite('y = {op = "Relu", inputs = ["x"], rank = 4}', 'y = {op = "Relu6", inputs = ["x"]}')
    unknown = BY_HAND.replace("shape[?,4]", "shape[*]").replace("Minimum(low, six)", "Relu(low)")
    _, result = fixed(tmp_path, text, unknown)
    assert [r.reason for r in result.refused] == ["the rank of a is not known"]
    assert fixed(tmp_path, text, unknown.replace("shape[*]", "shape[?,4]"))[1].refused == []


def test_one_that_matches_what_it_makes_is_taken_back(tmp_path: Path) -> None:
    text = rewrite(
        'y = {op = "Abs", inputs = ["x"]}', 'y = {op = "Abs", inputs = ["z"]}\nz = {op = "Neg", inputs = ["x"]}'
    )
    graph, result = fixed(tmp_path, text, BY_HAND.replace("Minimum(low, six)", "Abs(low)"))
    assert [(r.rewrite, r.broken.invariant) for r in result.rolled_back] == [("ours", "converges")]
    assert graph.node("a").inputs[0].node.name == "low"


LOW, Y, SIX, NEW = "low = {", 'y = {op = "Min', "six = {", 'y = {op = "Relu6'
WRONG = [
    ('op = "Maximum"', 'op = "Maximun"', LOW, "relu6-by-hand: pattern.low: there is no op 'Maximun'", "'Maximum'"),
    ('op = "Relu6"', 'op = "relu6"', 'relu6", inputs', "replacement.y: there is no op 'relu6'", "'Relu6'"),
    ('inputs = ["x"]}', 'inputs = ["xx"]}', NEW, "replacement.y: 'xx' is bound by nothing", "Did you mean 'x'?"),
    ('inputs = ["low", "six"]', 'inputs = ["lo", "six"]', LOW, "but one reads 'lo'", "both places"),
    ("six = {constant", "sex = {constant", "sex = {", "sex is not connected with y", "'six'"),
    ("commutative = true}", "comutative = true}", LOW, "there is no key 'comutative'", "'commutative'"),
    ('["float32", "float16"]', '["float32", "flaot16"]', Y, "'flaot16' is no dtype", "'float16'"),
    (NEW, NEW.replace("y", "z", 1), "[rewrite.replacement]", "what takes the pattern's place", "Call one node y"),
    ('inputs = ["low", "six"]', 'inputs = ["low"]', Y, "Minimum has 2 inputs, not 1", "inputs"),
    (NEW, 'low = {op = "Neg", inputs = ["x"]}\n' + NEW, 'low = {op = "Neg"', "the pattern has a low too", "another"),
    ("{constant = 6.0}", '{constant = 6.0, op = "Const"}', SIX, "six is a node and cannot be a constant", "op out"),
    ("{constant = 6.0}", "{constant = 6.0, only = true}", SIX, "six has no op", "constant, dtype and rank"),
    ('safety = "safe"', 'safety = "sure"', "safety", "safety cannot be 'sure'", "safe, unsafe"),
    ('name = "relu6-by-hand"', 'name = "fold-biases"', "fold-b", "own pack fold has a rewrite of this name", "another"),
    ('name = "relu6-by-hand"', 'name = "Relu6"', 'name = "Relu6"', "'Relu6' is no name", "small letters"),
    ('name = "house"', 'name = "hous"', "name", "the pack is called 'hous'", "'house'"),
    (
        "[rewrite.pattern]",
        'find = "fold-bias"\n[rewrite.pattern]',
        "[[rewrite]]",
        "a finder and a pattern",
        "a pattern",
    ),
    ('inputs = ["x", "zero"]', 'inputs = ["y", "zero"]', "[rewrite.pattern]", "that no other reads", "anchor"),
    ('["x"]}', '["x"], attrs = {a = "$sex"}}', NEW, "the pattern has no constant 'sex'", "'six'"),
    ('["x"]}', '["x"], attrs = {T = "$lwo.T"}}', NEW, "the pattern has no node 'lwo'", "'low'"),
    ('inputs = ["x"]}', 'inputs = ["x:a"]}', NEW, "'x:a' is no input", "split:1"),
]


@pytest.mark.parametrize(("old", "new", "at", "message", "remedy"), WRONG)
def test_a_mistake_is_named_with_its_line(
    old: str, new: str, at: str, message: str, remedy: str, tmp_path: Path
) -> None:
    """``at`` is how its line begins, or what stands in it alone."""
    text = (HEAD + RELU6).replace(old, new, 1)
    places = pack(tmp_path, text)
    with pytest.raises(InputError) as e:
        load_rewrites(["house"], places)
    line = next(i for i, line in enumerate(text.splitlines(), 1) if at in line)
    assert message in e.value.message
    assert e.value.where == f"{tmp_path}/house.toml:{line}"
    assert remedy in e.value.remedy
    assert load_rewrites(["clean"], places)


def test_no_toml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not TOML") as e:
        load_rewrites(["house"], pack(tmp_path, "name ="))
    assert "house.toml" in e.value.where


def test_finders_of_graphdoctor_can_be_used_and_those_of_nobody_not(tmp_path: Path) -> None:
    text = HEAD + (
        '[[rewrite]]\nname = "my-relu"\nsafety = "unsafe"\nsummary = "s"\nfind = "rename-op"\n'
        'options = {from = ["HousePlugin"], to = "Relu"}\n'
    )
    (found,) = load_rewrites(["house"], pack(tmp_path, text))
    assert found.name == "my-relu"
    with pytest.raises(InputError, match="no finder is named 'rename-opp'") as e:
        load_rewrites(["house"], pack(tmp_path, text.replace("rename-op", "rename-opp")))
    assert "rename-op" in e.value.remedy


def test_two_packs_of_one_name_and_two_rewrites_of_one_name(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    places = (*pack(a, HEAD + RELU6), *pack(b, HEAD + RELU6))
    assert shelf(places).packs["house"].owner == str(a)
    (problem,) = shelf(places).broken.values()
    assert "has a pack 'house' too" in problem.message
    places = (*pack(a, HEAD + RELU6), *pack(a, (HEAD + RELU6).replace("house", "home").replace("6.0", "5.0"), "home"))
    with pytest.raises(InputError, match="both have a rewrite 'relu6-by-hand'"):
        load_rewrites(["house", "home"], places)


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    shelf.cache_clear()
    places = (str(tmp_path / "nowhere"),)
    assert load_rewrites(["clean"], places)
    with pytest.raises(InputError, match="no pack is named 'house'") as e:
        load_rewrites(["house"], places)
    assert "nowhere: there is no such file or folder" in e.value.remedy
