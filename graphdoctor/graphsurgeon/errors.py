"""What edits raise. graphsurgeon's were all AssertionErrors, and scripts that catch those still do."""

from __future__ import annotations


class NoSuchNodeError(KeyError, AssertionError):
    """The graph has no node of that name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ConflictError(ValueError, AssertionError):
    """The name is taken, or an input is there already or is not there."""
