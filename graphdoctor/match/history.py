"""Which ops TensorFlow has, and what they got after the releases that the UFF converters work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from graphdoctor.ir import Node
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.wire.attrs import AttrPy

OLDEST = "1.12"
RELEASES = (OLDEST, "1.14", "1.15")
"""TensorFlow releases that a converter was tested with, oldest first."""


@dataclass(frozen=True, slots=True)
class NewerAttribute:
    """An attribute that a release does not know, and whether it is at the default that changes nothing."""

    name: str
    value: AttrPy
    at_default: bool


@cache
def _table() -> Mapping[str, Any]:
    return load_toml(rules_dir() / "history" / "tf1.12.toml")


@cache
def _op_names() -> frozenset[str]:
    table = load_toml(rules_dir() / "history" / "ops.toml")
    return frozenset(name for names in table["ops"].values() for name in names.split())


def has_heard_of(op: str) -> bool:
    """True if ``op`` is one of TensorFlow's, whatever the release, or one that some converter is known to read.

    Raises:
        InputError: the table is missing or damaged.
    """
    return op in _op_names()


@cache
def attributes_after(release: str) -> Mapping[str, Mapping[str, Any]]:
    """Op type to attribute to default, for what TensorFlow ``release`` of :data:`RELEASES` does not know.

    Ops that came after 1.12 are left out: their name alone tells. A dtype is its label.

    Raises:
        InputError: the table is missing or damaged.
    """
    table = _table()
    attrs: Mapping[str, Mapping[str, Any]] = table["attrs"]
    known = {word for r in RELEASES[1 : RELEASES.index(release) + 1] for word in table["known"][r].split()}
    later = ((op, {k: v for k, v in row.items() if f"{op}.{k}" not in known}) for op, row in attrs.items())
    return MappingProxyType({op: row for op, row in later if row})


def attributes_after_1_12() -> Mapping[str, Mapping[str, Any]]:
    """:func:`attributes_after` for the oldest release."""
    return attributes_after(OLDEST)


def newer_attributes(node: Node, release: str = OLDEST) -> list[NewerAttribute]:
    """The attributes of ``node`` that TensorFlow ``release`` does not know, by name."""
    known = attributes_after(release).get(node.op)
    if not known:
        return []
    present = sorted(k for k in known if k in node.attrs)
    return [NewerAttribute(k, node.attrs[k], _plain(node.attrs[k]) == known[k]) for k in present]


def _plain(value: AttrPy) -> Any:
    """``value`` as the table would have it."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return getattr(value, "label", value)
