"""What changes from one target to another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphdoctor.errors import InputError
from graphdoctor.targets.rows import Limit, OpRow
from graphdoctor.targets.target import Target
from graphdoctor.types import Answer

_TABLES = {"uff": "TensorFlow", "tftrt": "TensorFlow", "onnx": "ONNX"}
"""Whose ops the table of a parser has."""


@dataclass(frozen=True, slots=True)
class Difference:
    """From target ``old`` to target ``new``; names in order.

    Attributes:
        added: ops that run on ``new`` alone.
        removed: ops that run on ``old`` alone.
        changed: ops whose rows differ otherwise, each with both: in what is asked of them, or how sure it is.
        limits_added: those that ``new`` alone has.
        limits_removed: those that ``old`` alone has.
        limits_changed: those that say something else, each with both.
    """

    old: Target
    new: Target
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, OpRow, OpRow], ...]
    limits_added: tuple[Limit, ...]
    limits_removed: tuple[Limit, ...]
    limits_changed: tuple[tuple[Limit, Limit], ...]

    @property
    def is_empty(self) -> bool:
        """True if nothing changes."""
        found = self.added, self.removed, self.changed, self.limits_added, self.limits_removed, self.limits_changed
        return not any(found)


def compare_targets(old: Target, new: Target) -> Difference:
    """What changes from ``old`` to ``new``. Sources do not count.

    Raises:
        InputError: one has a table of TensorFlow ops, the other one of ONNX ops.
    """
    tables = _TABLES[old.parser], _TABLES[new.parser]
    if tables[0] != tables[1]:
        raise InputError(
            f"{old.name} has a table of {tables[0]} ops and {new.name} one of {tables[1]} ops: no row compares",
            remedy="Take two targets with the same parser; graphdoctor targets shows which each has",
        )
    pairs = {op: (old.row(op), new.row(op)) for op in sorted({*old.ops, *new.ops})}
    runs = {op: (a.support is Answer.YES, b.support is Answer.YES) for op, (a, b) in pairs.items()}
    both = [n for n in sorted(old.limits) if n in new.limits]
    return Difference(
        old,
        new,
        tuple(op for op, answer in runs.items() if answer == (False, True)),
        tuple(op for op, answer in runs.items() if answer == (True, False)),
        tuple((op, *pair) for op, pair in pairs.items() if runs[op][0] is runs[op][1] and _differ(*pair)),
        tuple(new.limits[n] for n in sorted(new.limits) if n not in old.limits),
        tuple(old.limits[n] for n in sorted(old.limits) if n not in new.limits),
        tuple((old.limits[n], new.limits[n]) for n in both if not _same_limit(old.limits[n], new.limits[n])),
    )


def _differ(old: OpRow, new: OpRow) -> bool:
    """True if the rows say something else of an op; why an op does not run is no difference."""
    if old.support is not Answer.YES and new.support is old.support:
        return False
    return replace(old, source="", hand=False) != replace(new, source="", hand=False)


def _same_limit(old: Limit, new: Limit) -> bool:
    return replace(old, source="", hand=False) == replace(new, source="", hand=False)
