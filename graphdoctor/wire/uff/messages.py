"""UFF's messages as a table, and their classes.

Field numbers: those of Netron's public schema (lutzroeder/netron, MIT, tools/uff.proto), tried on files that NVIDIA's
converter wrote. There is no schema of NVIDIA's that one may copy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.message import Message

from graphdoctor.wire.schema import Schema, Variant
from graphdoctor.wire.uff.dtypes import UffDType

PACKAGE = "graphdoctor.uff"
_FILE = "graphdoctor/uff/uff.proto"

TABLE = """
MetaGraph
    1 version uint32
    2 descriptor_core_version uint32
    3 descriptors *Descriptor
    4 graphs *Graph
    5 referenced_data map<string,Data>
    100 extra_fields map<string,Data>
Descriptor
    1 id string
    2 version uint32
    3 optional bool
Graph
    1 id string
    2 nodes *Node
    100 extra_fields map<string,Data>
Node
    1 id string
    2 inputs *string
    3 operation string
    4 fields map<string,Data>
    100 extra_fields map<string,Data>
Data
    1 s string /data_oneof
    2 s_list ListString /data_oneof
    3 d double /data_oneof
    4 d_list ListDouble /data_oneof
    5 b bool /data_oneof
    6 b_list ListBool /data_oneof
    7 i int64 /data_oneof
    8 i_list ListINT64 /data_oneof
    9 blob bytes /data_oneof
    100 ref string /data_oneof
    101 dtype DataType /data_oneof
    102 dtype_list ListDataType /data_oneof
    103 dim_orders DimensionOrders /data_oneof
    104 dim_orders_list ListDimensionOrders /data_oneof
ListString
    1 val *string
ListBool
    1 val *bool
ListINT64
    1 val *int64
ListDouble
    1 val *double
ListDataType
    1 val *DataType
DimensionOrders
    1 orders map<int32,ListINT64>
ListDimensionOrders
    1 val *DimensionOrders
"""
ENUMS = {
    "DataType": {f"DT_{d.name}": d.value for d in UffDType},
    "OrderEnum": {"OE_ZERO": 0, "OE_SPECIAL": -1, "OE_INCREMENT": (1 << 31) - 1, "OE_DECREMENT": -(1 << 31)},
}


@cache
def schema(variant: Variant) -> Schema:
    """The schema: RAW keeps the order of map entries, FULL is what the text form is of."""
    built = Schema(PACKAGE, variant)
    built.add(_FILE, TABLE, ENUMS)
    return built


@cache
def raw_class(name: str) -> type[Any]:
    """The class of message ``name`` with maps as entries in file order and strings as bytes."""
    found: type[Message] = schema(Variant.RAW).message_class(name)
    return found
