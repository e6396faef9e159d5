"""Reads ``rules/targets/*.toml``: ``extends`` resolved, every key and every word checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.targets.rows import Confidence, EngineTypes, Limit, OpRow, SegmentRules
from graphdoctor.targets.target import Target
from graphdoctor.types import Answer, DType

_HEAD_KEYS = ("name", "title", "extends", "parser", "layout", "live", "packs", "opset", "dtypes", "refused", "narrowed")
_BORDER_KEYS = ("border", "not_constant", "max_rank")
_BODY_KEYS = (
    "segments",
    "releases",
    "plugins",
    "sources",
    "defaults",
    "absent",
    "shared",
    "ops",
    "limits",
    "drop_ops",
    "drop_limits",
)
_FILE_KEYS = frozenset((*_HEAD_KEYS, *_BORDER_KEYS, *_BODY_KEYS))
_ROW_KEYS = frozenset(OpRow.__dataclass_fields__)
_LIMIT_KEYS = frozenset(Limit.__dataclass_fields__)
_OPSET_KEYS = frozenset(("min", "max"))
_SEGMENT_KEYS = frozenset(SegmentRules.__dataclass_fields__)
_PARSERS = {"uff": "uff", "onnx": "onnx", "tftrt": "tftrt"}
_ANSWERS = {a.value: a for a in Answer}
_CONFIDENCES = {c.value: c for c in Confidence}
_LISTS = {"inputs": int, "rank": int, "doubt_rank": int, "constant": int, "zero": int, "unset": str, "ops": str} | {
    "known": int,
    "known_last": int,
}
_SCALARS = {
    "outputs": int,
    "open": bool,
    "static": bool,
    "rest_constant": bool,
    "any_constant": bool,
    "static_alone": bool,
    "hand": bool,
}
_KEBAB = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*\Z")


def target_files(folder: Path | None = None) -> dict[str, Path]:
    """Target name -> file, in the order people expect (trt3 before trt10.0; TensorRT before TensorRT-RTX)."""
    paths = (folder or rules_dir() / "targets").glob("*.toml")
    return {p.name.removesuffix(".toml"): p for p in sorted(paths, key=lambda p: _order(p.name))}


def _order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    parts = re.findall(r"\d+|\D+", name.removesuffix(".toml"))
    return not name.startswith("trt"), [(int(p), "") if p.isdigit() else (0, p) for p in parts]


_data = cache(load_toml)


@cache
def read_target(name: str, folder: Path | None) -> Target:
    """The target ``name`` of ``folder`` (``None``: the project's own), read once.

    Raises:
        InputError: no such target, targets that extend each other in a circle, or a file that says something
            that cannot be understood; the message names file, key and the nearest valid word.
    """
    files = target_files(folder)
    if name not in files:
        raise _unknown_target(name, files)
    _refuse_circle(name, files)
    reader = _Reader(files[name], _data(files[name]))
    extends = reader.data.get("extends")
    return reader.target(name, read_target(extends, folder) if extends is not None else None)


def _refuse_circle(name: str, files: Mapping[str, Path]) -> None:
    chain = [name]
    while chain[-1] in files and "extends" in (data := _data(files[chain[-1]])):
        chain.append(str(data["extends"]))
        if chain[-1] in chain[:-1]:
            circle, where = " -> ".join(chain), str(files[name])
            raise InputError(f"targets extend each other: {circle}", where=where, remedy="Break the circle")


def _unknown_target(name: str, known: Iterable[str]) -> InputError:
    return InputError(f"there is no target {name!r}", remedy=f"{_nearest(name, known)}Targets: {', '.join(known)}")


def _nearest(word: str, valid: Iterable[str]) -> str:
    """``Did you mean 'x'? `` for the valid word closest to ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(valid), 1, 0.5)
    return f"Did you mean {close[0]!r}? " if close else ""


