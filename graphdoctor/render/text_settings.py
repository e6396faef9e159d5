"""What ``check --show-settings`` prints: TOML that says the same when it is written to a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from msgspec import to_builtins

from graphdoctor.config import Settings
from graphdoctor.render.parts.words import clean


def render_settings(path: str, settings: Settings, sidecar: str, target: Sequence[str]) -> str:
    """The settings of the model at ``path``; ``target`` are those that get findings."""
    lines = [f"# {clean(path)}"]
    lines += [f"# read: {clean(file)}" for file in settings.files] or ["# no configuration was found"]
    lines += [f"# suppressions: {clean(sidecar)}"] if sidecar else []
    return "\n".join([*lines, *_keys(settings, target), *_tables(settings, path)]) + "\n"


def _keys(s: Settings, target: Sequence[str]) -> Iterator[str]:
    yield f"target = {_value(target)}"
    lists = {"select": s.select, "extend-select": s.extend_select, "ignore": s.ignore, "mandatory": s.mandatory}
    lists["rewrites"] = s.rewrites
    yield from (f"{key} = {_value(words)}" for key, words in lists.items() if words)
    if s.baseline:
        yield f"baseline = {_value(s.baseline)}"
    yield f"require-reason = {_value(s.require_reason)}"
    yield f"fail-on = {_value(s.fail_on)}"
    yield f"format = {_value(s.format or ('full',))}"
    if s.live is not None:
        yield f"live = {_value(s.live)}"
    if s.build is not None:
        yield f"build = {_value(s.build)}"


def _tables(s: Settings, path: str) -> Iterator[str]:
    yield from _table("severity", s.severity)
    for word in dict.fromkeys(w for w, _, _ in s.rules):
        yield from _table(f"rules.{_value(word)}", ((k, v) for w, k, v in s.rules if w == word))
    yield from _table("per-scope-ignores", s.per_scope_ignores)
    ends = [(k, v) for k, v in (("inputs", s.inputs), ("outputs", s.outputs)) if v]
    for _, entry in s.own_rules:
        yield from ("", "[[rule]]", *(f"{key} = {_value(value)}" for key, value in to_builtins(entry).items()))
    yield from _table(f"models.{_value(path)}", ends)


def _table(name: str, rows: Iterable[tuple[str, object]]) -> Iterator[str]:
    lines = [f"{_value(key)} = {_value(value)}" for key, value in rows]
    if lines:
        yield from ("", f"[{name}]", *lines)


def _value(value: object) -> str:
    """As TOML; JSON's text, numbers and lists are TOML's, except for surrogates, which TOML has no form for."""
    if isinstance(value, str):
        return json.dumps(clean(value), ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(v) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(k)} = {_value(v)}' for k, v in value.items())}}}"
    return json.dumps(value)
