"""What a renderer is told besides the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphdoctor.findings import Severity


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a rule says of itself, one paragraph each: the text behind a code."""

    name: str
    summary: str
    why: str = ""
    remedy: str = ""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to render; every format takes what concerns it and ignores the rest.

    Args:
        width: columns of the terminal; lines are laid out to fit between 40 and 120.
        color: write ANSI colours (the caller knows whether the stream is a terminal).
        unicode: False where the stream can encode ASCII alone; other characters are then escaped.
        show_nodes: list every node of a finding instead of a few.
        statistics: add a table of counts by rule.
        examples: how many nodes stand for a group of equal findings.
        rules: the text behind each rule code.
        packs: the order in which packs are applied.
        help_base: address under which the rule pages lie (``<help_base><CODE>``); empty for none.
    """

    width: int = 80
    color: bool = False
    unicode: bool = True
    show_nodes: bool = False
    statistics: bool = False
    examples: int = 3
    rules: Mapping[str, RuleInfo] = field(default_factory=dict)
    packs: tuple[str, ...] = ()
    help_base: str = ""
