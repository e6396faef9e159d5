"""Attribute values in Python and back."""

from __future__ import annotations

import copy
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.errors import InputError
from graphdoctor.types import DType
from graphdoctor.wire import attrs, scan
from graphdoctor.wire.attrs import (
    AttrOpaque,
    AttrPlaceholder,
    FuncRef,
    NanBits,
    RefDType,
    ShapeValue,
    UnknownDType,
    decode,
    encode,
)
from graphdoctor.wire.tensorflow import AttrValue, serialize
from graphdoctor.wire.tensors import Tensor

_INT64 = st.integers(-(2**63), 2**63 - 1)
_INT32 = st.integers(-(2**31), 2**31 - 1)


def field(number: int, content: bytes) -> bytes:
    return scan.encode_field(number, content)


def number(tag: int, value: int) -> bytes:
    return scan.encode_varint(tag << 3) + scan.encode_varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _shape(dims: list[tuple[int, str]]) -> bytes:
    return b"".join(field(2, (number(1, s) if s else b"") + (field(2, n.encode()) if n else b"")) for s, n in dims)


# Wire forms, made without the code under test: every kind, alone and in lists.
_SHAPES = st.one_of(
    st.just(number(3, 1)),
    st.lists(st.tuples(_INT64, st.sampled_from(["", "batch"])), max_size=4).map(_shape),
    st.just(number(3, 1) + _shape([(2, "")])),
)
_FLOATS = st.binary(min_size=4, max_size=4)
_TENSORS = st.binary(max_size=20)
_NAMES = st.text(max_size=4).map(str.encode)


def _func(parts: tuple[bytes, dict[str, bytes]]) -> bytes:
    name, attr = parts
    entries = (field(2, field(1, k.encode()) + field(2, v)) for k, v in sorted(attr.items()))
    return (field(1, name) if name else b"") + b"".join(entries)


def _list(pick: tuple[int, list[bytes]]) -> bytes:
    tag, items = pick
    if not items:
        return b""
    return field(tag, b"".join(items)) if tag in (3, 4, 5, 6) else b"".join(field(tag, i) for i in items)


def _many(tag: int, items: st.SearchStrategy[bytes]) -> st.SearchStrategy[tuple[int, list[bytes]]]:
    return st.tuples(st.just(tag), st.lists(items, max_size=4))


