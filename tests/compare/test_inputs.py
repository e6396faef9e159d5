from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.compare import load_npz_inputs, seeded_inputs, seeded_pair
from graphdoctor.errors import InputError
from graphdoctor.findings import TensorInfo
from graphdoctor.types import DType

NUMBERS = [d for d in DType if d.numpy is not None and d is not DType.STRING]
IMAGE = TensorInfo("image:0", DType.FLOAT, (None, 4, 5, 3))


def spec(name="x", dtype=DType.FLOAT, shape=(2, 3)):
    return TensorInfo(name, dtype, shape)


@given(st.sampled_from(NUMBERS), st.lists(st.integers(0, 4), max_size=4), st.integers(0, 2**40))
def test_values_have_the_dtype_the_shape_and_sane_sizes(dtype, dims, seed):
    values = seeded_inputs([spec(dtype=dtype, shape=tuple(dims))], seed)["x"]
    assert values.dtype == dtype.numpy
    assert values.shape == tuple(dims)
    again = seeded_inputs([spec("other"), spec(dtype=dtype, shape=tuple(dims))], seed)["x"]
    np.testing.assert_array_equal(values, again)
    if values.dtype.kind in "fc":
        assert (np.abs(values.real) <= 1).all()
    elif values.dtype != np.uint8:
        assert ((values >= 0) & (values < 10)).all()


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda d: d.label)
def test_values_spread_over_their_range(dtype):
    values = seeded_inputs([spec(dtype=dtype, shape=(4000,))], 0)["x"]
    if dtype.numpy.kind in "fc":
        assert values.real.min() < -0.9
        assert values.real.max() > 0.9
    else:
        top = {"b": 1, "u": 255 if dtype.numpy == np.uint8 else 9, "i": 9}[dtype.numpy.kind]
        assert (values.min(), values.max()) == (0, top)


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda d: d.label)
@pytest.mark.parametrize("shape", [(), (1,), (3, 2)])
def test_the_two_sets_of_a_pair_differ(dtype, shape):
    for seed in range(20):
        first, second = seeded_pair([spec(dtype=dtype, shape=shape)], seed)
        assert not np.array_equal(first["x"], second["x"])


def test_a_pair_of_empty_inputs_is_allowed():
    first, second = seeded_pair([spec(shape=(0, 2))], 0)
    assert first["x"].shape == second["x"].shape == (0, 2)


def test_a_pair_without_a_second_value():
    with pytest.raises(InputError, match="no second, different value"):
        seeded_pair([spec(dtype=DType.INT32)], 0, ranges={"x": (3, 4)})


def test_inputs_of_other_names_have_other_values():
    values = seeded_inputs([spec("a", shape=(9,)), spec("b", shape=(9,))], 1)
    assert not np.array_equal(values["a"], values["b"])


def test_ranges():
    values = seeded_inputs([spec("a"), spec("b", DType.UINT8)], 1, ranges={"a": (5, 6), "b": (7, 8)})
    assert ((values["a"] >= 5) & (values["a"] <= 6)).all()
    assert (values["b"] == 7).all()


@pytest.mark.parametrize("low, high", [(1, 1), (2, 1), (0, 257), (-1, 3), (float("nan"), 1)])
def test_ranges_that_hold_no_value(low, high):
    with pytest.raises(InputError, match="holds no value"):
        seeded_inputs([spec("b", DType.UINT8)], 1, ranges={"b": (low, high)})


def test_unknown_batch_becomes_one_or_what_is_asked():
    assert seeded_inputs([IMAGE], 0)["image:0"].shape == (1, 4, 5, 3)
    assert seeded_inputs([IMAGE], 0, unknown_batch=2)["image:0"].shape == (2, 4, 5, 3)


@pytest.mark.parametrize("shape, shown", [((None, None, 3), "x[1,N,3]"), ((1, None), "x[1,N]"), (None, "x[1,...]")])
def test_other_unknown_dimensions_are_named(shape, shown):
    with pytest.raises(InputError, match="unknown dimensions") as caught:
        seeded_inputs([spec(shape=shape)], 0)
    assert caught.value.where == "x"
    assert f"--input '{shown}'" in caught.value.remedy


@pytest.mark.parametrize("dtype", [DType.STRING, DType.RESOURCE, DType.BFLOAT16, DType.INVALID])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(InputError, match=f"dtype {dtype.label} cannot be made up"):
        seeded_inputs([spec(dtype=dtype)], 0)


def test_huge_shapes_are_refused():
    with pytest.raises(InputError, match="more than"):
        seeded_inputs([spec(shape=(1 << 20, 1 << 20))], 0)


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return tmp_path / "data.npz"

    return write


def test_data_from_a_file(npz):
    image = np.ones((2, 4, 5, 3), np.float32)
    for name in ("image", "image:0"):
        loaded = load_npz_inputs(
            npz(**{name: image, "scope/flag": np.array(True)}), [IMAGE, spec("scope/flag", DType.BOOL, ())]
        )
        np.testing.assert_array_equal(loaded["image:0"], image)
        assert loaded["scope/flag"]


@pytest.mark.parametrize(
    "arrays, said",
    [
        ({}, "no values for the input image"),
        ({"image": np.ones((2, 4, 5, 3), np.float32), "z": np.ones(1)}, "values for z, which is no input"),
        ({"image": np.ones((2, 4, 5, 3))}, "float64 and not float32"),
        ({"image": np.ones((2, 4, 6, 3), np.float32)}, r"\[2,4,6,3\] and not \[\?,4,5,3\]"),
        ({"image": np.ones((4, 5, 3), np.float32)}, "shape"),
        ({"image": np.array([{}])}, "object"),
    ],
)
def test_data_that_does_not_fit(npz, arrays, said):
    with pytest.raises(InputError, match=said):
        load_npz_inputs(npz(**arrays), [IMAGE])


def test_a_pickle_in_the_file_is_never_loaded(npz):
    path = npz(image=np.array([[[[{}]]]]))
    with pytest.raises(InputError, match="object"):
        load_npz_inputs(path, [spec("image", DType.FLOAT, None)])


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00"])
def test_files_of_another_kind(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read as an \.npz"):
        load_npz_inputs(tmp_path / "data.npz", [IMAGE])


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_npz_inputs(tmp_path / "none.npz", [IMAGE])


@pytest.mark.parametrize("shape", ["(1, 4, 5, 3)", "(4611686018427387904, 4, 5, 3)", "(-1, 4, 5, 3)"])
def test_a_header_that_claims_more_than_there_is(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("image.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"1234")
    with pytest.raises(InputError):
        load_npz_inputs(tmp_path / "data.npz", [IMAGE])
