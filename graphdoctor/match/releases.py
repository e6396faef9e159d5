"""What each release of TensorFlow 1 does not know yet, from ``rules/history/releases.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir


@dataclass(frozen=True, slots=True)
class Release:
    """What came after one release.

    Attributes:
        name: ``1.4``.
        newer_ops: op to the release it came with, ``2`` for all of TensorFlow 2.
        attrs: op to attribute to default, ``None`` where it has none; of ops that the release knows.
        newer_types: op to attribute to the labels of dtypes that it does not take yet.
        hints: op to attributes that say nothing about the result.
        inference: op to attributes that matter in training alone.
        why: ``attribute`` or ``op.attribute`` to what cannot be said without it.
    """

    name: str
    newer_ops: Mapping[str, str]
    attrs: Mapping[str, Mapping[str, Any]]
    newer_types: Mapping[str, Mapping[str, frozenset[str]]]
    hints: Mapping[str, tuple[str, ...]]
    inference: Mapping[str, tuple[str, ...]]
    why: Mapping[str, str]


@cache
def load_release(name: str) -> Release:
    """The release ``name``.

    Raises:
        InputError: it is none of those that were read, or the table is damaged.
    """
    table = load_toml(rules_dir() / "history" / "releases.toml")
    releases: list[str] = table["releases"]
    if name not in releases:
        raise InputError(f"no release {name!r} of TensorFlow was read", remedy=f"There are {', '.join(releases)}")
    later = {*releases[releases.index(name) + 1 :], "2"}
    ops = {op: since for since, names in table["ops"].items() if since in later for op in names.split()}
    return Release(
        name,
        ops,
        _attrs(table["attrs"], later, ops),
        _types(table["types"], later),
        {op: tuple(keys) for op, keys in table["hints"].items()},
        {op: tuple(keys) for op, keys in table["inference"].items()},
        {key: text.format(release=name) for key, text in table["why"].items()},
    )


def _attrs(rows: Mapping[str, Any], later: set[str], ops: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    known = ((op, row) for op, row in rows.items() if op not in ops)
    newer = ((op, {k: v.get("default") for k, v in row.items() if v["since"] in later}) for op, row in known)
    return {op: row for op, row in newer if row}


def _types(rows: Mapping[str, Any], later: set[str]) -> dict[str, dict[str, frozenset[str]]]:
    return {
        op: {
            key: frozenset(label for since, labels in by_release.items() if since in later for label in labels)
            for key, by_release in row.items()
        }
        for op, row in rows.items()
    }
