"""The text beside a UFF file, as NVIDIA's converter writes it: for people, without weights, and not to be read back."""

from __future__ import annotations

from graphdoctor.wire.schema import Variant
from graphdoctor.wire.uff.data import Data
from graphdoctor.wire.uff.messages import schema
from graphdoctor.wire.uff.model import UffGraph, UffModel, UffNode
from graphdoctor.wire.uff.write import uff_bytes

_LONGEST_BLOB = 32


def uff_text(model: UffModel) -> str:
    """``model`` in protobuf's text form: maps sorted by key, a blob of more than 32 bytes as its size alone.

    Raises:
        InputError: the model cannot be written.
    """
    from google.protobuf import text_format

    message = schema(Variant.FULL).message_class("MetaGraph").FromString(uff_bytes(_without_blobs(model)))
    return text_format.MessageToString(message)


def _without_blobs(model: UffModel) -> UffModel:
    return UffModel(
        model.version,
        model.core_version,
        model.descriptors,
        [UffGraph(g.id, [_light_node(n) for n in g.nodes], _light(g.extra_fields)) for g in model.graphs],
        _light(model.references),
        _light(model.extra_fields),
    )


def _light_node(node: UffNode) -> UffNode:
    return UffNode(node.id, node.op, node.inputs, _light(node.fields), _light(node.extra_fields))


def _light(values: dict[str, Data]) -> dict[str, Data]:
    return {key: _light_data(data) for key, data in values.items()}


def _light_data(data: Data) -> Data:
    if data.member != "blob":
        return data
    size = memoryview(data.value).nbytes
    return Data.blob(f"(...{size} bytes skipped...)".encode()) if size > _LONGEST_BLOB else data
