"""The message classes, with types that mypy can check; the fields are those of ``messages_table``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from graphdoctor.wire import messages_table as tables
from graphdoctor.wire.schema import Schema, Variant

PACKAGE = "graphdoctor.tf"
_GRAPH_FILE = "graphdoctor/tf/graph.proto"


@cache
def schema(variant: Variant) -> Schema:
    """The schema with GraphDef (and TensorProto in the full variant)."""
    built = Schema(PACKAGE, variant)
    if variant is Variant.FULL:
        built.add(_GRAPH_FILE, tables.GRAPH + tables.TENSOR.lstrip(), tables.GRAPH_ENUMS | tables.TENSOR_ENUMS)
    else:
        built.add(_GRAPH_FILE, tables.GRAPH, tables.GRAPH_ENUMS)
    return built


@cache
def saved_model_schema(variant: Variant) -> Schema:
    """``schema(variant)`` with SavedModel and MetaGraphDef declared as well."""
    built = schema(variant)
    built.add(
        "graphdoctor/tf/saved_model.proto",
        tables.SAVED_MODEL,
        tables.SAVED_MODEL_ENUMS,
        depends=[_GRAPH_FILE],
    )
    return built


if TYPE_CHECKING:
    from google.protobuf.internal.containers import (
        MessageMap,
        RepeatedCompositeFieldContainer,
        RepeatedScalarFieldContainer,
        ScalarMap,
    )

    class VersionDef(Message):
        """Which TensorFlow wrote the graph, and which can read it."""

        producer: int
        min_consumer: int
        bad_consumers: RepeatedScalarFieldContainer[int]

    class TensorShapeProto(Message):
        """A shape; ``unknown_rank`` excludes ``dim``, a size of -1 is unknown."""

        class Dim(Message):
            """One dimension."""

            size: int
            name: str

        dim: RepeatedCompositeFieldContainer[Dim]
        unknown_rank: bool

    class NameAttrList(Message):
        """A function and its attributes."""

        name: str
        attr: MessageMap[str, AttrValue]

    class AttrValue(Message):
        """The value of one attribute; ``tensor`` is an undecoded TensorProto."""

        class ListValue(Message):
            """A list; one of the fields is filled."""

            s: RepeatedScalarFieldContainer[bytes]
            i: RepeatedScalarFieldContainer[int]
            f: RepeatedScalarFieldContainer[float]
            b: RepeatedScalarFieldContainer[bool]
            type: RepeatedScalarFieldContainer[int]
            shape: RepeatedCompositeFieldContainer[TensorShapeProto]
            tensor: RepeatedScalarFieldContainer[bytes]
            func: RepeatedCompositeFieldContainer[NameAttrList]

        list: ListValue
        s: bytes
        i: int
        f: float
        b: bool
        type: int
        shape: TensorShapeProto
        tensor: bytes
        placeholder: str
        func: NameAttrList

    class NodeDef(Message):
        """One node."""

        name: str
        op: str
        input: RepeatedScalarFieldContainer[str]
        device: str
        attr: MessageMap[str, AttrValue]
        experimental_type: bytes

    class OpDef(Message):
        """The signature of an op or function."""

        class ArgDef(Message):
            """An input or output of a function."""

            name: str
            type: int
            type_attr: str
            number_attr: str
            type_list_attr: str

        name: str
        input_arg: RepeatedCompositeFieldContainer[ArgDef]
        output_arg: RepeatedCompositeFieldContainer[ArgDef]
        control_output: RepeatedScalarFieldContainer[str]

    class FunctionDef(Message):
        """A function of the library."""

        signature: OpDef
        node_def: RepeatedCompositeFieldContainer[NodeDef]
        ret: ScalarMap[str, str]
        attr: MessageMap[str, AttrValue]
        control_ret: ScalarMap[str, str]

    class FunctionDefLibrary(Message):
        """The functions that come with a graph."""

        function: RepeatedCompositeFieldContainer[FunctionDef]

    class GraphDef(Message):
        """A graph."""

        node: RepeatedCompositeFieldContainer[NodeDef]
        library: FunctionDefLibrary
        version: int
        versions: VersionDef
        debug_info: bytes

    class TensorInfo(Message):
        """An input or output of a signature; ``name`` is ``node:output``."""

        name: str
        dtype: int
        tensor_shape: TensorShapeProto

    class SignatureDef(Message):
        """A named set of inputs and outputs."""

        inputs: MessageMap[str, TensorInfo]
        outputs: MessageMap[str, TensorInfo]
        method_name: str

    class MetaGraphDef(Message):
        """A graph with its signatures."""

        class MetaInfoDef(Message):
            """Who wrote it and what it is for."""

            meta_graph_version: str
            tags: RepeatedScalarFieldContainer[str]
            tensorflow_version: str
            tensorflow_git_version: str
            stripped_default_attrs: bool

        meta_info_def: MetaInfoDef
        graph_def: GraphDef
        signature_def: MessageMap[str, SignatureDef]
        object_graph_def: bytes

    class SavedModel(Message):
        """The content of a saved_model.pb."""

        saved_model_schema_version: int
        meta_graphs: RepeatedCompositeFieldContainer[MetaGraphDef]

    class TensorProto(Message):
        """A constant, decoded."""

        dtype: int
        tensor_shape: TensorShapeProto
        tensor_content: bytes
        float_val: RepeatedScalarFieldContainer[float]
        double_val: RepeatedScalarFieldContainer[float]
        int_val: RepeatedScalarFieldContainer[int]
        string_val: RepeatedScalarFieldContainer[bytes]
        scomplex_val: RepeatedScalarFieldContainer[float]
        int64_val: RepeatedScalarFieldContainer[int]
        bool_val: RepeatedScalarFieldContainer[bool]
        dcomplex_val: RepeatedScalarFieldContainer[float]
        half_val: RepeatedScalarFieldContainer[int]
        uint32_val: RepeatedScalarFieldContainer[int]
        uint64_val: RepeatedScalarFieldContainer[int]
        float8_val: bytes

else:
    _lazy = schema(Variant.LAZY)
    GraphDef = _lazy.message_class("GraphDef")
    NodeDef = _lazy.message_class("NodeDef")
    AttrValue = _lazy.message_class("AttrValue")
    FunctionDef = _lazy.message_class("FunctionDef")
    NameAttrList = _lazy.message_class("NameAttrList")
    TensorShapeProto = _lazy.message_class("TensorShapeProto")
    VersionDef = _lazy.message_class("VersionDef")
