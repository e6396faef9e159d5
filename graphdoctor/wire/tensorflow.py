"""Read and write GraphDef and SavedModel.

Constant payloads stay undecoded (``AttrValue.tensor`` is bytes). Fields that TensorFlow adds later are kept
when reading and writing the binary form; the text form cannot say them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from google.protobuf.message import DecodeError, EncodeError, Message

from graphdoctor.errors import InputError
from graphdoctor.wire.messages import (
    AttrValue,
    FunctionDef,
    GraphDef,
    NameAttrList,
    NodeDef,
    TensorShapeProto,
    VersionDef,
    saved_model_schema,
    schema,
)
from graphdoctor.wire.schema import Variant

if TYPE_CHECKING:
    from graphdoctor.wire.messages import SavedModel

__all__ = [
    "AttrValue",
    "FunctionDef",
    "GraphDef",
    "NameAttrList",
    "NodeDef",
    "TensorShapeProto",
    "VersionDef",
    "graph_text",
    "parse_graph_def",
    "parse_graph_text",
    "parse_saved_model",
    "parse_saved_model_text",
    "serialize",
]

_M = TypeVar("_M", bound=Message)
_READ_ERRORS = (DecodeError, UnicodeDecodeError, RecursionError)
_LONGEST_REASON = 200
_EXPORT_AGAIN = "Get the file again, or export the graph again"


def parse_graph_def(data: bytes) -> GraphDef:
    """The GraphDef in ``data``; no bytes at all are an empty graph.

    Raises:
        InputError: the bytes are truncated, damaged or hold a name that is not UTF-8; says where.
    """
    return _parse(GraphDef, data, "GraphDef")


def parse_saved_model(data: bytes) -> SavedModel:
    """The SavedModel in ``data`` (the content of a saved_model.pb).

    Raises:
        InputError: as for :func:`parse_graph_def`.
    """
    cls = cast("type[SavedModel]", saved_model_schema(Variant.LAZY).message_class("SavedModel"))
    return _parse(cls, data, "SavedModel")


def parse_graph_text(text: str) -> GraphDef:
    """The GraphDef written in protobuf's text form.

    Raises:
        InputError: the text is not a GraphDef; gives line and column.
    """
    return _parse(GraphDef, _from_text(schema(Variant.FULL).message_class("GraphDef"), text), "GraphDef")


def parse_saved_model_text(text: str) -> SavedModel:
    """The SavedModel written in protobuf's text form; TF2 object graphs cannot be read from it.

    Raises:
        InputError: the text is not a SavedModel; gives line and column.
    """
    full = saved_model_schema(Variant.FULL).message_class("SavedModel")
    return parse_saved_model(_from_text(full, text))


def graph_text(graph_def: GraphDef) -> str:
    """``graph_def`` in protobuf's text form, constants decoded; unknown fields are left out.

    Raises:
        InputError: a constant inside is damaged.
    """
    from google.protobuf import text_format

    full = schema(Variant.FULL).message_class("GraphDef")
    decoded = _parse(full, serialize(graph_def), "GraphDef", Variant.FULL)
    return text_format.MessageToString(decoded)


def serialize(message: Message) -> bytes:
    """``message`` as bytes, the same each time: maps are sorted by key.

    Raises:
        InputError: it is over protobuf's 2 GiB, or nested too deep.
    """
    try:
        return message.SerializeToString(deterministic=True)
    except (EncodeError, ValueError, RecursionError) as e:
        raise InputError(
            f"the message cannot be written: {e}",
            remedy="Protobuf takes at most 2 GiB and 100 nested levels; split the graph",
        ) from e


def _parse(cls: type[_M], data: bytes, name: str, variant: Variant = Variant.LAZY) -> _M:
    try:
        return cls.FromString(data)
    except _READ_ERRORS as e:
        from graphdoctor.wire.diagnose import why_unreadable

        raise why_unreadable(data, name, variant) from e


def _from_text(cls: type[Message], text: str) -> bytes:
    from google.protobuf import text_format

    message = cls()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as e:
        raise _text_error(e) from e
    except ValueError as e:  # a number that its field cannot hold
        raise InputError(f"the text is not valid: {_short(str(e))}", remedy=_EXPORT_AGAIN) from e
    except RecursionError as e:
        raise InputError("the text is nested too deep", remedy="Protobuf takes at most 100 nested levels") from e
    return serialize(message)


def _text_error(e: Any) -> InputError:
    line, column = e.GetLine(), e.GetColumn()
    if not line:
        return InputError(f"the text is not valid: {_short(str(e))}", remedy=_EXPORT_AGAIN)
    reason = _short(str(e).removeprefix(f"{line}:{column} : "))
    return InputError(
        f"the text is not valid at line {line}, column {column}: {reason}", remedy="Correct the text there"
    )


def _short(text: str) -> str:
    """protobuf repeats the whole line, which may be the whole file."""
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
