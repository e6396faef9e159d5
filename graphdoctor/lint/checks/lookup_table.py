"""Tables that TensorFlow looks words or numbers up in."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.ir import Node
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.words import plural

_TABLES = (
    *("HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2", "MutableHashTableOfTensors"),
    *("MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2", "AnonymousHashTable"),
)
_USERS = ("LookupTableFind", "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2")


def check(ctx: CheckContext) -> Iterator[Hit]:
    """One hit for each live table with what looks things up in it, and for each use of a table that is not there."""
    told: set[Node] = set()
    for table in ctx.live_nodes(*_TABLES):
        users = tuple(n for n in ctx.graph.consumers(table) if n in ctx.live)
        told.update(users)
        count = sum(n.op in _USERS for n in users)
        yield Hit(table, f"{plural(count, 'node reads', 'nodes read')} this {table.op}", covers=users)
    for user in ctx.live_nodes(*_USERS):
        if user not in told:
            yield Hit(user, f"{user.op} reads a table from elsewhere")
