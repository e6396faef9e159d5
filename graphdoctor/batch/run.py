"""``check`` over many models."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphdoctor.batch.cache import Cache
from graphdoctor.batch.paths import refuse_nothing
from graphdoctor.errors import GraphdoctorError, UnsupportedError, WorkerError

if TYPE_CHECKING:
    from graphdoctor.findings import ModelReport
    from graphdoctor.flows.check import CheckOptions


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model: its report, or the error for which there is none.

    ``problem`` says why its report could not be kept, empty if it was or was not to be.
    """

    path: str
    report: ModelReport | None = None
    error: GraphdoctorError | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """How models are checked.

    Attributes:
        options: gives a model's options; not called for a report that was kept, since they cost more than it does.
        cache: where reports are kept, if anywhere.
        jobs: how many models at once; 0 is as many as this machine has processors and memory for.
        meanwhile: called while an only model is hashed: it can load what shows the report.
    """

    options: Callable[[str], CheckOptions]
    cache: Cache | None = None
    jobs: int = 0
    meanwhile: Callable[[], None] | None = None


def check_all(
    paths: Sequence[str], work: Work, done: Callable[[str], None] | None = None
) -> Generator[Outcome, None, None]:
    """The outcome of each model, in the order of ``paths``; a model that fails stops no other.

    Args:
        paths: the models.
        work: how.
        done: told of each model when it is done, in the order of that.

    Raises:
        GraphdoctorError: the options cannot be used.
    """
    say = done or (lambda path: None)
    found = dict(_kept(paths, work.cache, work.meanwhile)) if work.cache is not None else {}
    for path in found:
        say(path)
    left = [path for path in paths if path not in found]
    made = _made(left, work, say) if left else iter(())
    waiting: dict[str, Outcome] = dict(found)
    for path in paths:
        while path not in waiting:
            outcome = next(made)
            waiting[outcome.path] = outcome
        yield waiting.pop(path)


def _kept(paths: Sequence[str], cache: Cache, meanwhile: Callable[[], None] | None) -> Iterator[tuple[str, Outcome]]:
    """Those that the cache has; hashing goes on in threads, all of which have ended before a process is forked."""
    if len(paths) == 1:
        reports: list[ModelReport | None] = [cache.get(paths[0], meanwhile)]
    else:
        from concurrent.futures import ThreadPoolExecutor

        from graphdoctor.batch.machine import processors

        with ThreadPoolExecutor(processors()) as threads:
            reports = list(threads.map(cache.get, paths))
    for path, report in zip(paths, reports, strict=True):
        if report is not None:
            yield path, Outcome(path, report)


def _made(paths: Sequence[str], work: Work, say: Callable[[str], None]) -> Iterator[Outcome]:
    """The outcomes of models that have to be checked, in the order in which they are done."""
    from graphdoctor.batch.machine import jobs_for
    from graphdoctor.flows.check import asks_live

    options = {path: work.options(path) for path in paths}
    live = any(map(asks_live, options.values()))
    one = _checker(options, work.cache)
    if len(paths) > 1:
        one = _clearing(one)
    jobs = jobs_for(paths, work.jobs, live=live)
    for outcome in map(one, paths) if jobs == 1 else _in_processes(one, paths, jobs):
        if work.cache is not None and outcome.problem:
            work.cache.problem = outcome.problem  # a process of its own could not tell
        say(outcome.path)
        yield outcome


def _in_processes(one: Callable[[str], Outcome], paths: Sequence[str], jobs: int) -> Iterator[Outcome]:
    from graphdoctor.batch.pool import Died, in_processes
    from graphdoctor.flows.check import prepare

    prepare()  # once, before the processes are forked from this one
    for path, outcome in in_processes(one, paths, jobs):
        if isinstance(outcome, Died):
            reason = WorkerError(f"the process that checked it {outcome.how}", where=path, remedy=outcome.remedy)
            yield Outcome(path, error=reason)
        else:
            yield outcome


def _checker(options: Mapping[str, CheckOptions], cache: Cache | None) -> Callable[[str], Outcome]:
    from graphdoctor.flows.check import asks_live, check_model
    from graphdoctor.lint.outside import homes

    def check(path: str) -> Outcome:
        try:
            refuse_nothing(path)
            report = check_model(path, options[path])
        except GraphdoctorError as e:
            return Outcome(path, error=e)
        except (MemoryError, RecursionError) as e:
            return Outcome(path, error=_too_large(path, e))
        # NVIDIA's answer is not of the file alone, and rules of other packages can change where nobody looks.
        if cache is not None and not homes() and not asks_live(options[path]):
            cache.put(path, report)
            return Outcome(path, report, problem=cache.problem)
        return Outcome(path, report)

    return check


def _clearing(one: Callable[[str], Outcome]) -> Callable[[str], Outcome]:
    """``one``, after which nothing of its model is left: parts of a graph refer to each other, and nobody collects them
    while a command runs."""

    def check(path: str) -> Outcome:
        outcome = one(path)
        gc.collect()
        return outcome

    return check


def _too_large(path: str, error: Exception) -> GraphdoctorError:
    return UnsupportedError(
        f"is too large or too deep for this machine ({type(error).__name__})",
        where=path,
        remedy="graphdoctor inspect lists the largest constants; a damaged one claims more than the file holds",
    )
