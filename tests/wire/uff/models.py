"""UFF models for tests: one with every kind of value, and random ones."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from graphdoctor.wire.uff import Data, Descriptor, UffDType, UffGraph, UffModel, UffNode, encode_order, orders_key
from graphdoctor.wire.uff.data import MEMBERS

CORPUS = sorted((Path(__file__).resolve().parents[4] / "shared/corpus/uff").glob("*.uff"))

VALUES = {
    "s": Data.s("same"),
    "s_list": Data.s_list(["a", ""]),
    "d": Data.d(0.0010000000474974513),
    "d_list": Data.d_list([0.0, -1.5]),
    "b": Data.b(False),
    "b_list": Data.b_list([True, False]),
    "i": Data.i(0),
    "i_list": Data.i_list([]),
    "blob": Data.blob(b"\0\1"),
    "ref": Data.ref(""),
    "dtype": Data.dtype(7),
    "dtype_list": Data.dtype_list([UffDType.FLOAT32, 7]),
    "dim_orders": Data.dim_orders(encode_order("N+C")),
    "dim_orders_list": Data.dim_orders_list([encode_order("N+C"), ((0, ()),)]),
}


def convolution() -> UffModel:
    """An input through a 1x1 convolution to a marked output."""
    orders = ("N+C", "+CK")
    conv = {
        "strides": Data.i_list([1, 1]),
        "inputs_orders": Data.ref(orders_key(orders)),
        "implicit_padding": Data.s("same"),
    }
    kernel = {
        "shape": Data.i_list([1, 1, 1, 1]),
        "dtype": Data.dtype(UffDType.FLOAT32),
        "values": Data.ref("weights_w"),
    }
    given = {"shape": Data.i_list([-1, 4, 4, 1]), "dtype": Data.dtype(UffDType.FLOAT32)}
    nodes = [
        UffNode("c", "Conv", ["x", "w"], conv),
        UffNode("w", "Const", [], kernel),
        UffNode("x", "Input", [], given),
        UffNode("MarkOutput_0", "MarkOutput", ["c"]),
    ]
    references = {
        "weights_w": Data.blob(b"\0\0\0\x40"),
        orders_key(orders): Data.dim_orders_list(map(encode_order, orders)),
    }
    return UffModel(
        descriptors=[Descriptor("tensorflow_extension")], graphs=[UffGraph(nodes=nodes)], references=references
    )


_texts = st.text(st.characters(codec="utf-8"), max_size=6)
_int64 = st.integers(-(1 << 63), (1 << 63) - 1)
_int32 = st.integers(-(1 << 31), (1 << 31) - 1)
_floats = st.floats(allow_nan=False)
_order = st.lists(st.tuples(_int32, st.lists(_int64, max_size=4).map(tuple)), max_size=2).map(tuple)
_SCALARS = {"s": _texts, "ref": _texts, "d": _floats, "b": st.booleans(), "i": _int64, "dtype": _int32}
_SCALARS |= {"blob": st.binary(max_size=9), "dim_orders": _order}


def _values(member: str) -> st.SearchStrategy[Data]:
    one = _SCALARS.get(member)
    if one is None:
        one = st.lists(_SCALARS[member.removesuffix("_list")], max_size=4).map(tuple)
    return one.map(lambda value: Data(member, value))


data = st.sampled_from(["", *MEMBERS]).flatmap(lambda m: _values(m) if m else st.just(Data("")))
_maps = st.dictionaries(_texts, data, max_size=4)
_nodes = st.builds(UffNode, _texts, _texts, st.lists(_texts, max_size=3), _maps, _maps)
_graphs = st.builds(UffGraph, _texts, st.lists(_nodes, max_size=4), _maps)
_descriptors = st.builds(Descriptor, _texts, st.integers(0, 9), st.booleans())
models = st.builds(
    UffModel,
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 9),
    st.lists(_descriptors, max_size=2),
    st.lists(_graphs, max_size=2),
    _maps,
    _maps,
)
