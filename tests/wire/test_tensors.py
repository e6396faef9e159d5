"""Lazy constants, against TensorFlow's own reading of them."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphdoctor.types import DType
from graphdoctor.wire import scan
from graphdoctor.wire import tensor_values as stored
from graphdoctor.wire.messages import schema
from graphdoctor.wire.schema import Variant
from graphdoctor.wire.tensors import MAX_EXPANDED_BYTES, Tensor, TensorError

NUMERIC = [
    *(d for d in DType if d.numpy is not None and d is not DType.STRING and not d.name.startswith("Q")),
]


def payload(dtype: int, dims: tuple[int, ...], **values: object) -> bytes:
    """A serialized TensorProto as the protobuf library writes it."""
    proto = schema(Variant.FULL).message_class("TensorProto")(dtype=dtype, **values)
    proto.tensor_shape.SetInParent()
    for d in dims:
        proto.tensor_shape.dim.add(size=d)
    return proto.SerializeToString(deterministic=True)


def read(dtype: int, dims: tuple[int, ...], **values: object) -> np.ndarray:
    return Tensor.from_payload(payload(dtype, dims, **values)).array()


# What TensorFlow 2.21's Const kernel gives for each; tensorflow_gives() below checks that.
KERNEL_CASES = [
    ("values", payload(DType.FLOAT, (2,), float_val=[1, 2]), [1, 2]),
    ("values beyond the shape", payload(DType.FLOAT, (2,), float_val=[1, 2, 3]), [1, 2]),
    ("last value repeated", payload(DType.FLOAT, (4,), float_val=[1, 2]), [1, 2, 2, 2]),
    ("one value", payload(DType.INT32, (2, 2), int_val=[-7]), [[-7, -7], [-7, -7]]),
    ("no value", payload(DType.FLOAT, (3,)), [0, 0, 0]),
    ("the list of another dtype", payload(DType.FLOAT, (2,), int_val=[1, 2]), [0, 0]),
    ("content before list", payload(DType.FLOAT, (1,), float_val=[1], tensor_content=b"\0\0\0\x40"), [2]),
    ("content of an empty shape", payload(DType.FLOAT, (0,), tensor_content=b"1234"), []),
    ("int8 wraps", payload(DType.INT8, (1,), int_val=[300]), [44]),
    ("half", payload(DType.HALF, (2,), half_val=[15360, 49152]), [1, -2]),
    ("bfloat16", payload(DType.BFLOAT16, (2,), half_val=[16256, 49152]), [1, -2]),
    ("bfloat16 content", payload(DType.BFLOAT16, (2,), tensor_content=b"\x80\x3f\x00\xc0"), [1, -2]),
    ("complex64, odd", payload(DType.COMPLEX64, (2,), scomplex_val=[1, 2, 3]), [1 + 2j, 1 + 2j]),
    ("complex128", payload(DType.COMPLEX128, (1,), dcomplex_val=[1, 2]), [1 + 2j]),
    ("double", payload(DType.DOUBLE, (2,), double_val=[0.1, 2]), [0.1, 2]),
    ("int64", payload(DType.INT64, (2,), int64_val=[-(2**63), 5]), [-(2**63), 5]),
    ("uint64", payload(DType.UINT64, (2,), uint64_val=[2**64 - 1]), [2**64 - 1] * 2),
    ("uint32", payload(DType.UINT32, (1,), uint32_val=[2**32 - 1]), [2**32 - 1]),
    ("uint8", payload(DType.UINT8, (2,), int_val=[1, 255]), [1, 255]),
    ("uint16", payload(DType.UINT16, (1,), int_val=[65535]), [65535]),
    ("bool", payload(DType.BOOL, (3,), bool_val=[True, False]), [True, False, False]),
    ("bool content", payload(DType.BOOL, (2,), tensor_content=b"\1\0"), [True, False]),
    ("int4", payload(DType.INT4, (3,), int_val=[-3, 12]), [-3, -4, -4]),
    ("int4 content", payload(DType.INT4, (3,), tensor_content=b"\xfd\x07\x01"), [-3, 7, 1]),
    ("uint4", payload(DType.UINT4, (2,), int_val=[3, 12]), [3, 12]),
    ("int2", payload(DType.INT2, (3,), int_val=[-1, 1]), [-1, 1, 1]),
    ("float8", payload(DType.FLOAT8_E5M2, (3,), float8_val=b"\x3c\x40"), [1, 2, 2]),
    ("float8 content", payload(DType.FLOAT8_E4M3FN, (2,), tensor_content=b"\x38\xc0"), [1, -2]),
    ("string", payload(DType.STRING, (3,), string_val=[b"a", b"\xff"]), [b"a", b"\xff", b"\xff"]),
    ("no string", payload(DType.STRING, (2,)), [b"", b""]),
    ("string content", payload(DType.STRING, (2,), tensor_content=b"\x01\x02axy"), [b"a", b"xy"]),
    ("scalar", payload(DType.FLOAT, (), float_val=[5]), 5),
]


@pytest.mark.parametrize(("data", "expected"), [c[1:] for c in KERNEL_CASES], ids=[c[0] for c in KERNEL_CASES])
def test_values_are_read_as_the_const_kernel_does(data: bytes, expected: object) -> None:
    array = Tensor.from_payload(data).array()
    assert array.tolist() == expected
    assert not array.flags.writeable


@pytest.mark.tensorflow
def test_tensorflow_gives_the_same_values() -> None:
    tf = pytest.importorskip("tensorflow")
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    for i, (_, data, _) in enumerate(KERNEL_CASES):
        node = graph.node.add(name=f"c{i}", op="Const")
        node.attr["value"].tensor.ParseFromString(data)
        node.attr["dtype"].type = node.attr["value"].tensor.dtype
    with tf.Graph().as_default() as g, tf.compat.v1.Session(graph=g) as session:
        tf.import_graph_def(graph, name="")
        given = session.run([f"c{i}:0" for i in range(len(KERNEL_CASES))])
    for (name, _, expected), value in zip(KERNEL_CASES, given, strict=True):
        assert np.asarray(value).tolist() == expected, name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (payload(DType.FLOAT, (4,), tensor_content=b"1234"), "holds 4 bytes, and 4 elements of float32 take 16"),
        (payload(DType.FLOAT, (1,), tensor_content=b"12345678"), "holds 8 bytes"),
        (payload(DType.FLOAT, (-1,), float_val=[1]), "dimensions must be known"),
        (payload(DType.FLOAT, (2**40, 2**40), float_val=[1]), r"more than 2\*\*63 - 1"),
        (payload(DType.FLOAT, (2**62,), float_val=[1]), "numpy cannot hold"),
        (payload(DType.FLOAT, (2**62, 2**62, 0), float_val=[1]), "numpy cannot hold"),
        (payload(DType.FLOAT, (1,) * 200, float_val=[1]), "numpy cannot hold"),
        (payload(DType.FLOAT, (2**33,), float_val=[1, 2]), "stores 2 values and claims 8589934592"),
        (payload(77, (1,), float_val=[1]), "unknown dtype number 77"),
        (payload(101, (1,), float_val=[1]), "unknown dtype number 101"),
        (payload(0, (1,)), "unknown dtype number 0"),
        (payload(-3, (1,)), "unknown dtype number"),
        (payload(DType.RESOURCE, ()), "no values to read"),
        (payload(DType.VARIANT, ()), "no values to read"),
        (payload(DType.BOOL, (2,), tensor_content=b"\x02\x00"), "neither 0 nor 1"),
        (payload(DType.STRING, (2,), tensor_content=b"\x01\x02axyz"), "do not fill"),
        (payload(DType.STRING, (2,), tensor_content=b"\x80\x80"), "cut off"),
        (payload(DType.STRING, (2**40,), tensor_content=b"\x01"), "too few"),
        (b"\x08\x01\x12\x02\x18\x01\x2d\0\0\0\0", "unknown rank"),
        (b"\x08\x01\x12\x7f", "cannot be read"),
        (b"\xff\xff", "cannot be read"),
        (b"\x12\x02\x12\x7f\x08\x01", "cannot be read"),
    ],
)
def test_a_constant_that_contradicts_itself_is_an_error(data: bytes, reason: str) -> None:
    tensor = Tensor.from_payload(data)
    with pytest.raises(TensorError, match=reason) as e:
        tensor.array()
    assert e.value.remedy
    assert tensor.digest() == Tensor.from_payload(data).digest()
    assert tensor == Tensor.from_payload(bytes(data))
    assert "Tensor" in repr(tensor)
    assert hash(tensor) == hash(Tensor.from_payload(data))
    assert tensor.to_payload() == data


def test_sixteen_gigabytes_claimed_by_sixty_bytes_take_none() -> None:
    data = payload(DType.FLOAT, (4, 2**30), float_val=[0.5])
    assert len(data) < 60
    tracemalloc.start()
    tensor = Tensor.from_payload(data)
    array = tensor.array()
    assert (array.shape, array.nbytes, float(array[3, -1])) == ((4, 2**30), 2**34, 0.5)
    assert tensor.is_splat
    assert tensor == Tensor.from_payload(data + b"\x18\x00")
    assert tensor.digest() == Tensor.from_array(array).digest()
    assert len(Tensor.from_array(array).to_payload()) < 60
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_repeating_the_last_value_is_bounded() -> None:
    n = MAX_EXPANDED_BYTES // 4
    with pytest.raises(TensorError, match="over 256 MiB"):
        read(DType.FLOAT, (n + 1,), float_val=[1, 2])


def test_a_large_header_is_read_in_place() -> None:
    weights = np.zeros(1 << 22, np.float32)
    data = Tensor.from_array(weights).to_payload()
    tracemalloc.start()
    tensor = Tensor.from_payload(data)
    assert (tensor.dtype, tensor.shape, tensor.nbytes_stored) == (DType.FLOAT, (1 << 22,), len(data))
    assert tensor.array().nbytes == 1 << 24
    assert tracemalloc.get_traced_memory()[1] < 1 << 16
    tracemalloc.stop()


def test_fields_in_any_order_and_repeated_fields_merge() -> None:
    content = scan.encode_field(4, np.arange(6, dtype="<i4").tobytes())
    dims = (
        scan.encode_field(2, scan.encode_field(2, b"\x08\x02")),
        scan.encode_field(2, scan.encode_field(2, b"\x08\x03")),
    )
    data = content + dims[0] + b"\x08\x01" + dims[1] + b"\x08\x03"
    tensor = Tensor.from_payload(data)
    assert tensor.dtype is DType.INT32
    assert tensor.array().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_unpacked_lists_are_read() -> None:
    values = b"".join(b"\x2d" + np.float32(v).tobytes() for v in (1, 2, 3))
    data = payload(DType.FLOAT, (3,)) + values
    assert Tensor.from_payload(data).array().tolist() == [1, 2, 3]
    assert Tensor.from_payload(payload(DType.FLOAT, (3,)) + values[:5]).array().tolist() == [1, 1, 1]


def test_fields_of_a_later_tensorflow_are_passed_over() -> None:
    data = payload(DType.FLOAT, (1,), float_val=[2]) + scan.encode_field(90, b"later")
    tensor = Tensor.from_payload(data)
    assert tensor.array().tolist() == [2]
    assert tensor.to_payload() == data


@given(st.data())
def test_from_array_round_trip(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(NUMERIC))
    array = data.draw(hnp.arrays(dtype.numpy, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
    bits = array.tobytes()
    tensor = Tensor.from_array(array)
    again = Tensor.from_payload(tensor.to_payload())
    assert again.array().tobytes() == bits
    assert (again.dtype, again.shape) == (dtype, array.shape)
    assert again == tensor
    assert hash(again) == hash(tensor)
    assert again.digest() == tensor.digest()
    assert tensor.payload is None


@given(st.data())
def test_a_broadcast_value_round_trip(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([*NUMERIC, DType.BFLOAT16]))
    value = data.draw(hnp.arrays(dtype.numpy or np.float32, ()))
    array = np.broadcast_to(value, (3, 4))
    tensor = Tensor.from_array(array, dtype)
    again = Tensor.from_payload(tensor.to_payload())
    assert tensor.is_splat
    assert again.is_splat
    assert again == tensor
    assert again.array().tobytes() == tensor.array().tobytes()
    if dtype is not DType.BFLOAT16:
        assert again.array().tobytes() == array.tobytes()


@given(hnp.arrays(np.int32, hnp.array_shapes(max_dims=2, max_side=4), elements=st.integers(0, 1)))
def test_equal_values_are_equal_however_stored(array: np.ndarray) -> None:
    flat = array.reshape(-1).tolist()
    while len(flat) > 1 and flat[-1] == flat[-2]:
        flat.pop()
    whole = Tensor.from_array(array.copy())
    short = Tensor.from_payload(payload(DType.INT32, array.shape, int_val=flat))
    assert whole == short
    assert whole.digest() == short.digest()
    other = Tensor.from_array(np.where(np.arange(array.size).reshape(array.shape) == 0, 2, array).astype(np.int32))
    assert whole != other
    assert whole.digest() != other.digest()


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_each_value_counts(changed: int) -> None:
    values = np.array([1, 2, 2, 2], np.int16)
    other = values.copy()
    other[changed] = 7
    assert Tensor.from_array(values) != Tensor.from_array(other)
    assert Tensor.from_array(values).digest() != Tensor.from_array(other).digest()
    tail = Tensor.from_array(np.array([1, 3, 3, 3], np.int16))
    assert Tensor.from_array(values) != tail
    assert Tensor.from_array(values).digest() != tail.digest()


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=5))
def test_strings_round_trip(items: list[bytes]) -> None:
    array = np.empty(len(items), object)
    array[:] = items
    tensor = Tensor.from_array(array)
    again = Tensor.from_payload(tensor.to_payload())
    assert again.array().tolist() == items
    assert again == tensor
    assert again.digest() == tensor.digest()


def test_python_strings_become_utf8() -> None:
    assert Tensor.from_array(["a", "é"]).array().tolist() == [b"a", "é".encode()]
    with pytest.raises(TensorError, match="cannot hold int"):
        Tensor.from_array(np.array([1, "a"], object))


def test_nan_bits_are_told_apart() -> None:
    bits = np.array([0x7FC00000, 0x7F800001], np.uint32)
    quiet, signalling = (Tensor.from_array(bits[i : i + 1].view(np.float32).copy()) for i in (0, 1))
    assert quiet == Tensor.from_payload(quiet.to_payload())
    assert quiet != signalling


def test_shape_and_dtype_tell_constants_apart() -> None:
    zeros = Tensor.from_array(np.zeros((2, 3), np.float32))
    assert zeros != Tensor.from_array(np.zeros((3, 2), np.float32))
    assert zeros != Tensor.from_array(np.zeros((2, 3), np.int32))
    assert zeros != "zeros"


def test_from_array_converts_to_the_dtype_asked_for() -> None:
    assert Tensor.from_array([1, 2], DType.FLOAT).array().dtype == np.float32
    rounded = Tensor.from_array([1.0, 1.00390625, 3.14159, np.nan, np.inf], DType.BFLOAT16)
    assert rounded.dtype is DType.BFLOAT16
    np.testing.assert_array_equal(rounded.array(), np.array([1, 1, 3.140625, np.nan, np.inf], np.float32))
    assert Tensor.from_payload(rounded.to_payload()) == rounded
    for dtype in (DType.FLOAT8_E5M2, DType.INVALID, DType.RESOURCE):
        with pytest.raises(TensorError):
            Tensor.from_array([1.0], dtype)


def test_from_array_keeps_what_it_was_given() -> None:
    owner = np.arange(4)
    tensor = Tensor.from_array(owner)
    with pytest.raises(ValueError, match="read-only"):
        owner[0] = 9
    base = np.arange(8)
    part = Tensor.from_array(base[:4])
    base[0] = 9
    assert part == tensor
    strided = np.arange(8).reshape(2, 4).T
    assert Tensor.from_array(strided).array().tolist() == strided.tolist()


@given(hnp.arrays(np.float32, (8,), elements=st.floats(width=32)))
def test_bfloat16_rounds_to_nearest_even(array: np.ndarray) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    tied = (array.view(np.uint32) & 0xFFFF0000 | 0x8000).view(np.float32)
    for values in (array, tied):
        with np.errstate(invalid="ignore", over="ignore"):
            theirs = values.astype(ml_dtypes.bfloat16).astype(np.float32)
        np.testing.assert_array_equal(Tensor.from_array(values.copy(), DType.BFLOAT16).array(), theirs)


@pytest.mark.parametrize("dtype", [d for d in DType if d.name.startswith("FLOAT8")])
def test_float8_values(dtype: DType) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    theirs = np.arange(256, dtype=np.uint8).view(getattr(ml_dtypes, dtype.name.lower())).astype(np.float32)
    np.testing.assert_array_equal(read(dtype, (256,), tensor_content=bytes(range(256))), theirs)


def test_every_dtype_with_values_has_a_list() -> None:
    without = {DType.INVALID, DType.RESOURCE, DType.VARIANT}
    assert set(stored.LISTS) == set(DType) - without


@given(st.binary(max_size=60))
def test_any_bytes_give_a_constant_or_a_tensor_error(data: bytes) -> None:
    tensor = Tensor.from_payload(data)
    try:
        array = tensor.array()
    except TensorError:
        return
    assert array.shape == tensor.shape


@given(st.data())
def test_any_damage_gives_a_constant_or_a_tensor_error(data: st.DataObject) -> None:
    _, source, _ = data.draw(st.sampled_from(KERNEL_CASES))
    damaged = bytearray(source)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    tensor = Tensor.from_payload(bytes(damaged))
    with suppress(TensorError):
        assert tensor.array().shape == tensor.shape
