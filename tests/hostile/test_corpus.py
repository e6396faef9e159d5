"""Every real graph of the corpus, damaged in each way that tools, disks and people do: a report or one message.

A sample, by default; ``GRAPHDOCTOR_TEST_ALL=1`` runs 200 for each graph.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.hostile import damage
from tests.hostile.bounded import bounds, outcome
from tests.hostile.models import CORPUS, GraphDef, save

NETS = sorted((CORPUS / "pb").glob("*.pb"))
ALL = bool(os.environ.get("GRAPHDOCTOR_TEST_ALL"))
MUTATIONS = 200
SAMPLE_BYTES = 2_000_000
"""A sample takes so many bytes of models, and one of each kind at most: the large ones take seconds each."""
WORDS = ["check", "--target", "trt3", "--target", "trt8.6", "--no-live", "--format", "concise"]


def _rename_to_duplicate(random: Random, graph: Any) -> None:
    nodes = graph.node
    nodes[random.randrange(len(nodes))].name = nodes[random.randrange(len(nodes))].name


def _truncate(random: Random, graph: Any) -> bytes:
    data: bytes = graph.SerializeToString()
    return data[: random.randrange(len(data))]


def _anything(random: Random, graph: Any) -> None:
    damage.damage(graph, random)


KINDS = {
    "drop a node": damage.drop_node,
    "drop an edge": damage.drop_input,
    "retype": lambda random, graph: random.choice((damage.retype_attr, damage.retype_constant))(random, graph),
    "rename to a duplicate": _rename_to_duplicate,
    "truncate": _truncate,
    "swap inputs": damage.swap_inputs,
    "cycle": damage.close_circle,
    "anything, several times": _anything,
}


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with bounds():
        yield


@pytest.mark.slow
@pytest.mark.skipif(not NETS, reason="the corpus of real graphs is not beside this checkout")
@pytest.mark.parametrize("net", NETS, ids=lambda p: p.stem)
def test_mutations(net: Path, tmp_path: Path) -> None:
    source = net.read_bytes()
    for seed in _seeds(net, len(source)):
        kind = list(KINDS)[seed % len(KINDS)]
        what = f"{net.stem}, seed {seed}: {kind}"
        outcome(WORDS, save(tmp_path, _mutated(source, kind, Random(what))), what, seconds=120)


def _seeds(net: Path, size: int) -> Iterator[int]:
    if ALL:
        yield from range(MUTATIONS)
        return
    first = Random(net.stem).randrange(len(KINDS))
    for number in count():
        if number == len(KINDS) or (number and number * size > SAMPLE_BYTES):
            return
        yield first + number


def _mutated(source: bytes, kind: str, random: Random) -> bytes:
    graph = GraphDef.FromString(source)
    return KINDS[kind](random, graph) or graph.SerializeToString()