def _varints(values: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return values.map(lambda v: scan.encode_varint(v & 0xFFFF_FFFF_FFFF_FFFF))


def _values(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    funcs = st.tuples(_NAMES, st.dictionaries(st.text(max_size=3), inner, max_size=3)).map(_func)
    lists = st.one_of(
        _many(2, st.binary(max_size=6)),
        _many(3, _varints(_INT64)),
        _many(4, _FLOATS),
        _many(5, _varints(st.integers(0, 1))),
        _many(6, _varints(_INT32)),
        _many(7, _SHAPES),
        _many(8, _TENSORS),
        _many(9, funcs),
    )
    return st.one_of(
        lists.map(lambda pick: field(1, _list(pick))),
        st.tuples(lists, lists).map(lambda two: field(1, b"".join(map(_list, sorted(two, key=lambda p: p[0]))))),
        funcs.map(lambda content: field(10, content)),
    )


ATTRS = st.recursive(
    st.one_of(
        st.just(b""),
        st.binary(max_size=8).map(lambda v: field(2, v)),
        _INT64.map(lambda v: number(3, v)),
        _FLOATS.map(lambda v: b"\x25" + v),
        st.integers(0, 1).map(lambda v: number(5, v)),
        _INT32.map(lambda v: number(6, v)),
        st.integers(0, 150).map(lambda v: number(6, v)),
        _SHAPES.map(lambda v: field(7, v)),
        _TENSORS.map(lambda v: field(8, v)),
        _NAMES.map(lambda v: field(9, v)),
        st.just(field(77, b"a kind of the future")),
    ),
    _values,
    max_leaves=6,
)


@given(ATTRS)
def test_encode_undoes_decode(data: bytes) -> None:
    attr = AttrValue.FromString(data)
    again = encode(decode(attr), like=attr)
    assert serialize(again) == serialize(attr)
    assert serialize(encode(decode(attr))) == serialize(attr)
    assert again.WhichOneof("value") == attr.WhichOneof("value")


@given(_FLOATS)
def test_floats_keep_every_bit(bits: bytes) -> None:
    attr = AttrValue.FromString(b"\x25" + bits)
    value = decode(attr)
    assert isinstance(value, float)
    assert math.isnan(value) == math.isnan(struct.unpack("<f", bits)[0])
    assert encode(value).SerializeToString() == b"\x25" + bits
    assert encode(copy.deepcopy(value)).SerializeToString() == b"\x25" + bits


def test_the_usual_nan_is_a_plain_float() -> None:
    assert type(decode(AttrValue(f=math.nan))) is float


def test_a_signalling_nan_in_a_list_keeps_its_bits_and_place() -> None:
    packed = struct.pack("<f", 1.5) + b"\x01\x00\x80\x7f" + struct.pack("<f", -2)
    attr = AttrValue.FromString(field(1, field(4, packed)))
    value = decode(attr)
    assert (value[0], value[2]) == (1.5, -2.0)
    assert isinstance(value[1], NanBits)
    assert serialize(encode(value)) == field(1, field(4, packed))


TWO_KINDS = AttrValue(list={"i": [1], "f": [2]})
CASES = [
    (AttrValue(), None),
    (AttrValue(s=b"SAME"), "SAME"),
    (AttrValue(s=b"\xff\x00"), "\udcff\x00"),
    (AttrValue(i=-1), -1),
    (AttrValue(i=1), 1),
    (AttrValue(b=True), True),
    (AttrValue(b=False), False),
    (AttrValue(f=1.0), 1.0),
    (AttrValue(f=0.0), 0.0),
    (AttrValue(type=1), DType.FLOAT),
    (AttrValue(type=0), DType.INVALID),
    (AttrValue(type=101), RefDType(101)),
    (AttrValue(type=100), UnknownDType(100)),
    (AttrValue(type=78), UnknownDType(78)),
    (AttrValue(shape={}), ShapeValue(())),
    (AttrValue(shape={"unknown_rank": True}), ShapeValue(None)),
    (AttrValue(shape={"dim": [{"size": -1}, {"size": 3}]}), ShapeValue((None, 3))),
    (AttrValue(shape={"dim": [{"size": 2, "name": "n"}]}), ShapeValue((2,), ("n",))),
    (AttrValue(list={}), ()),
    (AttrValue(list={"i": [1, 2]}), (1, 2)),
    (AttrValue(list={"b": [True]}), (True,)),
    (AttrValue(list={"f": [1, 2]}), (1.0, 2.0)),
    (AttrValue(list={"s": [b"a", b""]}), ("a", "")),
    (AttrValue(list={"type": [1, 103]}), (DType.FLOAT, RefDType(103))),
    (AttrValue(list={"shape": [{}, {"unknown_rank": True}]}), (ShapeValue(()), ShapeValue(None))),
    (AttrValue(placeholder="T"), AttrPlaceholder("T")),
    (AttrValue(func={"name": "f", "attr": {"N": AttrValue(i=2)}}), FuncRef("f", {"N": 2})),
    (TWO_KINDS, AttrOpaque(TWO_KINDS.SerializeToString())),
]


@pytest.mark.parametrize(("attr", "value"), CASES, ids=[repr(v)[:40] for _, v in CASES])
def test_python_forms(attr: AttrValue, value: object) -> None:
    decoded = decode(attr)
    assert decoded == value
    assert type(decoded) is type(value)
    assert [type(v) for v in decoded] == [type(v) for v in value] if isinstance(value, tuple) else True
    assert encode(value) == attr


def test_constants_stay_undecoded() -> None:
    value = decode(AttrValue(tensor=b"\xff not a tensor"))
    assert isinstance(value, Tensor)
    assert value.payload == b"\xff not a tensor"
    assert encode((value, value)).list.tensor[1] == b"\xff not a tensor"


def test_like_decides_where_python_is_ambiguous() -> None:
    assert encode(1, like=AttrValue(f=0.5)) == AttrValue(f=1)
    assert encode(True, like=AttrValue(f=0.5)) == AttrValue(b=True)
    assert encode([1, 2.5], like=AttrValue(list={"f": [1]})) == AttrValue(list={"f": [1, 2.5]})
    assert encode((), like=AttrValue(shape={"dim": [{"size": 2}]})) == AttrValue(shape={})
    assert encode((None, 2), like=AttrValue(shape={})) == AttrValue(shape={"dim": [{"size": -1}, {"size": 2}]})
    assert encode((), like=AttrValue(list={"i": [1]})) == AttrValue(list={})
    assert encode((1,), like=AttrValue(list={"i": [2]})) == AttrValue(list={"i": [1]})


def test_numpy_scalars_are_taken() -> None:
    assert encode(np.int64(3)) == AttrValue(i=3)
    assert encode(np.float32(0.5)) == AttrValue(f=0.5)
    assert encode(np.bool_(True)) == AttrValue(b=True)
    assert encode([np.int32(1)]) == AttrValue(list={"i": [1]})
    assert encode(b"raw\xff") == AttrValue(s=b"raw\xff")


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        object(),
        {"a": 1},
        (1, "a"),
        (1, True),
        (1, None),
        (AttrPlaceholder("T"),),
        ((1, 2), (3, 4)),
        "\ud800",
        AttrOpaque(b"\xff"),
        ShapeValue((2**70,)),
        (NanBits(b"\x01\x00\x80\x7f"), "a"),
    ],
)
def test_what_no_attribute_can_hold_is_an_error(value: object) -> None:
    with pytest.raises(InputError, match="an attribute cannot hold") as e:
        encode(value)
    assert e.value.remedy


def test_labels() -> None:
    assert UnknownDType(77).label == "dtype 77"
    assert (RefDType(101).base, RefDType(101).label) == (DType.FLOAT, "float32 reference")
    assert str(ShapeValue((None, 3))) == "[?,3]"


def test_every_kind_of_the_table_is_decoded() -> None:
    kinds = {f.name for f in AttrValue.DESCRIPTOR.oneofs_by_name["value"].fields}
    assert kinds == set(attrs._DECODERS) | {"list", "f"}
