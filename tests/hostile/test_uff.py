"""UFF files that are cut, damaged or made to hurt: findings or one message, never a traceback, never without bound.

A sample, by default; ``GRAPHDOCTOR_TEST_ALL=1`` cuts at every byte and turns bits 10,000 times.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from graphdoctor.errors import InputError
from graphdoctor.formats.uff import save_uff
from graphdoctor.wire.scan import encode_field, encode_varint
from graphdoctor.wire.uff import Data, UffGraph, UffModel, UffNode, read_uff, uff_bytes
from graphdoctor.wire.uff.notation_read import parse_uff
from tests.cli.program import call, helped
from tests.hostile.bounded import bounds
from tests.hostile.uff import SMALL, flipped, outcome, small
from tests.wire.uff.models import CORPUS

ALL = bool(os.environ.get("GRAPHDOCTOR_TEST_ALL"))
STEP = 1 if ALL else 7
FLIPS = 10_000 if ALL else 200
HEAD = b"\x08\x01\x10\x01"


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with bounds():
        yield


def test_the_whole_file_is_sound():
    whole = small()
    assert 700 < len(whole) < 1200
    result = outcome(whole, "the whole file")
    assert result is not None
    assert "GDU118" in {f.code for f in result.findings}


def test_cut_anywhere():
    """Between two entries what is left is a file, and has findings; elsewhere the cut is said."""
    whole = small()
    ends = [outcome(whole[:size], f"cut at {size}") is None for size in range(0, len(whole), STEP)]
    assert sum(ends) > 0.9 * len(ends)


def test_a_cut_is_said_by_every_command(tmp_path):
    whole = small()
    for size in range(1, len(whole), 23 if ALL else 97):
        path = tmp_path / "cut.uff"
        path.write_bytes(whole[:size])
        for words in (("check", "-t", "trt3"), ("inspect",), ("convert", "--to", "uff", "-o", tmp_path / "o.uff")):
            done = call(*words, path)
            assert done.code in (0, 1) or helped(done)
            assert "Traceback" not in done.err
        assert call("diff", path, path).code in (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_real_files_cut_at_places_of_all_kinds(path: Path):
    whole, random = path.read_bytes(), Random(path.name)
    sizes = sorted({*range(0, 4000, 10 * STEP), *(random.randrange(len(whole)) for _ in range(300 // STEP))})
    refused = [outcome(whole[:size], f"{path.name} cut at {size}") is None for size in sizes]
    assert sum(refused) > 0.9 * len(refused)


@pytest.mark.slow
def test_bits_turned():
    files = {"small": small(), **{p.name: p.read_bytes() for p in CORPUS if p.stat().st_size < 800_000}}
    refused = 0
    for seed in range(FLIPS):
        name = list(files)[seed % len(files)]
        head = 12_000  # nearly all of a real file is weights, where a bit changes a number alone
        data, rest = files[name][:head], files[name][head:]
        refused += outcome(flipped(data, Random(seed)) + rest, f"{name}, seed {seed}") is None
    assert 0.05 * FLIPS < refused < 0.95 * FLIPS


HUGE = (1 << 31, (1 << 63) - 1, -(1 << 63))
NASTY = [
    ("c = Conv(x, w)", "c = Conv(c, w)", "GDS002"),
    ("m = Reduce(p)", "m = Reduce(s)", "GDS002"),
    ("c = Conv(x, w)", "c = Conv(x, gone)", "GDU110"),
    ("w = Const float32[1,1,1,2] [2.0, -1.0]", "w = Const {values: ref(gone), dtype: float32, shape: [2]}", "GDU104"),
    (
        "w = Const float32[1,1,1,2] [2.0, -1.0]",
        "w = Const {values: ref(r), dtype: float32, shape: [2]}\nreference r = ref(r)",
        "GDU104",
    ),
    (
        "w = Const float32[1,1,1,2]",
        f"w = Const float32[{1 << 31},{1 << 31},{1 << 31}] hex:00 {{}}\nv = Const float32[2]",
        "GDU102",
    ),
    ("w = Const float32[1,1,1,2]", "w = Const float32[-1] hex:00000000\nv = Const float32[2]", "GDU102"),
    ("w = Const float32[1,1,1,2]", "w = Const float32[0] []\nv = Const float32[2]", "GDU101"),
    ("dtype: float32", "dtype: type 2147483647", "GDU103"),
    ("inputs_orders: orders(N+C, +CK)", "inputs_orders: orders((2147483647: -9223372036854775808), ())", "GDU108"),
    ("c = Conv(x, w)", "x = Conv(x, w)\nc = Conv(x, w)", "GDU111"),
    ("strides: [1,1]", "strides: 1", "GDU105"),
    ("c = Conv(x, w)", "c = Conv(" + "x, " * 5000 + "w)", "GDU109"),
    ("MarkOutput_0 = MarkOutput(s)", "", "GDU125"),
    ("_LReLU_TRT", "_", "GDU113"),
    *(("axis: 0, ", f"axis: {n}, ", "GDU118") for n in HUGE),
    *(("axes: [1,2]", f"axes: [{n}]", "GDU118") for n in HUGE),
    *(("shape: [-1,4,4,1]", f"shape: [{n},{n}]", "GDU118") for n in HUGE),
]


@pytest.mark.parametrize("old, new, code", NASTY, ids=lambda v: v[:30])
def test_what_is_made_to_hurt_is_a_finding(old, new, code):
    assert old in SMALL
    result = outcome(uff_bytes(parse_uff(SMALL.replace(old, new))), new[:60])
    assert result is not None
    assert code in {f.code for f in result.findings}


def test_ids_of_every_form(tmp_path):
    ids = ["", "/", "a//b", "^x", "a:0", " ", "-" * 5000, "\u202e", "\0", "\n", "2" * 31]
    nodes = [UffNode(i, "Identity", [ids[k - 1]]) for k, i in enumerate(ids)]
    assert outcome(uff_bytes(UffModel(graphs=[UffGraph(nodes=nodes)])), "ids") is not None
    save_uff(UffModel(graphs=[UffGraph(nodes=nodes)]), tmp_path / "ids.uff")
    for words in (("check", "-t", "trt3"), ("inspect",)):
        done = call(*words, tmp_path / "ids.uff")
        assert done.code in (0, 1), done.err
        assert "\u202e" not in done.out
        assert "\0" not in done.out


def _chain(count: int, last: str) -> UffModel:
    nodes = [UffNode(f"n{k}", "Identity", [f"n{k + 1}"]) for k in range(count)]
    return UffModel(graphs=[UffGraph(nodes=[*nodes, UffNode(f"n{count}", "Identity", [last])])])


@pytest.mark.slow
@pytest.mark.parametrize("last", ["n0", "gone"])
def test_a_long_chain_and_a_long_circle(last):
    started = perf_counter()
    assert outcome(uff_bytes(_chain(20_000, last)), "chain") is not None
    assert perf_counter() - started < 15


def test_references_that_lead_on_and_on():
    model = UffModel(
        graphs=[UffGraph(nodes=[UffNode(f"n{k}", "Stack", [], {"axis": Data.ref("r0")}) for k in range(2000)])]
    )
    model.references = {f"r{k}": Data.ref(f"r{k + 1}") for k in range(20_000)}
    result = outcome(uff_bytes(model), "references")
    assert result is not None
    assert "GDU104" in {f.code for f in result.findings}


def test_constants_that_share_a_large_blob_are_hashed_once():
    fields = {"shape": Data.i_list([1]), "dtype": Data.dtype(0x20020), "values": Data.ref("r")}
    model = UffModel(graphs=[UffGraph(nodes=[UffNode(f"n{k}", "Const", [], fields) for k in range(3000)])])
    model.references["r"] = Data.blob(bytes(10_000_000))
    started = perf_counter()
    assert outcome(uff_bytes(model), "shared blob") is not None
    assert perf_counter() - started < 15


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        HEAD + encode_field(4, b"\x12\x00" * 3_000_000),
        HEAD + b"\x2a\x00" * 3_000_000,
        HEAD + b"\x1a\x00" * 3_000_000,
        HEAD + b"\x22\x00" * 3_000_000,
        HEAD + encode_field(4, encode_field(2, encode_field(1, b"n") + b"\x12\x00" * 40_000_000)),
        HEAD + encode_field(4, encode_field(2, b"\x22\x00" * 40_000_000)),
        HEAD
        + encode_field(5, encode_field(1, b"k") + encode_field(2, encode_field(8, encode_field(1, bytes(70_000_000))))),
        HEAD + b"\x22" + encode_varint((1 << 64) - 1) + b"\x0a",
        HEAD + b"\x2a" + encode_varint(1 << 31) + b"\x0a",
    ],
    ids="nodes entries descriptors graphs inputs fields list endless-graph two-gigabytes".split(),
)
def test_what_is_made_to_fill_the_memory_is_refused_in_time(data):
    started = perf_counter()
    with pytest.raises(InputError, match=r"more than|truncated"):
        read_uff(data)
    assert perf_counter() - started < 20


@pytest.mark.slow
def test_the_largest_list_that_is_read_fits_in_memory():
    packed = encode_field(8, encode_field(1, bytes(30_000_000)))
    data = HEAD + encode_field(4, b"") + encode_field(5, encode_field(1, b"k") + encode_field(2, packed))
    assert len(read_uff(data).references["k"].value) == 30_000_000
    assert outcome(data, "a long list") is not None
