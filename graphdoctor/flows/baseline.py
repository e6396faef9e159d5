"""Baselines, written: everything that was found, accepted as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from graphdoctor import __version__
from graphdoctor.config.baselines import BASELINE_VERSION, entry_from, key_in, key_of, read_baseline
from graphdoctor.config.schema import BaselineEntry
from graphdoctor.findings import Accepted, ModelReport
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.lint import accepted


def write_baseline(path: str, reports: Iterable[ModelReport]) -> int:
    """Write everything that was found in ``reports``, shown or not, to ``path``; how many findings these are.

    Raises:
        InputError: it cannot be written.
    """
    models = {key_of(path, r.path): [entry_from(a) for a in everything(r)] for r in reports}
    _write(path, models)
    return sum(len(entries) for entries in models.values())


def prune_baseline(path: str, reports: Iterable[ModelReport]) -> int:
    """Remove from the file ``path`` what nothing in ``reports`` needs any more; how many entries went.

    Raises:
        InputError: it cannot be read or written.
    """
    file = read_baseline(path)
    models = {key: list(entries) for key, entries in file.models.items()}
    removed = 0
    for report in reports:
        entries = models.get(key_in(file, path, report.path), [])
        for stale in report.stale:
            entries.remove(entry_from(stale))
            removed += 1
    if removed:
        _write(path, {key: entries for key, entries in models.items() if entries})
    return removed


def everything(report: ModelReport) -> tuple[Accepted, ...]:
    """All that was found, as a baseline keeps it."""
    return tuple(accepted(f) for f in (*report.findings, *(h.finding for h in report.concealed)))


def _write(path: str, models: Mapping[str, Sequence[BaselineEntry]]) -> None:
    """An entry a line, sorted, so that a change is seen in review."""
    blocks = [_block(key, entries) for key, entries in sorted(models.items())]
    body = "{\n" + ",\n".join(blocks) + "\n  }" if blocks else "{}"
    tool = _json(f"graphdoctor {__version__}")
    text = f'{{\n  "version": {BASELINE_VERSION},\n  "tool": {tool},\n  "models": {body}\n}}\n'
    atomic_write(path, text.encode())


def _block(key: str, entries: Sequence[BaselineEntry]) -> str:
    lines = ",\n".join(f"      {_json(e)}" for e in sorted(entries, key=_order))
    return f"    {_json(key)}: [\n{lines}\n    ]" if lines else f"    {_json(key)}: []"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _order(entry: BaselineEntry) -> tuple[str, ...]:
    return (entry.code, entry.target, entry.node, entry.fingerprint)
