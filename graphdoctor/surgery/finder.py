"""What a rewrite in Python is: a generator of proposals, and the options its TOML row may give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from graphdoctor.ir import GraphView
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal

Found = Iterator[Proposal | Refusal]
Find = Callable[[GraphView, Facts, Any], Found]
"""Proposals for a (frozen) graph; the third argument is a record of the finder's options."""


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a finder that takes none."""


@dataclass(frozen=True, slots=True)
class Finder:
    """A finder and its options: a frozen msgspec record that forbids fields it does not know."""

    find: Find
    options: type[msgspec.Struct] = NoOptions
