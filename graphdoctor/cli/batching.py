"""Options of a command that takes many models, and the run over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from graphdoctor.batch.cache import Cache
from graphdoctor.batch.paths import find_models
from graphdoctor.batch.run import Outcome, Work, check_all
from graphdoctor.cli.common import named_as, note, progress, show_error
from graphdoctor.errors import Interrupted
from graphdoctor.findings import Failed
from graphdoctor.resources import cache_folder

if TYPE_CHECKING:
    from graphdoctor.findings import ModelReport
    from graphdoctor.flows.check import CheckOptions

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How many models at once, and where reports are kept: ``folder`` is ``None`` for nowhere."""

    jobs: int = 0
    folder: Path | None = None
    folder_was_given: bool = False


def batch_options(function: F) -> F:
    """``--jobs``, ``--no-cache`` and ``--cache-dir``; the command gets one :class:`BatchOptions` as ``batch``."""

    def called(*args: Any, jobs: int, cache: bool, cache_dir: str | None, **rest: Any) -> Any:
        folder = cache_folder(cache_dir) if cache else None
        return function(*args, batch=BatchOptions(jobs, folder, cache_dir is not None), **rest)

    options = (
        click.option(
            "-j",
            "--jobs",
            type=click.IntRange(0, 256),
            default=0,
            metavar="N",
            help="Models to check at once; 0 (default): as many as there are processors, and memory for.",
        ),
        click.option(
            "--cache/--no-cache",
            default=True,
            help="Show the kept report of a model that has not changed (default), or check it again.",
        ),
        cache_dir_option,
    )
    wrapped = named_as(called, function)
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def cache_dir_option(function: F) -> F:
    """``--cache-dir``."""
    text = "Where reports are kept. Default: $GRAPHDOCTOR_CACHE_DIR, or graphdoctor in your cache folder."
    return click.option("--cache-dir", metavar="DIR", help=text)(function)


def models_of(words: Sequence[str]) -> tuple[str, ...]:
    """The models that the words of the command line mean; what a folder has besides is noted."""
    found = find_models(words)
    if found.skipped:
        shown, more = found.skipped[:3], len(found.skipped) - 3
        note(f"no graphs, and left out: {', '.join(shown)}{f' and {more} more' if more > 0 else ''}")
    return found.models


def check_models(
    models: Sequence[str],
    asked: Mapping[str, str],
    options: Callable[[str], CheckOptions],
    batch: BatchOptions,
    meanwhile: Callable[[], None] | None = None,
) -> tuple[list[ModelReport], list[Failed]]:
    """Every model's report, and those that could not be checked; alone, that is the command's own error.

    Args:
        models: as :func:`models_of` gives them.
        asked: what each model's report depends on besides it; a model that is not there is always checked.
        options: the same, understood, for a model.
        batch: how.
        meanwhile: called while an only model is looked up.

    Raises:
        GraphdoctorError: the options cannot be used, or the only model cannot be checked.
    """
    cache = Cache(batch.folder, {}, asked) if batch.folder is not None else None
    outcomes = _outcomes(models, Work(options, cache, batch.jobs, meanwhile))
    if cache is not None and cache.problem and batch.folder_was_given:
        note(cache.problem)
    errors = [(outcome.path, outcome.error) for outcome in outcomes if outcome.error is not None]
    if errors and len(models) == 1:
        raise errors[0][1]
    for _, error in errors:
        show_error(error)
    failed = [Failed(path, error.message, error.remedy) for path, error in errors]
    return [outcome.report for outcome in outcomes if outcome.report is not None], failed


def _outcomes(models: Sequence[str], work: Work) -> list[Outcome]:
    if len(models) == 1:
        return list(check_all(models, work))
    ready: list[str] = []
    with progress(f"checking {len(models)} models", total=len(models)) as show:

        def done(path: str) -> None:
            ready.append(path)
            show(path)

        try:
            with closing(check_all(models, work, done)) as outcomes:
                return list(outcomes)
        except KeyboardInterrupt as e:
            raise _interrupted(len(ready), len(models), work.cache) from e


def _interrupted(ready: int, models: int, cache: Cache | None) -> Interrupted:
    """What a user who stops a long run wants to know: is what was done lost?"""
    again = "Run the same command again"
    if ready and cache is not None and not cache.problem:
        again += ": it goes on from there, with the reports that are kept of those"
    return Interrupted(f"interrupted after {ready} of {models} models; no report was written", again)
