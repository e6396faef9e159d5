"""What ops got after TensorFlow 1.12, the release that the UFF converter of TensorRT 3 to 5 works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from graphdoctor.ir import Node
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.wire.attrs import AttrPy


@dataclass(frozen=True, slots=True)
class NewerAttribute:
    """An attribute that TensorFlow 1.12 does not know, and whether it is at the default that changes nothing."""

    name: str
    value: AttrPy
    at_default: bool


@cache
def attributes_after_1_12() -> Mapping[str, Mapping[str, Any]]:
    """Op type to attribute to default, for ops that 1.12 knows; a dtype is its label.

    Raises:
        InputError: the table is missing or damaged.
    """
    table = load_toml(rules_dir() / "history" / "tf1.12.toml")
    return MappingProxyType(table["attrs"])


def newer_attributes(node: Node) -> list[NewerAttribute]:
    """The attributes of ``node`` that TensorFlow 1.12 does not know, by name."""
    known = attributes_after_1_12().get(node.op)
    if not known:
        return []
    present = sorted(k for k in known if k in node.attrs)
    return [NewerAttribute(k, node.attrs[k], _plain(node.attrs[k]) == known[k]) for k in present]


def _plain(value: AttrPy) -> Any:
    """``value`` as the table would have it."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return getattr(value, "label", value)
