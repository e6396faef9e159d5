"""Which limits of targets something looks for: ``rules/limits.toml``."""

from __future__ import annotations

from functools import cache

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir


class LimitCovers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What sees to it that no graph counts as compatible while it may break a limit, by the limit's name.

    Attributes:
        rules: codes of the rules that look for it.
        rows: ops whose rows in the tables of targets say it.
        nothing: why nothing has to look for it.
        open: why nothing can look for it; where one of its ops occurs, the verdict is unknown.
    """

    rules: dict[str, list[str]]
    rows: dict[str, list[str]]
    nothing: dict[str, str]
    open: dict[str, str]

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
