"""A SavedModel: which MetaGraph and signature are read, and that the others are named."""

from __future__ import annotations

from pathlib import Path

from graphdoctor.formats.tensorflow import load_model

_NODES = """node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
            node { name: "y" op: "Relu" input: "x" } node { name: "z" op: "Tanh" input: "x" }"""


def _signature(name: str, output: str) -> str:
    ends = f'inputs {{ key: "a" value {{ name: "x:0" }} }} outputs {{ key: "b" value {{ name: "{output}:0" }} }}'
    return f'signature_def {{ key: "{name}" value {{ {ends} }} }}'


def _meta(tags: str, *signatures: str) -> str:
    return f'meta_graphs {{ meta_info_def {{ tags: "{tags}" }} graph_def {{ {_NODES} }} {" ".join(signatures)} }}'


def _loaded(folder: Path, *metas: str) -> tuple[list[str], list[str]]:
    (folder / "saved_model.pbtxt").write_text("\n".join(metas))
    model = load_model(str(folder))
    return model.notes, [v.name for v in model.graph.outputs]


def test_nothing_to_say_where_all_is_read(tmp_path: Path) -> None:
    signatures = _signature("serving_default", "y"), _signature("__saved_model_init_op", "z")
    assert _loaded(tmp_path, _meta("serve", *signatures)) == ([], ["y"])


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    serving = _meta("serve", _signature("serving_default", "y"), _signature("classify", "z"))
    notes, outputs = _loaded(tmp_path, _meta("train", _signature("serving_default", "z")), serving)
    assert notes == [
        "another MetaGraph: the one with the tags serve is read",
        "the other signature classify: inputs and outputs are those of serving_default",
    ]
    assert outputs == ["y"]


def test_without_a_signature_the_ends_are_found(tmp_path: Path) -> None:
    notes, outputs = _loaded(tmp_path, _meta("serve"))
    assert notes == ["no signature: inputs and outputs are found, not stated"]
    assert outputs == []
