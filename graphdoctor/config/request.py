"""Everything that is asked of one model, by value: what the command line and files say, and nothing looked up yet.

A report depends on the model, on its request and on the installation alone. Reading this needs neither rules nor
targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphdoctor.config.discovery import is_override, layers_for
from graphdoctor.config.settings import Settings, combined
from graphdoctor.config.suppressions import read_suppressions, sidecar_of
from graphdoctor.errors import InputError
from graphdoctor.findings import Accepted

if TYPE_CHECKING:
    from datetime import date

    from graphdoctor.config.schema import BaselineFile, SuppressEntry

Words = tuple[str, ...]
LEVELS = ("error", "warning", "info", "off")
"""What ``--severity`` may give a rule."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says; an empty value leaves it to the configuration.

    Attributes:
        config: files and ``KEY=VALUE``.
        isolated: True to heed the command line alone: no configuration, no suppression, wherever it is written.
        without_baseline: True to heed none that the configuration names.
    """

    targets: Words = ()
    inputs: Words = ()
    outputs: Words = ()
    select: Words = ()
    extend_select: Words = ()
    ignore: Words = ()
    severity: Words = ()
    format: Words = ()
    fail_on: str = ""
    live: bool | None = None
    build: bool | None = None
    baseline: str = ""
    config: Words = ()
    isolated: bool = False
    without_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One model, and what is asked of it.

    Attributes:
        path: of the model.
        settings: what holds for it.
        sidecar: the file of its suppressions, empty for none.
        suppressions: what that says.
        over: numbers of the suppressions whose day has passed, from 1.
        inline: True to heed suppressions that stand in the graph.
        baseline: what is accepted.
        older: a model whose findings are accepted, empty for none.
        is_unheard: True where there is a baseline that says nothing of this model.
        fingerprints: False where nothing that is written, read or compared needs the findings' fingerprints.
    """

    path: str
    settings: Settings
    sidecar: str = ""
    suppressions: tuple[SuppressEntry, ...] = ()
    over: tuple[int, ...] = ()
    inline: bool = True
    baseline: tuple[Accepted, ...] = ()
    older: str = ""
    is_unheard: bool = False
    fingerprints: bool = True

    @property
    def key(self) -> str:
        """What the report depends on besides the model and the installation; how it is shown is no part of it."""
        return repr(replace(self, path="", settings=replace(self.settings, format=(), fail_on="", files=())))


def requests_for(paths: Sequence[str], given: Given, today: date | None = None) -> list[Request]:
    """What is asked of each of ``paths``, in their order; each file is read once.

    Raises:
        InputError: a file cannot be read or understood.
    """
    baselines: dict[str, BaselineFile | None] = {}
    return [_request(path, given, baselines, today) for path in paths]


def _request(path: str, given: Given, baselines: dict[str, BaselineFile | None], today: date | None) -> Request:
    settings = settings_for(path, given)
    sidecar = None if given.isolated else sidecar_of(path)
    entries = () if sidecar is None else read_suppressions(sidecar)
    made = Request(
        path,
        settings,
        "" if sidecar is None else str(sidecar),
        entries,
        tuple(_over(entries, today)),
        not given.isolated,
    )
    name = settings.baseline
    if not name:
        return made
    from graphdoctor.config.baselines import accepted_of, is_findings, key_in, read_baseline

    if name not in baselines:
        baselines[name] = read_baseline(name) if is_findings(name) else None
    file = baselines[name]
    if file is None:
        return replace(made, older=name)
    is_unheard = key_in(file, name, path) not in file.models
    return replace(made, baseline=accepted_of(file, name, path), is_unheard=is_unheard)


def _over(entries: Sequence[SuppressEntry], today: date | None) -> Iterator[int]:
    if not entries:
        return
    from datetime import date

    today = today or date.today()
    for number, entry in enumerate(entries, 1):
        if isinstance(entry.expires, date) and today > entry.expires:
            yield number


def settings_for(path: str, given: Given) -> Settings:
    """What holds for the model at ``path``: the command line goes before what files say.

    Raises:
        InputError: a file cannot be read or understood, or is given although none is to be read.
    """
    overrides = tuple(text for text in given.config if is_override(text))
    files = tuple(text for text in given.config if text not in overrides)
    if given.isolated and files:
        raise InputError("reads no configuration", where="--isolated", remedy="Leave it out, or give no --config FILE")
    settings = combined(layers_for(path, files, overrides, isolated=given.isolated)).for_model(path)
    if given.select:  # whoever asks for rules by name wants to see them
        settings = replace(settings, select=given.select, extend_select=(), ignore=())
    return replace(
        settings,
        target=given.targets or settings.target,
        inputs=given.inputs or settings.inputs,
        outputs=given.outputs or settings.outputs,
        extend_select=(*settings.extend_select, *given.extend_select),
        ignore=(*settings.ignore, *given.ignore),
        severity=tuple((dict(settings.severity) | dict(map(_severity, given.severity))).items()),
        format=given.format or settings.format,
        fail_on=given.fail_on or settings.fail_on,
        live=settings.live if given.live is None else given.live,
        build=settings.build if given.build is None else given.build,
        baseline="" if given.without_baseline else given.baseline or settings.baseline,
    )


def _severity(text: str) -> tuple[str, str]:
    word, equals, level = text.partition("=")
    if not equals or level not in LEVELS:
        remedy = f"{_nearest(level)}Write CODE=LEVEL; LEVEL is {', '.join(LEVELS)}"
        raise InputError(f"cannot understand {text!r}", where="--severity", remedy=remedy)
    return word, level


def _nearest(level: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(level, LEVELS, 1, 0.5)
    return f"Did you mean {near[0]!r}? " if near else ""
