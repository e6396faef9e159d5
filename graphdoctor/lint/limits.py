"""Which limits of targets something looks for: ``rules/limits.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir


class LimitCover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What sees to it that no graph counts as compatible while it may break a limit.

    Attributes:
        rules: codes of the rules that look for it.
        rows: ops whose rows in the tables of targets say it.
        nothing: why nothing has to look for it.
        open: why nothing can look for it; where one of its ops occurs, the verdict is unknown.
    """

    rules: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    nothing: str = ""
    open: str = ""

    @property
    def is_open(self) -> bool:
        """True if nothing looks for it."""
        return not (self.rules or self.rows or self.nothing)


@cache
def limit_covers() -> Mapping[str, LimitCover]:
    """Limit to what looks for it.

    Raises:
        InputError: the table is missing or says something that cannot be understood.
    """
    path = rules_dir() / "limits.toml"
    try:
        return msgspec.convert(load_toml(path), dict[str, LimitCover])
    except msgspec.ValidationError as e:
        raise InputError(str(e), where=str(path), remedy="graphdoctor/lint/limits.py says what each key means") from e
