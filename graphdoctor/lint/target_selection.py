"""Which targets a rule is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from graphdoctor.targets import Target

Parser = Literal["uff", "onnx", "tftrt"]


class TargetSelection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Targets that a rule is about.

    Attributes:
        parser: those with this parser, or with one of these.
        limit: those that have one of these named limits.
        name: those with one of these names.
    """

    parser: Parser | list[Parser] | None = None
    limit: str | list[str] | None = None
    name: str | list[str] | None = None

    @property
    def parsers(self) -> tuple[str, ...]:
        """The parsers, none where the rule does not ask for one."""
        return _each(self.parser)

    @property
    def limits(self) -> tuple[str, ...]:
        """The named limits, none where the rule does not ask for one."""
        return _each(self.limit)

    def includes(self, target: Target) -> bool:
        """True if the rule is about ``target``."""
        if self.parsers and target.parser not in self.parsers:
            return False
        if self.name is not None and target.name not in _each(self.name):
            return False
        return not self.limits or any(target.has_limit(name) is not None for name in self.limits)


def _each(words: str | Sequence[str] | None) -> tuple[str, ...]:
    if words is None:
        return ()
    return (words,) if isinstance(words, str) else tuple(words)
