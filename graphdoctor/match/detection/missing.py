"""How the parts of the recogniser say that a part of the structure is not there."""

from __future__ import annotations

from typing import NoReturn

from graphdoctor.ir import Node


class MissingError(Exception):
    """A part of the head was not found. ``what`` says which part and what stands there; ``node`` is where."""

    def __init__(self, what: str, node: Node | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.node = node


def missing(what: str, node: Node | None = None) -> NoReturn:
    """Say that ``what`` was not found at ``node``.

    Raises:
        MissingError: always.
    """
    raise MissingError(what, node)
