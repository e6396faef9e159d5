"""Orders, types, references, constants."""

from __future__ import annotations

import numpy as np
import pytest

from graphdoctor.errors import InputError
from graphdoctor.types import DType
from graphdoctor.wire.uff import (
    NAMELESS,
    Data,
    UffDType,
    UffModel,
    UffNode,
    constant_of,
    decode_order,
    dtype_number,
    dtype_of,
    dtype_text,
    encode_order,
    orders_key,
)
from graphdoctor.wire.uff.orders import CANONICAL
from tests.wire.uff.models import convolution

UP = (1 << 31) - 1


@pytest.mark.parametrize(
    "order, items",
    [
        ("NC+", (0, 1, 2, UP)),
        ("N+C", (0, 2, UP, 1)),
        ("+CK", (2, UP, 1, 0)),
        ("+KC", (2, UP, 0, 1)),
        ("NC", (0, 1)),
        ("CN", (1, 0)),
        ("KC", (0, 1)),
        ("CK", (1, 0)),
        ("NC-", (0, 1, -(1 << 31), 2)),
    ],
)
def test_orders_are_those_of_the_files(order, items):
    assert encode_order(order) == ((-1, items),)


def test_orders_come_back_from_what_they_are_relative_to():
    from itertools import permutations

    for canonical in CANONICAL:
        for order in map("".join, permutations(canonical)):
            assert decode_order(encode_order(order), canonical) == order
    assert decode_order(((-1, (0, 1, 2)),), "NC+") is None
    assert decode_order((), "NC+") is None


def test_letters_that_belong_to_no_tensor_are_refused():
    with pytest.raises(ValueError, match="is no order of"):
        encode_order("NK+")


def test_the_key_of_orders_is_that_of_the_converter():
    assert orders_key(("N+C", "+CK")) == "orders_N+C_+CK"


def test_types_keep_their_width_and_kind():
    for uff in UffDType:
        dtype = dtype_of(uff)
        if uff is UffDType.INVALID:
            assert dtype is DType.INVALID
            continue
        assert dtype.numpy.itemsize * 8 == uff & 0xFFFF
        assert dtype.is_float == (uff >> 16 == 2)
        assert dtype_number(dtype) == uff
        assert dtype_text(uff) == dtype.label
    assert dtype_of(NAMELESS) is DType.INVALID
    assert dtype_number(DType.BOOL) is None
    assert dtype_text(NAMELESS) == "type 7"


def test_references_are_followed_and_end():
    model = UffModel(references={"a": Data.ref("b"), "b": Data.i(3), "x": Data.ref("y"), "y": Data.ref("x")})
    assert model.resolve(Data.ref("a")) == Data.i(3)
    assert model.resolve(Data.ref("x")) is None
    assert model.resolve(Data.ref("gone")) is None
    assert model.resolve(Data.s("a")) == Data.s("a")


def test_a_constant_is_its_bytes():
    model = convolution()
    const = constant_of(model, model.graph.by_id()["w"])
    assert const is not None
    assert const.array().tolist() == np.full((1, 1, 1, 1), 2.0).tolist()


@pytest.mark.parametrize(
    "change", [{"dtype": Data.dtype(7)}, {"shape": Data.i_list([2])}, {"shape": Data.i_list([-1])}]
)
def test_a_constant_whose_bytes_say_something_else_has_no_array(change):
    model = convolution()
    node = model.graph.by_id()["w"]
    node.fields |= change
    const = constant_of(model, node)
    assert const is not None
    with pytest.raises(InputError, match=r"Const 'w' is .* and has 4 bytes"):
        const.array()


def test_a_constant_without_values_is_none():
    assert constant_of(UffModel(), UffNode("w", "Const", [], {"values": Data.ref("weights_w")})) is None
