"""The table of messages is TensorFlow's own."""

from __future__ import annotations

import pytest

from graphdoctor.wire import messages_table as tables
from graphdoctor.wire.messages import PACKAGE, saved_model_schema, schema
from graphdoctor.wire.schema import Row, Schema, Variant, read_table

_STAYS_BYTES = {
    "MetaGraphDef.object_graph_def": "SavedObjectGraph",
    "TensorInfo.CompositeTensor.type_spec": "TypeSpecProto",
}
"""Messages that the table leaves as bytes in every variant."""


def _is_repeated(field) -> bool:
    flag = getattr(field, "is_repeated", None)
    return field.label == field.LABEL_REPEATED if flag is None else flag


def _type_name(field) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[k] for k in ("key", "value"))
        return f"map<{_type_name(key)},{_type_name(value)}>"
    declared = field.message_type or field.enum_type
    if declared is None:
        return str(field.type)
    name = declared.full_name
    return name.removeprefix("tensorflow.").removeprefix("google.protobuf.").removeprefix(f"{PACKAGE}.")


def _fields(descriptor) -> dict[int, tuple[str, bool, str, str]]:
    return {
        f.number: (
            f.name,
            _is_repeated(f),
            _type_name(f),
            f.containing_oneof.name if f.containing_oneof else "",
        )
        for f in descriptor.fields
    }


def _theirs():
    pytest.importorskip("tensorflow")
    from tensorflow.core.protobuf import saved_model_pb2

    seen, todo = {}, [saved_model_pb2.SavedModel.DESCRIPTOR]
    while todo:
        descriptor = todo.pop()
        name = descriptor.full_name.removeprefix("tensorflow.").removeprefix("google.protobuf.")
        if name in seen or name in _STAYS_BYTES.values():
            continue
        seen[name] = descriptor
        todo += [f.message_type for f in descriptor.fields if f.message_type is not None]
    return {name: d for name, d in seen.items() if not d.GetOptions().map_entry}


@pytest.mark.tensorflow
def test_every_message_and_field_is_tensorflows() -> None:
    ours = saved_model_schema(Variant.FULL)
    theirs = _theirs()
    assert set(theirs) == set(read_table(tables.GRAPH + tables.TENSOR.lstrip() + tables.SAVED_MODEL.lstrip()))
    for name, descriptor in theirs.items():
        expected = _fields(descriptor)
        for number, (field, repeated, kind, oneof) in expected.items():
            if _STAYS_BYTES.get(f"{name}.{field}") == kind:
                expected[number] = (field, repeated, str(descriptor.fields_by_number[number].TYPE_BYTES), oneof)
        assert _fields(ours.descriptor(name)) == expected, name


@pytest.mark.tensorflow
def test_every_enum_is_tensorflows() -> None:
    pytest.importorskip("tensorflow")
    from tensorflow.core.framework import full_type_pb2, types_pb2
    from tensorflow.core.protobuf import saver_pb2

    theirs = {
        "DataType": types_pb2.DataType.DESCRIPTOR,
        "FullTypeId": full_type_pb2.FullTypeId.DESCRIPTOR,
        "SaverDef.CheckpointFormatVersion": saver_pb2.SaverDef.CheckpointFormatVersion.DESCRIPTOR,
    }
    for name, numbers in (tables.GRAPH_ENUMS | tables.TENSOR_ENUMS | tables.SAVED_MODEL_ENUMS).items():
        assert numbers == {v.name: v.number for v in theirs[name].values}, name


def test_map_entries_are_named_as_protoc_names_them() -> None:
    function = schema(Variant.LAZY).descriptor("FunctionDef")
    assert function.fields_by_name["resource_arg_unique_id"].message_type.name == "ResourceArgUniqueIdEntry"


@pytest.mark.parametrize("variant", list(Variant))
def test_variants_agree_on_the_wire(variant: Variant) -> None:
    tensor = b"\x08\x01\x12\x00\x2a\x04\x00\x00\x80\x3f"
    node = schema(Variant.LAZY).message_class("NodeDef")(name="a", op="Const")
    node.attr["value"].tensor = tensor
    data = node.SerializeToString(deterministic=True)
    read = schema(variant).message_class("NodeDef").FromString(data)
    assert read.SerializeToString(deterministic=True) == data


def test_lazy_leaves_constants_undecoded_and_full_does_not() -> None:
    lazy = schema(Variant.LAZY).descriptor("AttrValue").fields_by_name["tensor"]
    full = schema(Variant.FULL).descriptor("AttrValue").fields_by_name["tensor"]
    assert lazy.type == lazy.TYPE_BYTES
    assert full.message_type.full_name == f"{PACKAGE}.TensorProto"


def test_read_table() -> None:
    table = "\nA\n    1 x *~B /o\n    2 m map<string,~A.C>\nA.C\n"
    assert read_table(table) == {
        "A": [Row(1, "x", True, "B", True, "", "o"), Row(2, "m", True, "A.C", True, "string", "")],
        "A.C": [],
    }


@pytest.mark.parametrize("line", ["  x int32", "    1 x", "    1 x map<string>", "    one x int32"])
def test_a_bad_table_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a field"):
        read_table(f"A\n{line}\n")


def test_a_type_that_is_not_declared_is_refused() -> None:
    with pytest.raises(TypeError):
        Schema("p", Variant.LAZY).add("p.proto", "A\n    1 x Missing\n")
