"""The files that say how models are checked, as types: what they may hold, and what each key means.

The JSON schemas under ``rules/schema`` are made from these types (``tools/schemas.py``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Level = Literal["error", "warning", "info", "off"]
FailOn = Literal["error", "warning", "info", "never"]


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


Words = Annotated[list[str], _said("Codes, prefixes of codes, names of rules, or ALL.")]
OneOrMore = str | list[str]


class ModelTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True):
    """What holds for the models that a glob names."""

    inputs: Annotated[OneOrMore | UnsetType, _said("Inputs, as --input: NAME[:DTYPE][DIMS].")] = UNSET
    outputs: Annotated[OneOrMore | UnsetType, _said("Outputs, as --output.")] = UNSET
    target: Annotated[OneOrMore | UnsetType, _said("Targets, as --target.")] = UNSET
    fail_on: Annotated[FailOn | UnsetType, _said("As --fail-on.")] = UNSET


class RuleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule of the project's own: nodes of some ops, where they are not wanted."""

    code: Annotated[str, _said("Two to eight capital letters that do not begin with GD, and three digits.")]
    name: Annotated[str, _said("What is wrong, in small letters with hyphens.")]
    op: Annotated[OneOrMore, _said("TensorFlow op types; * and ? as in globs.")]
    message: Annotated[str, _said("The finding in one line; {node}, {op}, {scope}, {shape}, {dtype} are filled in.")]
    severity: Annotated[Literal["error", "warning", "info"], _said("Of its findings; no verdict changes.")] = "warning"
    targets: Annotated[OneOrMore, _said("Targets or parsers (uff, onnx, tftrt) it is about; without, all.")] = ""
    remedy: Annotated[str, _said("What to do about it.")] = ""
    why: Annotated[str, _said("Why it matters.")] = ""
    where: Annotated[list[dict[str, Any]], _said("Predicates that must all hold, as rules/checks has them.")] = []


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True):
    """graphdoctor.toml, or [tool.graphdoctor] of a pyproject.toml."""

    extend: Annotated[str | UnsetType, _said("A file that is read first; this one goes before it.")] = UNSET
    target: Annotated[OneOrMore | UnsetType, _said("Targets that get findings; all is every one.")] = UNSET
    select: Annotated[Words | UnsetType, _said("Only these rules.")] = UNSET
    extend_select: Annotated[Words | UnsetType, _said("These rules as well.")] = UNSET
    ignore: Annotated[Words | UnsetType, _said("Not these rules.")] = UNSET
    mandatory: Annotated[Words | UnsetType, _said("These rules whatever else is said, here or elsewhere.")] = UNSET
    severity: Annotated[dict[str, Level], _said("A severity by code, prefix or name; no verdict changes.")] = {}
    rules: Annotated[dict[str, dict[str, int | float]], _said("Numbers of rules, by code or name.")] = {}
    rule: Annotated[list[RuleEntry], _said("Rules of your own; a later one goes before one of its code.")] = []
    rewrites: Annotated[list[str] | UnsetType, _said("Packs of rewrites of your own: TOML files, or folders.")] = UNSET
    per_model_ignores: Annotated[dict[str, Words], _said("Rules that are ignored in models, by glob.")] = {}
    per_scope_ignores: Annotated[dict[str, Words], _said("Rules that are ignored in name scopes, by glob.")] = {}
    models: Annotated[dict[str, ModelTable], _said("What holds for single models, by glob.")] = {}
    baseline: Annotated[str | UnsetType, _said("As --baseline; relative to this file.")] = UNSET
    require_reason: Annotated[bool | UnsetType, _said("A suppression holds only with a reason.")] = UNSET
    fail_on: Annotated[FailOn | UnsetType, _said("As --fail-on.")] = UNSET
    format: Annotated[OneOrMore | UnsetType, _said("As --format.")] = UNSET
    live: Annotated[bool | UnsetType, _said("As --live and --no-live.")] = UNSET
    build: Annotated[bool | UnsetType, _said("As --build and --no-build.")] = UNSET


class SuppressEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One suppression: findings of a rule at a place that someone has answered for."""

    rule: Annotated[OneOrMore, _said("Code, prefix or name; a prefix hides and accepts nothing.")]
    node: Annotated[str, _said("Glob over names of nodes.")] = ""
    scope: Annotated[str, _said("Glob over name scopes.")] = ""
    target: Annotated[str, _said("Only for this target.")] = ""
    reason: Annotated[str, _said("Why it is in order.")] = ""
    expires: Annotated[date | UnsetType, _said("The last day on which it holds.")] = UNSET


class SuppressFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """MODEL.gdignore.toml, beside the model."""

    suppress: Annotated[list[SuppressEntry], _said("The suppressions.")] = []


class BaselineEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One accepted finding."""

    code: str
    name: str
    node: str
    op: str
    fingerprint: Annotated[str, _said("Structure around the node, without names.")]
    target: Annotated[str, _said("Empty for what holds whatever the target.")] = ""
    certain: bool = True
    nodes: Annotated[int, _said("How many nodes it stands for.")] = 1


class BaselineFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What --write-baseline writes: findings accepted as they were."""

    version: Literal[1]
    models: Annotated[dict[str, list[BaselineEntry]], _said("By path of the model, relative to this file.")]
    tool: str = ""


FILES: dict[str, type[msgspec.Struct]] = {
    "config": ConfigFile,
    "suppressions": SuppressFile,
    "baseline": BaselineFile,
}
"""Each kind of file by the name of its schema."""


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a kind of file, keys sorted."""
    made = msgspec.json.schema(FILES[kind])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"graphdoctor {kind}",
    }
    return head | dict(sorted(made.items()))
