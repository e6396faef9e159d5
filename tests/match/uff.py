"""Graphs and a helper for the tests of predicates about networks from UFF."""

from __future__ import annotations

from typing import Any

from graphdoctor.ir.text import parse_graph
from graphdoctor.match import CannotTell, Judge, Match, MatchContext, NoMatch, Outcome
from graphdoctor.match.predicate import Predicate
from graphdoctor.match.vocabulary import predicate_classes
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.targets import all_target_names, load_target

TARGETS = tuple(load_target(name) for name in all_target_names())
X = "x = Placeholder {dtype: float32, shape: shape[?,8,8,3]}\n"
ONE = "x = Placeholder {dtype: float32, shape: shape[1,8,8,3]}\n"
ROW = "x = Placeholder {dtype: float32, shape: shape[?,16]}\n"
SEQ = "x = Placeholder {dtype: float32, shape: shape[?,5,16]}\n"
HWC = 'w = Const float32[3,3,3,4] 1.0\nc = Conv2D(x, w) {padding: "SAME", strides: [1,1,1,1]}\n'
CHW = "x = Placeholder {dtype: float32, shape: shape[?,3,8,8]}\n" + HWC.replace(
    "strides", 'data_format: "NCHW", strides'
)
YES, NO, OPEN = Match, NoMatch, CannotTell
Case = tuple[str, type]


def answer(text: str, predicate: Predicate, node: str = "y") -> Outcome:
    """What ``predicate`` says of ``node``."""
    graph = parse_graph(text)
    complete_attrs(graph)
    specs = infer_shapes(graph)
    return predicate.test(MatchContext(graph, specs, TARGETS[0], Judge(graph, specs, TARGETS)), graph.node(node))


def make(tag: str, **args: Any) -> Predicate:
    """The predicate called ``tag``."""
    return predicate_classes()[tag](**args)


def holds(tag: str, case: Case, node: str = "y", **args: Any) -> None:
    """The predicate gives what the case expects, with a reason."""
    text, expected = case
    outcome = answer(text, make(tag, **args), node)
    assert isinstance(outcome, expected), outcome
    assert outcome.reason