class _Reader:
    """One target file: checks and converts, knows the file's name for the messages."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data
        self.known(data, _FILE_KEYS, "")
        self.sources: Mapping[str, str] = data.get("sources", {})
        self.defaults = data.get("defaults", {})
        self.known(self.defaults, _ROW_KEYS, "defaults")
        self.shared = {k: self.row(v, f"shared.{k}") for k, v in data.get("shared", {}).items()}

    def fail(self, message: str, key: str, remedy: str = "") -> InputError:
        """The error to raise for ``key`` of this file."""
        return InputError(message, where=f"{self.path}: {key}" if key else str(self.path), remedy=remedy.strip())

    def known(self, table: Any, valid: Iterable[str], where: str) -> None:
        """Raises for a key that is not in ``valid``."""
        if not isinstance(table, dict):
            raise self.fail("must be a table", where)
        for key in table:
            if key not in valid:
                choice = ", ".join(sorted(valid))
                raise self.fail(f"unknown key {key!r}", where, f"{_nearest(key, valid)}Keys: {choice}")

    def word(self, value: Any, valid: Mapping[str, Any], where: str) -> Any:
        """The meaning of ``value`` in a closed vocabulary."""
        if not isinstance(value, str) or value not in valid:
            hint = _nearest(value, valid) if isinstance(value, str) else ""
            raise self.fail(f"unknown word {value!r}", where, f"{hint}Words: {', '.join(sorted(valid))}")
        return valid[value]

    def dtype(self, label: Any, where: str) -> DType:
        """The dtype that ``label`` names."""
        found = DType.parse(label) if isinstance(label, str) else None
        if found is None:
            raise self.fail(f"unknown dtype {label!r}", where, _nearest(str(label), [d.label for d in DType]))
        return found

    def dtypes(self, labels: Any, where: str) -> frozenset[DType]:
        """The dtypes that a list of labels names."""
        return frozenset(self.dtype(d, where) for d in self.items(labels, str, where))

    def items(self, value: Any, kind: type, where: str) -> tuple[Any, ...]:
        """``value``, a list whose elements are all of type ``kind``."""
        if not isinstance(value, list) or not all(type(v) is kind for v in value):
            raise self.fail(f"must be a list of {kind.__name__}", where)
        return tuple(value)

    def text(self, table: Mapping[str, Any], key: str, where: str, inherited: str = "") -> str:
        """The text at ``key``, else ``inherited``."""
        value = table.get(key, inherited)
        if not isinstance(value, str):
            raise self.fail("must be a text", f"{where}.{key}" if where else key)
        return value

    def source(self, table: Mapping[str, Any], where: str) -> str:
        """Where the fact is from: a text, or ``@key`` of ``[sources]``."""
        value = self.text(table, "source", where)
        if value.startswith("@"):
            return str(self.word(value[1:], self.sources, f"{where}.source"))
        if not value:
            raise self.fail("has no source", where, "Add source, here or in [defaults]")
        return value

    def row(self, value: Any, where: str) -> OpRow:
        """An op row; ``[defaults]`` fills in what it does not say."""
        if isinstance(value, str):
            return self.word(value, self.shared, where)  # type: ignore[no-any-return]
        self.known(value, _ROW_KEYS, where)
        table = {**self.defaults, **value}
        fields: dict[str, Any] = {k: self._field(k, v, f"{where}.{k}") for k, v in table.items() if k != "source"}
        for key in ("support", "confidence"):
            if key not in fields:
                raise self.fail(f"has no {key}", where, f"Add {key}, here or in [defaults]")
        return OpRow(source=self.source(table, where), **fields)

    def _field(self, key: str, value: Any, where: str) -> Any:
        if key in ("dtypes", "refused"):
            return self.dtypes(value, where)
        if key in _LISTS:
            return self.items(value, _LISTS[key], where)
        if key in ("attrs", "doubt"):
            return self._values(value, where)
        if key in ("support", "confidence"):
            return self.word(value, _ANSWERS if key == "support" else _CONFIDENCES, where)
        if type(value) is not _SCALARS.get(key, str):
            raise self.fail(f"must be {_SCALARS.get(key, str).__name__}", where)
        return value

    def _values(self, value: Any, where: str) -> Mapping[str, tuple[Any, ...]]:
        if not isinstance(value, dict) or not all(isinstance(v, list) for v in value.values()):
            raise self.fail("must map attributes to lists of values", where)
        return MappingProxyType({k: tuple(v) for k, v in value.items()})

    def limit(self, value: Any, where: str) -> Limit:
        """One entry of ``[[limits]]``."""
        self.known(value, _LIMIT_KEYS, where)
        for key in ("name", "reason", "confidence"):
            if key not in value:
                raise self.fail(f"has no {key}", where, f"Add {key}")
        if not _KEBAB.match(value["name"]):
            raise self.fail(f"{value['name']!r} is not kebab-case", f"{where}.name")
        fields = {k: self._field(k, v, f"{where}.{k}") for k, v in value.items() if k != "source"}
        return Limit(source=self.source(value, where), **fields)

    def target(self, name: str, parent: Target | None) -> Target:
        """The whole target, on top of what it extends."""
        if self.data.get("name") != name:
            raise self.fail(f"must be {name!r}, as the file is called", "name")
        return Target(
            name=name,
            title=self.text(self.data, "title", "") or name,
            parser=self._parser(parent),
            layout=self.text(self.data, "layout", "", parent.layout if parent else "NCHW"),
            opset=self._opset(parent),
            types=self._types(parent),
            absent=self._absent(parent),
            limits=self._limits(parent),
            ops=self._ops(parent),
            live=self._live(),
            packs=self._names("packs", parent.packs if parent else ()),
            segments=self._segments(parent),
            releases=self._names("releases", ()),
            plugins=self._names("plugins", parent.plugins if parent else ()),
            lineage=(name, *(parent.lineage if parent else ())),
        )

    def _parser(self, parent: Target | None) -> Any:
        parser = self.data.get("parser", parent.parser if parent else None)
        if parent is not None and parser != parent.parser:
            raise self.fail(f"differs from the parser of {parent.name}, which it extends", "parser")
        return self.word(parser, _PARSERS, "parser")

    def _live(self) -> bool:
        live = self.data.get("live", False)
        if not isinstance(live, bool):
            raise self.fail("must be true or false", "live")
        return live

    def _names(self, key: str, inherited: tuple[str, ...]) -> tuple[str, ...]:
        return self.items(self.data[key], str, key) if key in self.data else inherited

    def _segments(self, parent: Target | None) -> SegmentRules | None:
        if "segments" not in self.data:
            return parent.segments if parent else None
        table = self.data["segments"]
        self.known(table, _SEGMENT_KEYS, "segments")
        for key in ("minimum", "engines"):
            if type(table.get(key, 1)) is not int:
                raise self.fail("must be a whole number", f"segments.{key}")
        if "minimum" not in table:
            raise self.fail("has no minimum", "segments", "Add minimum")
        uncounted = frozenset(self.items(table.get("uncounted", []), str, "segments.uncounted"))
        return SegmentRules(table["minimum"], table.get("engines"), uncounted)

    def _opset(self, parent: Target | None) -> tuple[int | None, int | None] | None:
        if "opset" not in self.data:
            return parent.opset if parent else None
        opset = self.data["opset"]
        self.known(opset, _OPSET_KEYS, "opset")
        self.items(list(opset.values()), int, "opset")
        return opset.get("min"), opset.get("max")

    def _types(self, parent: Target | None) -> EngineTypes:
        old = parent.types if parent else EngineTypes()
        data = self.data
        return EngineTypes(
            dtypes=self.dtypes(data["dtypes"], "dtypes") if "dtypes" in data else old.dtypes,
            refused=self.dtypes(data["refused"], "refused") if "refused" in data else old.refused,
            narrowed=self._narrowed(data["narrowed"]) if "narrowed" in data else old.narrowed,
            border=self.dtypes(data["border"], "border") if "border" in data else old.border,
            not_constant=self.dtypes(data["not_constant"], "not_constant")
            if "not_constant" in data
            else old.not_constant,
            max_rank=self._max_rank(old.max_rank),
        )

    def _max_rank(self, inherited: int) -> int:
        value = self.data.get("max_rank", inherited)
        if type(value) is not int or value < 0:
            raise self.fail("must be a number of dimensions", "max_rank")
        return value

    def _narrowed(self, table: Any) -> Mapping[DType, DType]:
        self.known(table, [d.label for d in DType], "narrowed")
        pairs = {self.dtype(k, "narrowed"): self.dtype(v, f"narrowed.{k}") for k, v in table.items()}
        return MappingProxyType(pairs)

    def _absent(self, parent: Target | None) -> OpRow:
        if "absent" not in self.data and parent is not None:
            return parent.absent
        row = self.row(self.data.get("absent", {}), "absent")
        if row.support is Answer.YES:
            raise self.fail("an op that the table does not have is never supported", "absent.support")
        return row

    def _ops(self, parent: Target | None) -> Mapping[str, OpRow]:
        rows = dict(parent.ops) if parent else {}
        self._drop(rows, "drop_ops")
        rows.update((op, self.row(value, f"ops.{op}")) for op, value in self.data.get("ops", {}).items())
        return MappingProxyType(rows)

    def _limits(self, parent: Target | None) -> Mapping[str, Limit]:
        limits = dict(parent.limits) if parent else {}
        self._drop(limits, "drop_limits")
        own = [self.limit(v, f"limits[{i}]") for i, v in enumerate(self.data.get("limits", []))]
        names = [limit.name for limit in own]
        for name in names:
            if names.count(name) > 1:
                raise self.fail(f"limit {name!r} stands here twice", "limits", "Remove one")
        return MappingProxyType(limits | {limit.name: limit for limit in own})

    def _drop(self, inherited: dict[str, Any], key: str) -> None:
        for name in self.items(self.data.get(key, []), str, key):
            if name not in inherited:
                raise self.fail(f"{name!r} is not inherited", key, _nearest(name, inherited))
            del inherited[name]
