"""UFF, the format of TensorRT's old parser: messages, a plain model of them, bytes to it and back."""

from __future__ import annotations

from graphdoctor.wire.uff.constants import UffConstant, constant_of
from graphdoctor.wire.uff.data import EMPTY, Blob, Data, Order
from graphdoctor.wire.uff.dtypes import NAMELESS, UffDType, dtype_number, dtype_of, dtype_text
from graphdoctor.wire.uff.model import Descriptor, Lost, UffGraph, UffModel, UffNode
from graphdoctor.wire.uff.orders import decode_order, encode_order, orders_key
from graphdoctor.wire.uff.read import read_uff
from graphdoctor.wire.uff.text import uff_text
from graphdoctor.wire.uff.write import uff_bytes, uff_chunks

__all__ = [
    "EMPTY",
    "NAMELESS",
    "Blob",
    "Data",
    "Descriptor",
    "Lost",
    "Order",
    "UffConstant",
    "UffDType",
    "UffGraph",
    "UffModel",
    "UffNode",
    "constant_of",
    "decode_order",
    "dtype_number",
    "dtype_of",
    "dtype_text",
    "encode_order",
    "orders_key",
    "read_uff",
    "uff_bytes",
    "uff_chunks",
    "uff_text",
]
