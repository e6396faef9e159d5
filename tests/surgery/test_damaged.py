"""Damaged graphs: a node gone, an input gone, attributes gone, a node that reads itself. Nothing crashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from graphdoctor.ir import Attrs, Graph, Node, NodeRecord
from graphdoctor.ir.edits import input_names
from graphdoctor.surgery import load_rewrites, run_rewrites
from graphdoctor.targets import load_target
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor
from tests.surgery.cases import Case, all_cases

PACKS = ("tf112", "clean", "fold", "trt3")
SAMPLE = int(os.environ.get("GRAPHDOCTOR_DAMAGE_STEP", "3"))
"""One damage in so many is tried; 1 tries all."""


def records(graph: Graph) -> list[NodeRecord]:
    return [NodeRecord(n.name, n.op, input_names(n.inputs, n.controls), n.attrs) for n in graph]


def gone(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    return all_[:k] + all_[k + 1 :]


def without_last_input(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    return [*all_[:k], all_[k]._replace(inputs=all_[k].inputs[:-1]), *all_[k + 1 :]]


def without_attributes(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    return [*all_[:k], all_[k]._replace(attrs=Attrs({})), *all_[k + 1 :]]


def of_another_dtype(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    attrs = {key: DType.INT64 if isinstance(v, DType) else v for key, v in all_[k].attrs.items()}
    return [*all_[:k], all_[k]._replace(attrs=Attrs(attrs)), *all_[k + 1 :]]


def reads_itself(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    inputs = [all_[k].name, *all_[k].inputs[1:]]
    return [*all_[:k], all_[k]._replace(inputs=inputs), *all_[k + 1 :]]


def waits_for_the_last(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    inputs = [*all_[k].inputs, f"^{all_[-1].name}"]
    return [*all_[:k], all_[k]._replace(inputs=inputs), *all_[k + 1 :]]


def with_a_damaged_constant(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    """Three floats in five bytes."""
    value = Tensor.from_payload(bytes.fromhex("0801 1204 1202 0803 2205 0102030405".replace(" ", "")))
    attrs = {**all_[k].attrs, "value": value, "dtype": DType.FLOAT} if all_[k].op == "Const" else all_[k].attrs
    return [*all_[:k], all_[k]._replace(attrs=Attrs(attrs)), *all_[k + 1 :]]


def with_a_constant_that_claims_much(all_: list[NodeRecord], k: int) -> list[NodeRecord]:
    """2^32 floats of which one is stored."""
    value = Tensor.from_payload(bytes.fromhex("0801 120c 1204 08808004 1204 08808004 2a04 0000803f".replace(" ", "")))
    attrs = {**all_[k].attrs, "value": value, "dtype": DType.FLOAT} if all_[k].op == "Const" else all_[k].attrs
    return [*all_[:k], all_[k]._replace(attrs=Attrs(attrs)), *all_[k + 1 :]]


DAMAGE: dict[str, Callable[[list[NodeRecord], int], list[NodeRecord]]] = {
    "gone": gone,
    "without-last-input": without_last_input,
    "without-attributes": without_attributes,
    "of-another-dtype": of_another_dtype,
    "reads-itself": reads_itself,
    "waits-for-the-last": waits_for_the_last,
    "with-a-damaged-constant": with_a_damaged_constant,
    "with-a-constant-that-claims-much": with_a_constant_that_claims_much,
}


def damaged(case: Case, damage: Callable[[list[NodeRecord], int], list[NodeRecord]]) -> Iterator[Graph]:
    """The graph of ``case`` with each of its nodes damaged in turn; inputs and outputs that are left."""
    whole = case.parsed()
    for k in range(len(whole)):
        graph = Graph.from_records(damage(records(whole), k))
        graph.inputs = tuple(n for old in whole.inputs if (n := graph.get(old.name)) is not None)
        kept = [(graph.get(v.node.name), v.index) for v in whole.outputs]
        graph.outputs = tuple(Node.out(n, index) for n, index in kept if n is not None)
        yield graph


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_graph_is_repaired_as_far_as_it_goes_and_nothing_crashes(damage: str) -> None:
    rewrites, target = load_rewrites(PACKS), load_target("trt3")
    graphs = [g for case in all_cases() for g in damaged(case, DAMAGE[damage])]
    for graph in graphs[::SAMPLE]:
        missing = {n.name for n in graph.missing()}
        result = run_rewrites(graph, rewrites, target=target, unsafe=True)
        assert result.converged
        assert {n.name for n in graph.missing()} <= missing
