"""Findings and reports: frozen values, made by lint, read by render."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter, eq

from graphdoctor.types import DType, Shape

_NODE = attrgetter("node")


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
    tell: the finding then says what is missing, and the target's verdict is at best unknown. ``covers`` are the
    other nodes that are part of the same trouble. ``level`` is the rule's own severity where the user chose another.
    ``fingerprint`` says where the finding is without naming it: the next export of the same graph has the same one.
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
    covers: tuple[str, ...] = ()
    level: Severity | None = None
    fingerprint: str = ""

    def marked(self, fingerprint: str) -> Finding:
        """This finding with ``fingerprint``; field by field, since ``dataclasses.replace`` takes four times as long."""
        return Finding(
            self.code,
            self.name,
            self.severity,
            self.target,
            self.node,
            self.op,
            self.message,
            self.certain,
            self.fix,
            self.remedy,
            self.covers,
            self.level,
            fingerprint,
        )

    @property
    def blocks(self) -> bool:
        """True where it stands in the way of its target for sure, whatever severity the user gave it."""
        return self.certain and (self.level or self.severity) is Severity.ERROR

    @property
    def scope(self) -> str:
        """The name scope of the node, empty at the top."""
        return self.node.rpartition("/")[0]

    @property
    def sort_key(self) -> tuple[int, str, str, str, str]:
        """Worst first, then by code, target and node: the order of every output."""
        return (-self.severity, self.code, self.target, self.node, self.message)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """``findings`` sorted by :attr:`Finding.sort_key`.

    Those of one rule and target come together first, so that only names of nodes are compared: a large graph has
    hundreds of thousands of findings, and a key for each would be most of the work.
    """
    groups: dict[tuple[int, str, str], list[Finding]] = {}
    severity, code, target = None, "", ""
    group: list[Finding] = []
    for f in findings:
        if f.severity is not severity or f.code is not code or f.target is not target:
            severity, code, target = f.severity, f.code, f.target
            group = groups.setdefault((-severity, code, target), [])
        group.append(f)
    for group in groups.values():
        _sort_by_place(group)
    return [f for key in sorted(groups) for f in groups[key]]


def _sort_by_place(group: list[Finding]) -> None:
    group.sort(key=_NODE)
    nodes = list(map(_NODE, group))
    if any(map(eq, nodes, islice(nodes, 1, None))):
        group.sort(key=lambda f: (f.node, f.message))


@dataclass(frozen=True, slots=True)
class Hidden:
    """A finding that the user does not want to see.

    ``accepted`` is True where the user named it, in a suppression or a baseline: a verdict that rests on nothing else
    does not fail the run.
    """

    finding: Finding
    reason: str
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding as a baseline keeps it; ``nodes`` is how many nodes it stands for."""

    code: str
    name: str
    target: str
    certain: bool
    node: str
    op: str
    nodes: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of the graph."""

    name: str
    dtype: DType
    shape: Shape


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """A target's verdict and how many of the live nodes it supports. ``parser`` is what targets of a kind share.

    ``segments`` is the number of engines that TF-TRT makes of the graph; ``None`` where all of it becomes one.
    """

    target: str
    verdict: Verdict
    supported: int
    total: int
    reason: str = ""
    parser: str = ""
    segments: int | None = None


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
    hidden: tuple[tuple[str, int], ...] = ()
    """How many findings are not shown, by reason; the reason reads on from "hidden"."""
    concealed: tuple[Hidden, ...] = ()
    """These findings."""
    accepted: tuple[str, ...] = ()
    """Chosen targets whose verdict rests on nothing but findings that the user accepted one by one."""
    stale: tuple[Accepted, ...] = ()
    """Entries of the baseline that nothing needs any more, of targets and rules that were asked for."""
    spent: tuple[int, ...] = ()
    """Entries of the model's suppression file, from 1, that answer for nothing any more or whose day has passed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A model that could not be checked: why, and what to do about it."""

    path: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One run of ``check`` over one or more models."""

    tool: str
    models: tuple[ModelReport, ...]
    failed: tuple[Failed, ...] = ()
