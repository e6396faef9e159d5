"""NVIDIA's complaints in terms of the nodes that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphdoctor.jobs.spec import EngineError

_SHOWN_NODES = 3


@dataclass(frozen=True, slots=True)
class MappedError:
    """One complaint against ``nodes`` (TensorFlow names where known), which were lowered to ``onnx_node``.

    ``stage`` says whether the parser (``parse``), the builder (``build``) or the way they were asked
    (``options``) is behind it; ``raw`` is NVIDIA's own text.
    """

    nodes: tuple[str, ...]
    onnx_node: str
    operator: str
    reason: str
    stage: str
    raw: str

    def __str__(self) -> str:
        names = ", ".join(self.nodes[:_SHOWN_NODES])
        if len(self.nodes) > _SHOWN_NODES:
            names += f" and {len(self.nodes) - _SHOWN_NODES} more"
        operator = f" ({self.operator})" if self.operator else ""
        return f"{names}{operator}: {self.reason}" if names else self.reason


def map_errors(errors: Iterable[EngineError], mapping: Mapping[str, Sequence[str] | str]) -> list[MappedError]:
    """Say each error of the TensorFlow nodes it is about: ``conv1/Conv2D (Conv): reason``.

    Args:
        mapping: TensorFlow names by ONNX node name; a node that is not in it keeps its ONNX name.
    """
    return [_mapped(error, mapping) for error in errors]


def _mapped(error: EngineError, mapping: Mapping[str, Sequence[str] | str]) -> MappedError:
    known = mapping.get(error.node, error.node)
    nodes = (known,) if isinstance(known, str) else tuple(known)
    return MappedError(
        nodes=tuple(name for name in nodes if name),
        onnx_node=error.node,
        operator=error.operator,
        reason=reason(error),
        stage=error.stage,
        raw=error.message,
    )


def reason(error: EngineError) -> str:
    """What NVIDIA means, without the C++ around it.

    The parser reports a failed assertion as ``Assertion failed: <condition>: <text>`` or
    ``<condition> && "<text>"``, and as a bare ``false`` from the check of an operator it does not have.
    """
    text = " ".join(error.message.split())
    if error.function == "importInput":
        return f"the parser does not take the dtype of the input {error.file}"
    if "checkFallbackPluginImporter" in error.function:
        return f"the parser has no operator {error.operator}, and no plugin of that name is loaded"
    if text in ("false", "Assertion failed: false"):
        return f"the parser does not support {error.operator or 'it'} in this form"
    quoted = re.search(r'&& "([^"]+)"', text)
    if quoted:
        return quoted.group(1)
    if text.startswith("Assertion failed: "):
        text = _after_condition(text.removeprefix("Assertion failed: "))
    return text or f"refused with {error.code or 'no reason'}"


def _after_condition(text: str) -> str:
    """What follows ``: `` behind the condition (balanced brackets, ``::`` but no ``: `` outside them)."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == ":" and depth <= 0 and text[i + 1 : i + 2] == " ":
            return text[i + 1 :].strip() or text
    return text
