"""What all configuration that applies to a model says together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UnsetType

from graphdoctor.config.places import absolute
from graphdoctor.errors import InputError
from graphdoctor.globs import matches

if TYPE_CHECKING:
    from graphdoctor.config.schema import ConfigFile, ModelTable, RuleEntry

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One file, or what the command line says: where it stands, and the folder that its paths are relative to."""

    where: str
    root: Path
    config: ConfigFile


@dataclass(frozen=True, slots=True)
class ModelGlob:
    """A glob over models, relative to the folder of the file it stands in; without a slash, over their names."""

    root: Path
    glob: str

    def matches(self, path: str) -> bool:
        """True for the model at ``path``."""
        if path == "-":
            return self.glob == "-"
        whole = absolute(path)
        names = [whole.as_posix()] + ([whole.name] if "/" not in self.glob else [])
        if whole.is_relative_to(self.root):
            names.append(whole.relative_to(self.root).as_posix())
        return any(matches(self.glob.removeprefix("./"), name) for name in names)


@dataclass(frozen=True, slots=True)
class Settings:
    """The keys of :class:`ConfigFile`, resolved; an empty value is what nobody said.

    ``files`` are those that were read, the nearest last; ``places`` says of a word where it was written.
    ``own_rules`` are those of ``[[rule]]``, each with the place where it stands.
    ``rewrites`` are absolute paths of files and folders with packs.
    """

    files: tuple[str, ...] = ()
    target: Words = ()
    inputs: Words = ()
    outputs: Words = ()
    select: Words = ()
    extend_select: Words = ()
    ignore: Words = ()
    mandatory: Words = ()
    severity: tuple[tuple[str, str], ...] = ()
    rules: tuple[tuple[str, str, int | float], ...] = ()
    own_rules: tuple[tuple[str, RuleEntry], ...] = ()
    rewrites: Words = ()
    per_model_ignores: tuple[tuple[ModelGlob, Words], ...] = ()
    per_scope_ignores: tuple[tuple[str, Words], ...] = ()
    models: tuple[tuple[ModelGlob, ModelTable], ...] = ()
    baseline: str = ""
    require_reason: bool = False
    fail_on: str = "error"
    format: Words = ()
    live: bool | None = None
    build: bool | None = None
    places: dict[str, str] = field(default_factory=dict)

    def for_model(self, path: str) -> Settings:
        """With what the tables for single models say of the model at ``path``; a later one goes before."""
        made = self
        for glob, table in self.models:
            if glob.matches(path):
                made = replace(
                    made,
                    inputs=_or(table.inputs, made.inputs),
                    outputs=_or(table.outputs, made.outputs),
                    target=_or(table.target, made.target),
                    fail_on=_one(table.fail_on, made.fail_on),
                )
        ignored = (w for glob, words in self.per_model_ignores if glob.matches(path) for w in words)
        return replace(made, ignore=_unique((*made.ignore, *ignored)), models=(), per_model_ignores=())


def combined(layers: Sequence[Layer]) -> Settings:
    """What ``layers`` say together: a later one goes before, word by word in tables, as a whole elsewhere.

    ``extend-select`` and ``mandatory`` add up.
    """
    made = Settings()
    for layer in layers:
        made = _with(made, layer)
    return made


def _with(made: Settings, layer: Layer) -> Settings:
    c = layer.config
    ignores = [(ModelGlob(layer.root, g), tuple(w)) for g, w in c.per_model_ignores.items()]
    tables = [(ModelGlob(layer.root, g), t) for g, t in c.models.items()]
    options = {(w, k): v for w, k, v in made.rules} | {
        (w, k): v for w, table in c.rules.items() for k, v in table.items()
    }
    return replace(
        made,
        files=(*made.files, layer.where),
        target=_or(c.target, made.target),
        select=_or(c.select, made.select),
        extend_select=_unique((*made.extend_select, *_or(c.extend_select, ()))),
        ignore=_or(c.ignore, made.ignore),
        mandatory=_unique((*made.mandatory, *_or(c.mandatory, ()))),
        severity=tuple((dict(made.severity) | dict(c.severity)).items()),
        rules=tuple((w, k, v) for (w, k), v in options.items()),
        own_rules=_own_rules(made, layer),
        rewrites=tuple(str(absolute(str(layer.root / p))) for p in c.rewrites)
        if not isinstance(c.rewrites, UnsetType)
        else made.rewrites,
        per_model_ignores=(*made.per_model_ignores, *ignores),
        per_scope_ignores=tuple(
            (dict(made.per_scope_ignores) | {g: tuple(w) for g, w in c.per_scope_ignores.items()}).items()
        ),
        models=(*made.models, *tables),
        baseline=made.baseline if isinstance(c.baseline, UnsetType) else str(layer.root / c.baseline),
        require_reason=made.require_reason if isinstance(c.require_reason, UnsetType) else c.require_reason,
        fail_on=_one(c.fail_on, made.fail_on),
        format=_or(c.format, made.format),
        live=made.live if isinstance(c.live, UnsetType) else c.live,
        build=made.build if isinstance(c.build, UnsetType) else c.build,
        places=made.places | _places(layer),
    )


def _own_rules(made: Settings, layer: Layer) -> tuple[tuple[str, RuleEntry], ...]:
    """Those of before, and those of ``layer``, which replace one of the same code.

    Raises:
        InputError: a code stands twice in one layer.
    """
    mine: dict[str, tuple[str, RuleEntry]] = {}
    for entry in layer.config.rule:
        where = f"{layer.where}: rule {entry.code}"
        if entry.code in mine:
            raise InputError("the code stands there twice", where=where, remedy="Give one of them another number")
        mine[entry.code] = (where, entry)
    return tuple(({entry.code: (where, entry) for where, entry in made.own_rules} | mine).values())


def _places(layer: Layer) -> dict[str, str]:
    """Each word of a layer that names rules or targets, with the key it stands under."""
    c, where = layer.config, layer.where
    targets = {t: f"{where}: models" for table in c.models.values() for t in _or(table.target, ())}
    targets |= dict.fromkeys(_or(c.target, ()), f"{where}: target")
    lists = {"select": c.select, "extend-select": c.extend_select, "ignore": c.ignore, "mandatory": c.mandatory}
    found = targets | {word: f"{where}: {key}" for key, words in lists.items() for word in _or(words, ())}
    found |= dict.fromkeys(c.severity, f"{where}: severity")
    found |= {word: f"{where}: per-model-ignores" for words in c.per_model_ignores.values() for word in words}
    found |= {word: f"{where}: per-scope-ignores" for words in c.per_scope_ignores.values() for word in words}
    found |= dict.fromkeys(c.rules, f"{where}: rules")
    return found | {f"{word}.{key}": f"{where}: rules.{word}" for word, table in c.rules.items() for key in table}


def _or(value: str | list[str] | UnsetType, before: Words) -> Words:
    if isinstance(value, UnsetType):
        return before
    return (value,) if isinstance(value, str) else tuple(value)


def _one(value: str | UnsetType, before: str) -> str:
    return before if isinstance(value, UnsetType) else value


def _unique(words: Iterable[str]) -> Words:
    return tuple(dict.fromkeys(words))
