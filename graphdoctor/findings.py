"""Findings and reports: frozen values, made by lint, read by render."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from graphdoctor.types import DType, Shape


class Severity(enum.IntEnum):
    """How bad a finding is; ERROR stands in the way of the target."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """``error``, ``warning`` or ``info``."""
        return self.name.lower()


class Safety(enum.Enum):
    """What a rewrite may change: SAFE nothing that can be measured, UNSAFE the I/O contract or the float order."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    MANUAL = "manual"


class Verdict(enum.Enum):
    """Whether a graph runs on a target. UNKNOWN is never rounded to either side."""

    COMPATIBLE = "compatible"
    INCOMPATIBLE = "incompatible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fix:
    """The rewrite that removes a finding, and its pack."""

    rewrite: str
    safety: Safety
    pack: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken at a place.

    ``target`` is empty for what is wrong whatever the target. ``certain`` is False where the rule could not
    tell: the finding then says what is missing, and the target's verdict is at best unknown.
    """

    code: str
    name: str
    severity: Severity
    target: str
    node: str
    op: str
    message: str
    certain: bool = True
    fix: Fix | None = None
    remedy: str = ""

    @property
    def scope(self) -> str:
        """The name scope of the node, empty at the top."""
        return self.node.rpartition("/")[0]

    @property
    def sort_key(self) -> tuple[int, str, str, str, str]:
        """Worst first, then by code, target and node: the order of every output."""
        return (-self.severity, self.code, self.target, self.node, self.message)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of the graph."""

    name: str
    dtype: DType
    shape: Shape


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """A target's verdict and how many of the live nodes it supports."""

    target: str
    verdict: Verdict
    supported: int
    total: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Everything ``check`` says of one model. ``not_checked`` lists what was skipped and why."""

    path: str
    sha256: str
    kind: str
    producer: int
    nodes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    verdicts: tuple[TargetVerdict, ...]
    findings: tuple[Finding, ...]
    not_checked: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    """Targets the user asked for; the findings are about these."""
    packs: tuple[str, ...] = ()
    """The packs that ``cure`` applies for the chosen targets, in their order."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run of ``check`` over one or more models."""

    tool: str
    models: tuple[ModelReport, ...]
