"""The one message a user meets when the tool could not do its work."""

from __future__ import annotations

import re

from graphdoctor.errors import GraphdoctorError, WorkerError
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page

_LOG_LINES = 12
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def render_error(error: GraphdoctorError, options: RenderOptions) -> str:
    """``error: where: what`` (further lines as a list), the end of a worker's log, and what to do."""
    page = Page(options)
    what = f"{error.where}: {error.message}" if error.where else error.message
    first, *more = what.splitlines()
    page.para(first, first=[("error: ", "bold red")], rest=["       "])
    for line in more:
        page.para(line.strip(), first=["  "], rest=["    "])
    if isinstance(error, WorkerError) and error.log.strip():
        for line in error.log.strip().splitlines()[-_LOG_LINES:]:
            page.line((f"  {page.glyphs.bar} {_COLORS.sub('', line)}", "dim"))
    if error.remedy:
        page.para(error.remedy, first=[("help: ", "bold")], rest=["      "])
    return page.text()
