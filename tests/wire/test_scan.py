"""The wire format read without a schema."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.wire import scan
from graphdoctor.wire.tensorflow import NodeDef


def test_fields_lie_where_the_library_wrote_them() -> None:
    data = NodeDef(name="conv", op="Conv2D", input=["x", "w"]).SerializeToString()
    found = [(f.number, data[f.start : f.end]) for f in scan.fields(data)]
    assert found == [(1, b"conv"), (2, b"Conv2D"), (3, b"x"), (3, b"w")]


@given(st.integers(0, 2**64 - 1))
def test_varint_round_trip(value: int) -> None:
    data = scan.encode_varint(value)
    assert scan.varint(data, 0, len(data)) == (value, len(data))


@given(st.binary(max_size=64))
def test_any_bytes_give_fields_inside_the_data_or_an_error(data: bytes) -> None:
    found, end = [], len(data)
    try:
        found += scan.fields(data)
    except scan.WireError as e:
        end = e.offset
    assert 0 <= end <= len(data)
    assert all(0 < f.start <= f.end <= len(data) for f in found)
    assert not found or found[-1].end == end


@pytest.mark.parametrize(
    ("data", "offset", "missing"),
    [
        (b"\x0a\x05ab", 0, 3),
        (b"\x0a\x01a\x0a\x02", 3, 2),
        (b"\x08", 0, 1),
        (b"\x08\x80", 0, 1),
        (b"\x0d\x00", 0, 3),
        (b"\x09\x00", 0, 7),
        (b"\x00\x01", 0, 0),
        (b"\x0b", 0, 0),
        (b"\x08" + b"\xff" * 11, 0, 0),
    ],
)
def test_broken_fields_are_located(data: bytes, offset: int, missing: int) -> None:
    with pytest.raises(scan.WireError) as e:
        list(scan.fields(data))
    assert (e.value.offset, e.value.missing) == (offset, missing)
