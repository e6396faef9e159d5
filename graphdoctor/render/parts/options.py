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
        help_base: address of the rule pages, empty for none: the code replaces ``{code}``, or stands at the end.
    """

    width: int = 80
    color: bool = False
    unicode: bool = True
    show_nodes: bool = False
    statistics: bool = False
    examples: int = 3
    rules: Mapping[str, RuleInfo] = field(default_factory=dict)
    help_base: str = ""

    def page_of(self, code: str) -> str:
        """The address of a rule's page; empty where none is known."""
        if "{code}" in self.help_base:
            return self.help_base.replace("{code}", code)
        return self.help_base and self.help_base + code
