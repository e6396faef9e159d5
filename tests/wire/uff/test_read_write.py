"""Bytes to a model and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire.schema import Variant
from graphdoctor.wire.uff import Data, UffGraph, UffModel, UffNode, read_uff, uff_bytes, uff_chunks, uff_text
from graphdoctor.wire.uff import read as reading
from graphdoctor.wire.uff.data import MEMBERS
from graphdoctor.wire.uff.messages import schema
from tests.wire.uff.models import CORPUS, VALUES, convolution, models

field = scan.encode_field


def every_value() -> UffModel:
    node = UffNode("n", "_Foo", ["", "n"], {**VALUES, "": Data("")}, {"x": Data.i(-1)})
    return UffModel(graphs=[UffGraph(nodes=[node], extra_fields=dict(VALUES))], references=dict(VALUES))


@pytest.mark.skipif(not CORPUS, reason="no UFF files in ../shared/corpus")
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_real_files_are_written_back_byte_for_byte(path):
    data = path.read_bytes()
    model = read_uff(data)
    assert model.lost == []
    assert uff_bytes(model) == data
    text = uff_text(model)
    assert all(f'id: "{n.id}"' in text for n in model.nodes())
    assert len(text) < 40_000


@given(models)
@settings(max_examples=60)
def test_any_model_survives_writing_and_reading(model):
    data = uff_bytes(model)
    again = read_uff(data)
    assert again == model
    assert uff_bytes(again) == data


def test_every_kind_of_value_is_kept_also_where_it_is_zero_or_empty():
    assert set(VALUES) == set(MEMBERS)
    model = every_value()
    assert read_uff(uff_bytes(model)) == model


def test_the_library_reads_with_real_maps_what_is_written_with_entries():
    full = schema(Variant.FULL).message_class("MetaGraph").FromString(uff_bytes(every_value()))
    assert set(full.graphs[0].nodes[0].fields) == {*VALUES, ""}
    assert {v.WhichOneof("data_oneof") for v in full.referenced_data.values()} == set(MEMBERS)


def test_the_bytes_are_those_of_nvidias_converter():
    data = uff_bytes(convolution())
    assert len(data) == 395
    assert data.startswith(
        b"\x08\x01\x10\x01\x1a\x18\x0a\x14tensorflow_extension\x10\x01\x22\x88\x02\x0a\x04main\x12\x62"
    )
    assert b"\x22\x11\x0a\x07strides\x12\x06\x42\x04\x0a\x02\x01\x01" in data
    assert b"\xa2\x06\x0eorders_N+C_+CK" in data
    assert b"\xa8\x06\xa0\x80\x08" in data
    assert b"\x2a\x13\x0a\x09weights_w\x12\x06\x4a\x04\x00\x00\x00\x40\x2a\x4b" in data
    assert b"\xc2\x06\x36\x0a\x19\x0a\x17\x08" + b"\xff" * 9 + b"\x01\x12\x0a\x0a\x08" in data


def test_weights_are_slices_of_the_file_and_are_not_copied_when_written():
    model = convolution()
    model.references["weights_w"] = Data.blob(bytes(5000))
    data = uff_bytes(model)
    blob = read_uff(data).references["weights_w"].value
    assert isinstance(blob, memoryview)
    assert blob.obj is data
    assert any(chunk is blob or getattr(chunk, "obj", None) is data for chunk in uff_chunks(read_uff(data)))


def test_weights_may_be_an_array():
    import numpy as np

    model = convolution()
    model.references["weights_w"] = Data.blob(memoryview(np.arange(2000, dtype="<f4").reshape(2, 1000)))
    assert memoryview(read_uff(uff_bytes(model)).references["weights_w"].value).nbytes == 8000


def test_text_has_sorted_keys_and_no_weights():
    model = convolution()
    model.references["weights_w"] = Data.blob(bytes(33))
    model.references["short"] = Data.blob(b"abc")
    model.graph.nodes[1].fields["dtype"] = Data.dtype(7)
    text = uff_text(model)
    assert 'blob: "(...33 bytes skipped...)"' in text
    assert 'blob: "abc"' in text
    assert "dtype: 7\n" in text
    assert "dtype: DT_FLOAT32" in text
    assert text.index('"orders_N+C_+CK"\n  value') < text.index('key: "short"') < text.index('key: "weights_w"')


@pytest.mark.parametrize(
    "data, said",
    [
        (b"\x08\x01\x10\x01\x22\x05ab", "truncated: 8 bytes are there, and the field that begins at byte 4 needs"),
        (b"\x08\x01\x10\x01\x22\x02\x12\x09", "graph 0 is damaged: the data ends inside field 2 at byte 6"),
        (field(4, field(2, b"\x0a\x09x")), r"node 0 \(bytes 4 to 7\) is damaged"),
        (
            field(4, field(2, field(1, b"\xff"))),
            r"node 0 '\\\\xff' \(bytes 4 to 7\) has a name or text that is not UTF-8",
        ),
        (field(5, field(1, b"\xff") + field(2, field(9, bytes(5000)))), "not UTF-8"),
        (b"\x0b", "wire type 3 is not used"),
    ],
)
def test_damage_is_said_with_its_place(data, said):
    with pytest.raises(InputError, match=said):
        read_uff(data)


def test_what_a_model_cannot_hold_is_told():
    entry = field(4, field(1, b"k") + field(2, b"\x38\x01"))
    model = read_uff(field(4, field(2, field(1, b"n") + entry + entry + field(9, b"?")) + field(7, b"later")))
    assert model.graph.nodes[0].fields == {"k": Data.i(1)}
    assert [where for where, _ in model.lost] == ["node 0", "node 'n'", "graph 0"]
    assert "stands there more than once" in model.lost[1].what


def test_what_is_made_to_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(reading, "MAX_FIELDS", 100)
    monkeypatch.setattr(reading, "MAX_STRUCTURE", 9000)
    with pytest.raises(InputError, match="more than 100 nodes"):
        read_uff(field(4, field(2, b"") * 101))
    with pytest.raises(InputError, match="more than 9,000 bytes besides weights"):
        read_uff(field(4, field(2, field(2, b"") * 4600)))
    assert len(read_uff(field(5, field(1, b"w") + field(2, field(9, bytes(9001))))).references) == 1


def test_a_value_that_does_not_fit_its_field_is_refused():
    with pytest.raises(InputError, match="node 'n' cannot be written: field 'axis' holds 9223372036854775808 as i"):
        uff_bytes(UffModel(graphs=[UffGraph(nodes=[UffNode("n", "Stack", [], {"axis": Data("i", 1 << 63)})])]))
