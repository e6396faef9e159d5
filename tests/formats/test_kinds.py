"""Recognition by content."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.errors import InputError
from graphdoctor.formats.kinds import Kind, explain, sniff, sniff_folder
from graphdoctor.wire import scan
from graphdoctor.wire import tensorflow as wire

CORPUS = Path(__file__).resolve().parents[3] / "shared/corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
CORPUS_KINDS = [
    *((p, Kind.GRAPHDEF) for p in sorted(CORPUS.glob("pb/*.pb"))),
    *((p, Kind.UFF) for p in sorted(CORPUS.glob("uff/*.uff"))),
    *((p, Kind.SAVED_MODEL) for p in sorted(CORPUS.glob("savedmodel/*/saved_model.pb"))),
    *((p, Kind.CHECKPOINT) for p in sorted(CORPUS.glob("savedmodel/*/variables/*"))),
]
GRAPH_TEXT = 'node { name: "x" op: "Placeholder" } node { name: "y" op: "Relu" input: "x" } versions { producer: 27 }'


def graph(text: str = GRAPH_TEXT) -> bytes:
    return wire.serialize(wire.parse_graph_text(text))


def field(number: int, content: bytes) -> bytes:
    return scan.encode_field(number, content)


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"content" * 100)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pb"))
    return out.getvalue()


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    return out.getvalue()


META_INFO = field(5, b"1.15.0") + field(4, b"serve")
META_GRAPH = field(1, META_INFO) + field(2, graph())
ONNX = b"\x08\x07" + field(2, b"tf2onnx") + field(7, field(1, field(1, b"x") + field(4, b"Relu")))
UFF = b"\x08\x01\x10\x01" + field(3, field(1, b"tensorflow_extension")) + field(4, field(1, b"main"))

CASES = [
    ("graph", graph(), Kind.GRAPHDEF),
    ("graph of nothing but versions", graph("versions { producer: 27 }"), Kind.GRAPHDEF),
    ("graph with its versions first", field(4, b"\x08\x1b") + graph(), Kind.GRAPHDEF),
    ("graph with an empty library", graph() + field(2, b""), Kind.GRAPHDEF),
    ("graph with a library first", field(2, field(1, field(1, field(1, b"f")))) + graph(), Kind.GRAPHDEF),
    ("graph of a later release", graph() + field(99, b"later"), Kind.GRAPHDEF),
    ("graph with a name that is not UTF-8", graph().replace(b"y", b"\xff"), Kind.GRAPHDEF),
    ("graph of a custom op", graph('node { name: "a" op: "Addons>Op" }'), Kind.GRAPHDEF),
    ("graph with damage behind its nodes", graph() + b"\x0b", Kind.GRAPHDEF),
    ("truncated graph", graph()[:-1], Kind.TRUNCATED_GRAPHDEF),
    ("truncated inside the first node", graph()[:10], Kind.TRUNCATED_GRAPHDEF),
    ("graph text", GRAPH_TEXT.encode(), Kind.GRAPHDEF_TEXT),
    ("graph text with comments", b"\xef\xbb\xbf# made by hand\n\n  node {\n}", Kind.GRAPHDEF_TEXT),
    ("graph text, old style", b"node <\n name: 'a' >\nversion: 21", Kind.GRAPHDEF_TEXT),
    ("graph text behind a long comment", ("# " + "é" * 5000 + "\n").encode() + b"node { }", Kind.GRAPHDEF_TEXT),
    ("long graph text", b'node { name: "' + "é".encode() * 50_000, Kind.GRAPHDEF_TEXT),
    ("SavedModel", b"\x08\x01" + field(2, META_GRAPH), Kind.SAVED_MODEL),
    ("SavedModel without info", b"\x08\x01" + field(2, field(2, graph())), Kind.SAVED_MODEL),
    ("SavedModel cut in its op list", b"\x08\x01\x12\x7f\x0a\x70\x12\x60\x0a\x20\x0a\x03Add", Kind.SAVED_MODEL),
    ("truncated SavedModel", (b"\x08\x01" + field(2, META_GRAPH))[:40], Kind.SAVED_MODEL),
    ("SavedModel text", b"saved_model_schema_version: 1\nmeta_graphs {", Kind.SAVED_MODEL_TEXT),
    ("meta graph", META_GRAPH, Kind.META_GRAPH),
    ("meta graph text", b"meta_info_def {\n}", Kind.META_GRAPH_TEXT),
    ("ONNX", ONNX, Kind.ONNX),
    ("ONNX without its version", ONNX[2:], Kind.ONNX),
    ("ONNX text", b"ir_version: 8\nproducer_name: 'x'", Kind.ONNX_TEXT),
    ("UFF", UFF, Kind.UFF),
    ("UFF text", b"version: 1\ndescriptor_core_version: 1\ndescriptors {", Kind.UFF_TEXT),
    ("Core ML", b"\x08\x04" + field(2, field(1, field(1, b"in"))) + field(500, field(1, b"x")), Kind.UNKNOWN),
    ("Caffe", field(1, b"CaffeNet") + field(2, field(1, b"data")), Kind.UNKNOWN),
    ("HDF5", b"\x89HDF\r\n\x1a\n\0\0\0", Kind.KERAS_H5),
    ("Keras 3", zipped("metadata.json", "config.json", "model.weights.h5"), Kind.KERAS_ZIP),
    ("PyTorch", zipped("net/data.pkl", "net/version"), Kind.TORCH_ZIP),
    ("npy", npy(), Kind.NUMPY),
    ("npz", npz(), Kind.NUMPY),
    ("zip", zipped("model.pb"), Kind.ZIP),
    ("empty zip", zipped(), Kind.ZIP),
    ("gzip", gzip.compress(graph()), Kind.GZIP),
    ("tar", tarred(), Kind.TAR),
    ("pickle", pickle.dumps({"a": 1}), Kind.PICKLE),
    ("TensorFlow Lite", b"\x1c\0\0\0TFL3\0\0", Kind.TFLITE),
    ("TensorRT plan", b"ftrt\0\0\0\0", Kind.PLAN),
    ("checkpoint state", b'model_checkpoint_path: "model.ckpt-1"\n', Kind.CHECKPOINT),
    ("web page", b"\n<!DOCTYPE html>\n<html>", Kind.HTML),
    ("JSON", b'{"modelTopology": {}}', Kind.JSON),
    ("Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", Kind.GIT_LFS),
    ("no bytes", b"", Kind.EMPTY),
    ("white space", b" \n" * 5000, Kind.EMPTY),
    ("prose", b"Dear reader, this is not a model.", Kind.UNKNOWN),
    ("noise", bytes(range(255, 0, -1)), Kind.UNKNOWN),
    ("zeros", bytes(1000), Kind.UNKNOWN),
]


@pytest.mark.parametrize(("data", "kind"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_kinds(data: bytes, kind: Kind) -> None:
    assert sniff(data) is kind


@pytest.mark.parametrize("suffix", ["pb", "pbtxt", "onnx", "uff", "h5", "index", "html"])
def test_a_suffix_is_not_believed(suffix: str) -> None:
    for _, data, kind in CASES:
        assert sniff(data, f"model.{suffix}") is kind


def test_a_shard_of_a_checkpoint_is_known_by_name_alone() -> None:
    shard = np.arange(100, dtype=np.float32).tobytes()
    assert sniff(shard) is Kind.UNKNOWN
    assert sniff(shard, "/m/variables.data-00000-of-00001") is Kind.CHECKPOINT
    assert sniff(graph(), "/m/variables.data-00000-of-00001") is Kind.GRAPHDEF


@needs_corpus
@pytest.mark.parametrize(("path", "kind"), CORPUS_KINDS, ids=[f"{p.parent.name}/{p.name}" for p, _ in CORPUS_KINDS])
def test_corpus(path: Path, kind: Kind) -> None:
    assert sniff(path.read_bytes(), str(path)) is kind


def test_models_that_onnx_writes() -> None:
    onnx = pytest.importorskip("onnx")
    h, dtype = onnx.helper, onnx.TensorProto.FLOAT
    values = [h.make_tensor_value_info(n, dtype, [1, 2]) for n in ("x", "y")]
    weight = onnx.numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    node = h.make_node("MatMul", ["x", "w"], ["y"])
    for graph_ in (
        h.make_graph([node], "g", values[:1], values[1:], [weight]),
        h.make_graph([], "nothing", values[:1], values[:1]),
    ):
        model = h.make_model(graph_)
        assert sniff(model.SerializeToString()) is Kind.ONNX
        model.doc_string = "text " * 10_000
        assert sniff(model.SerializeToString()) is Kind.ONNX


@pytest.mark.tensorflow
def test_files_that_tensorflow_writes(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("v", initializer=tf.ones([2]))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
        tf.io.write_graph(session.graph_def, str(tmp_path), "g.pb", as_text=False)
        tf.io.write_graph(session.graph_def, str(tmp_path), "g.pbtxt")
    found = {p.name: sniff(p.read_bytes(), str(p)) for p in tmp_path.iterdir()}
    assert found == {
        "checkpoint": Kind.CHECKPOINT,
        "model.ckpt.data-00000-of-00001": Kind.CHECKPOINT,
        "model.ckpt.index": Kind.CHECKPOINT,
        "model.ckpt.meta": Kind.META_GRAPH,
        "g.pb": Kind.GRAPHDEF,
        "g.pbtxt": Kind.GRAPHDEF_TEXT,
    }
    assert sniff_folder(tmp_path) == (Kind.CHECKPOINT, tmp_path)


@pytest.mark.parametrize("size", range(5, len(graph())))
def test_every_truncation_of_a_graph_is_recognised(size: int) -> None:
    """From the first letter of the first name on; between two top-level fields nothing seems to be missing."""
    data = graph()[:size]
    assert sniff(data) is (Kind.GRAPHDEF if _is_whole(data) else Kind.TRUNCATED_GRAPHDEF)


def _is_whole(data: bytes) -> bool:
    try:
        list(scan.fields(data))
    except scan.WireError:
        return False
    return True


@given(st.binary(max_size=300))
def test_any_bytes_have_a_kind(data: bytes) -> None:
    assert sniff(data) in Kind
    assert sniff(b"\x0a" + data) in Kind
    assert sniff(b"\x08\x01\x12" + data) in Kind


@given(st.sampled_from([c[1] for c in CASES if c[1]]), st.data())
def test_any_damage_has_a_kind(source: bytes, data: st.DataObject) -> None:
    damaged = bytearray(source[:400])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert sniff(bytes(damaged)) in Kind


def test_every_kind_is_explained_in_a_sentence_each() -> None:
    for kind in Kind:
        what, remedy = explain(kind)
        assert what[0].islower() or what.split()[0].isupper(), what
        assert remedy[0].isupper()
        assert not what.endswith(".")
        assert not remedy.endswith(".")


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no saved_model\.pb") as e:
        sniff_folder(tmp_path)
    assert e.value.remedy == "Give a model file"
    (tmp_path / "net.pb").touch()
    with pytest.raises(InputError) as e:
        sniff_folder(tmp_path)
    assert e.value.remedy == "Give a file in it: net.pb"
    with pytest.raises(InputError, match="cannot be read"):
        sniff_folder(tmp_path / "missing")
    (tmp_path / "model.ckpt-1.index").touch()
    assert sniff_folder(tmp_path) == (Kind.CHECKPOINT, tmp_path)
    (tmp_path / "saved_model.pbtxt").touch()
    assert sniff_folder(tmp_path) == (Kind.SAVED_MODEL_TEXT, tmp_path / "saved_model.pbtxt")
    (tmp_path / "saved_model.pb").touch()
    assert sniff_folder(tmp_path) == (Kind.SAVED_MODEL, tmp_path / "saved_model.pb")
