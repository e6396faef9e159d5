"""GraphDef and SavedModel: read, write, and say what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.errors import InputError
from graphdoctor.wire import scan
from graphdoctor.wire import tensorflow as wire

CORPUS = Path(__file__).resolve().parents[3] / "shared/corpus"
GRAPHS = sorted(CORPUS.glob("pb/*.pb"))
SAVED_MODELS = sorted(CORPUS.glob("savedmodel/*/saved_model.pb"))
needs_corpus = pytest.mark.skipif(not GRAPHS, reason=f"no corpus at {CORPUS}")

SMALL = """
node { name: "x" op: "Placeholder" attr { key: "shape" value { shape { dim { size: -1 } dim { size: 3 } } } } }
node { name: "w" op: "Const" attr { key: "value" value { tensor {
  dtype: DT_FLOAT tensor_shape { dim { size: 3 } } float_val: 0.5 } } } }
node { name: "y" op: "Mul" input: "x" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
library { function { signature { name: "f" } } }
versions { producer: 27 }
"""


def small_graph() -> bytes:
    return wire.serialize(wire.parse_graph_text(SMALL))


@needs_corpus
@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.name)
def test_corpus_graph_is_written_as_read(path: Path) -> None:
    graph = wire.parse_graph_def(path.read_bytes())
    assert len(graph.node) > 0
    assert wire.parse_graph_def(wire.serialize(graph)) == graph


@needs_corpus
@pytest.mark.parametrize("path", SAVED_MODELS, ids=lambda p: p.parent.name)
def test_corpus_saved_model_is_written_as_read(path: Path) -> None:
    model = wire.parse_saved_model(path.read_bytes())
    assert len(model.meta_graphs[0].graph_def.node) > 0
    assert wire.parse_saved_model(wire.serialize(model)) == model


@needs_corpus
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", GRAPHS, ids=lambda p: p.name)
def test_tensorflow_sees_the_same_graph(path: Path) -> None:
    graph_pb2 = pytest.importorskip("tensorflow.core.framework.graph_pb2")
    data = path.read_bytes()
    written = wire.serialize(wire.parse_graph_def(data))
    assert graph_pb2.GraphDef.FromString(written) == graph_pb2.GraphDef.FromString(data)


@needs_corpus
@pytest.mark.tensorflow
@pytest.mark.parametrize("path", SAVED_MODELS, ids=lambda p: p.parent.name)
def test_tensorflow_sees_the_same_saved_model(path: Path) -> None:
    saved_model_pb2 = pytest.importorskip("tensorflow.core.protobuf.saved_model_pb2")
    data = path.read_bytes()
    written = wire.serialize(wire.parse_saved_model(data))
    assert saved_model_pb2.SavedModel.FromString(written) == saved_model_pb2.SavedModel.FromString(data)


@needs_corpus
@pytest.mark.parametrize("path", [p for p in GRAPHS if p.stat().st_size < 150_000], ids=lambda p: p.name)
def test_corpus_graph_survives_the_text_form(path: Path) -> None:
    graph = wire.parse_graph_def(path.read_bytes())
    text = wire.graph_text(graph)
    again = wire.parse_graph_text(text)
    assert wire.graph_text(again) == text
    assert [n.name for n in again.node] == [n.name for n in graph.node]


@pytest.mark.tensorflow
def test_tensorflow_writes_the_same_text() -> None:
    graph_pb2 = pytest.importorskip("tensorflow.core.framework.graph_pb2")
    from google.protobuf import text_format

    theirs = text_format.MessageToString(graph_pb2.GraphDef.FromString(small_graph()))
    assert wire.graph_text(wire.parse_graph_def(small_graph())) == theirs


def test_constants_stay_bytes() -> None:
    graph = wire.parse_graph_text(SMALL)
    assert graph.node[1].attr["value"].tensor == bytes.fromhex("080112041202080 32a040000003f".replace(" ", ""))


def test_no_bytes_are_an_empty_graph() -> None:
    assert len(wire.parse_graph_def(b"").node) == 0


def test_unknown_fields_survive() -> None:
    extra = scan.encode_field(99, b"later")
    node = scan.encode_field(1, scan.encode_field(1, b"n") + extra)
    graph = wire.parse_graph_def(node + extra)
    assert wire.serialize(graph) == node + extra


def test_the_same_graph_gives_the_same_bytes() -> None:
    graphs = []
    for keys in ("abcdefgh", "hgfedcba"):
        node = wire.NodeDef(name="n")
        for key in keys:
            node.attr[key].i = ord(key)
        graphs.append(wire.serialize(node))
    assert graphs[0] == graphs[1]


def test_our_messages_are_not_tensorflows() -> None:
    assert wire.GraphDef.DESCRIPTOR.full_name == "graphdoctor.tf.GraphDef"


def test_every_truncation_is_an_error_or_a_graph() -> None:
    data = small_graph()
    errors = {}
    for size in range(len(data)):
        try:
            assert len(wire.parse_graph_def(data[:size]).node) <= 3
        except InputError as e:
            errors[size] = e
    assert len(errors) == len(data) - 5  # between two top-level fields nothing is missing
    assert all(re.search(rf"{size} bytes? (is|are) there", e.message) and e.remedy for size, e in errors.items())


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_an_input_error(data: bytes) -> None:
    for parse in (wire.parse_graph_def, wire.parse_saved_model):
        with suppress(InputError):
            parse(data)


@given(st.data())
def test_any_damage_gives_a_message_or_an_input_error(data: st.DataObject) -> None:
    damaged = bytearray(small_graph())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        wire.graph_text(wire.parse_graph_def(bytes(damaged)))


@given(st.text(alphabet='node{}:"=<>[]\\\n #x1-.', max_size=60))
def test_any_text_gives_a_graph_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        wire.parse_graph_text(text)


def test_truncation_names_the_offset() -> None:
    data = small_graph()
    with pytest.raises(InputError, match=r"truncated: 70 bytes .* begins at byte \d+ needs at least \d+ more"):
        wire.parse_graph_def(data[:70])


def test_a_name_that_is_not_utf8_is_quoted() -> None:
    data = wire.serialize(wire.GraphDef(node=[wire.NodeDef(name="ok"), wire.NodeDef(name="ab", op="Add")]))
    with pytest.raises(InputError, match=r"GraphDef\.node\[1\]\.name is not UTF-8: b'\\xff\\xfe'"):
        wire.parse_graph_def(data.replace(b"ab", b"\xff\xfe"))


def test_an_attribute_name_that_is_not_utf8_is_quoted() -> None:
    data = small_graph().replace(b"shape", b"sh\xffpe")
    with pytest.raises(InputError, match=r"node\[0\]\.attr\[0\]\.key is not UTF-8: b'sh\\xffpe'"):
        wire.parse_graph_def(data)


def test_a_saved_model_name_that_is_not_utf8_is_quoted() -> None:
    meta = scan.encode_field(2, scan.encode_field(1, scan.encode_field(1, b"\xff")))
    with pytest.raises(InputError, match=r"SavedModel\.meta_graphs\[0\]\.graph_def\.node\[0\]\.name"):
        wire.parse_saved_model(b"\x08\x01" + scan.encode_field(2, meta))


def test_a_damaged_node_is_named() -> None:
    node = scan.encode_field(1, b"conv1") + b"\x12\x7f"
    with pytest.raises(InputError, match=r"node 1 'conv1' \(bytes 7 to 16\) is damaged"):
        wire.parse_graph_def(scan.encode_field(1, b"\x0a\x01a") + scan.encode_field(1, node))


def nested(levels: int) -> bytes:
    """A node whose attribute is a function with an attribute that is a function, ``levels`` deep."""
    value = b""
    for _ in range(levels):
        entry = scan.encode_field(1, b"f") + scan.encode_field(2, value)
        value = scan.encode_field(10, scan.encode_field(2, entry))
    entry = scan.encode_field(1, b"f") + scan.encode_field(2, value)
    return scan.encode_field(1, scan.encode_field(1, b"n") + scan.encode_field(5, entry))


def test_deep_nesting_is_an_error() -> None:
    assert len(wire.parse_graph_def(nested(20)).node) == 1
    for levels in (100, 10_000):
        with pytest.raises(InputError, match=r"node 0 'n' .* deeper than 100 levels"):
            wire.parse_graph_def(nested(levels))


@pytest.mark.parametrize("levels", [50, 500, 20_000])
def test_deep_nesting_in_text_is_an_error(levels: int) -> None:
    with pytest.raises(InputError):
        wire.parse_graph_text('node { attr { key: "f" value ' + '{ func { attr { key: "f" value ' * levels)


def test_groups_are_an_error_not_a_crash() -> None:
    with pytest.raises(InputError):
        wire.parse_graph_def(b"\x0b" * 100_000)


def test_text_errors_have_line_and_column() -> None:
    with pytest.raises(InputError, match=r"line 2, column 9: .*Expected string"):
        wire.parse_graph_text("node {\n  name: 3\n}\n")
    with pytest.raises(InputError, match=r'line 1, column 1: .*no field named "nodes"'):
        wire.parse_graph_text("nodes { }")


def test_a_damaged_constant_cannot_become_text() -> None:
    graph = wire.GraphDef(node=[wire.NodeDef(name="c", op="Const")])
    graph.node[0].attr["value"].tensor = b"\x12\x7f"
    with pytest.raises(InputError, match=r"node 0 'c'"):
        wire.graph_text(graph)


def test_saved_model_text() -> None:
    text = 'saved_model_schema_version: 1 meta_graphs { graph_def { node { name: "a" } } }'
    assert wire.parse_saved_model_text(text).meta_graphs[0].graph_def.node[0].name == "a"


def test_saved_model_parts_are_built_when_asked_for() -> None:
    code = (
        "import graphdoctor.wire.tensorflow as w\n"
        "from graphdoctor.wire.messages import saved_model_schema, schema\n"
        "assert saved_model_schema.cache_info().currsize == 0 and schema.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
