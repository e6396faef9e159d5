"""graphdoctor clean."""

from __future__ import annotations

import click

from graphdoctor.batch.cache import clean
from graphdoctor.cli.batching import cache_dir_option
from graphdoctor.cli.common import out
from graphdoctor.errors import InputError
from graphdoctor.resources import cache_folder
from graphdoctor.words import plural


@click.command("clean")
@cache_dir_option
def command(cache_dir: str | None) -> None:
    """Remove the reports that check has kept."""
    folder = cache_folder(cache_dir)
    if folder is None:
        raise InputError("there is no cache folder: the user has no home", remedy="Name one with --cache-dir")
    try:
        count, size = clean(folder)
    except OSError as e:
        raise InputError(
            f"cannot be cleaned: {e.strerror or e}", where=str(e.filename or folder), remedy="Check its permissions"
        ) from e
    out(f"removed {plural(count, 'report')} ({size:,} bytes) from {folder}")
