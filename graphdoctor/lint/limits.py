"""Which limits of targets something looks for: ``rules/limits.toml``."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.targets import OpRow, Target, load_target


class LimitCovers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What sees to it that no graph counts as compatible while it may break a limit, by the limit's name.

    Attributes:
        rules: codes of the rules that look for it.
        rows: ops whose rows in the tables of targets say it.
        nothing: why nothing has to look for it.
        open: why nothing can look for it; where one of its ops occurs, the verdict is unknown.
        converter: why it is a limit of NVIDIA's converter alone, not of the parser behind it.
    """

    rules: dict[str, list[str]]
    rows: dict[str, list[str]]
    nothing: dict[str, str]
    open: dict[str, str]
    converter: dict[str, str]

    def is_open(self, limit: str) -> bool:
        """True if nothing looks for ``limit``."""
        return limit not in self.rules and limit not in self.rows and limit not in self.nothing


@cache
def limit_covers() -> LimitCovers:
    """The table, read once.

    Raises:
        InputError: it is missing or says something that cannot be understood.
    """
    path = rules_dir() / "limits.toml"
    try:
        return msgspec.convert(load_toml(path), LimitCovers)
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy="graphdoctor/lint/limits.py says what each key means") from e


@cache
def parser_alone(name: str) -> Target:
    """The target ``name`` for a UFF file: without the limits of NVIDIA's converter, which has no part in it any more.

    Explicit paddings of a graph that was made of such a file are what the file says in numbers, the same on both sides.
    """
    target = load_target(name)
    if target.parser != "uff":
        return target
    covers = limit_covers()
    padded = {op: _with_explicit(target.ops[op]) for op in covers.rows["explicit-padding"] if op in target.ops}
    limits = {n: limit for n, limit in target.limits.items() if n not in covers.converter}
    return replace(target, limits=limits, ops={**target.ops, **padded}, alone=True)


def _with_explicit(row: OpRow) -> OpRow:
    """``row`` with padding EXPLICIT where it takes VALID."""
    known = row.attrs.get("padding", ())
    return replace(row, attrs={**row.attrs, "padding": (*known, "EXPLICIT")}) if "VALID" in known else row
