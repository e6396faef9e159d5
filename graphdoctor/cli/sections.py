"""A command whose help shows its options in sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

OTHER = "Other options"


class Sectioned(click.Command):
    """Shows options under the headings of ``sections``: heading to parameter names. What none names comes last."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One list for each section, in the order that the sections give."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        left = {p.name: record for p in options if (record := p.get_help_record(ctx)) is not None}
        width = min(formatter.width // 3, max((len(r[0]) for r in left.values()), default=0))
        for heading, names in (*self.sections.items(), (OTHER, list(left))):
            rows = [left.pop(name) for name in names if name in left]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows, col_max=width)
