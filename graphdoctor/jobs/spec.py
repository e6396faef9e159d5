"""What parent and worker say to each other, as plain records.

Both sides import this file, so it imports neither numpy nor msgspec when loaded: a worker's start-up is
part of every run.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from graphdoctor.errors import MissingExtraError, WorkerError

if TYPE_CHECKING:
    from graphdoctor.types import Array

T = TypeVar("T")

EXTRAS: Mapping[str, str] = {
    "tensorflow": "tensorflow",
    "onnxruntime": "onnx",
    "tensorrt": "engine",
    "tensorrt_rtx": "engine",
    "tensorrt_rtx_bindings": "engine",
    "onnxruntime_ep_nv_tensorrt_rtx": "engine",
}
"""The extra of pyproject.toml that installs each module a worker may miss."""


class FailureKind(enum.Enum):
    """Why a worker gave no result."""

    TIMEOUT = "timeout"
    SIGNAL = "signal"
    EXIT = "exit code"
    MISSING = "missing module"
    NO_RESULT = "no result"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a worker gave no result, in words; ``module`` is set where a module is missing."""

    kind: FailureKind
    message: str
    module: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``result.json``: the worker's answer, or its own account of why there is none.

    ``arrays`` names the tensors of ``outputs.npz`` in order, ``peak_bytes`` is the worker's peak resident
    memory.
    """

    data: Any = None
    arrays: tuple[str, ...] = ()
    failure: Failure | None = None
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a worker: ``data`` and ``arrays`` when ``ok``, else ``failure``.

    ``log`` is the tail of what the process wrote, native libraries included, at most 64 KiB. ``seconds`` is
    wall time from start to exit, ``peak_bytes`` the peak resident memory (0 when the worker did not live to
    say).
    """

    ok: bool
    data: Any
    arrays: dict[str, Array]
    log: str
    failure: Failure | None
    seconds: float
    peak_bytes: int = 0

    def data_as(self, kind: type[T]) -> T:
        """``data`` as the record ``kind``.

        Raises:
            WorkerError: the worker's answer does not have that form.
        """
        import msgspec

        try:
            return msgspec.convert(self.data, kind)
        except msgspec.ValidationError as e:
            raise WorkerError(
                f"the worker's answer is not a {kind.__name__}: {e}",
                remedy="Parent and worker are of different versions: reinstall graphdoctor",
                log=self.log,
            ) from e


def raise_for_failure(result: JobResult, *, where: str, purpose: str, remedy: str = "") -> None:
    """Do nothing when ``result`` is good, else raise what went wrong.

    Args:
        where: the model or file the worker was working on.
        purpose: what the work was for, as the start of a sentence ("Running a TensorFlow graph").
        remedy: what the user can do, where the caller knows better than the default for the kind of failure.

    Raises:
        MissingExtraError: a module of an extra is not installed.
        WorkerError: anything else.
    """
    failure = result.failure
    if failure is None:
        return
    if failure.kind is FailureKind.MISSING and failure.module in EXTRAS:
        raise MissingExtraError(failure.module, EXTRAS[failure.module], purpose)
    if not remedy and (result.log.strip() or failure.kind is not FailureKind.ERROR):
        remedy = _REMEDIES[failure.kind]
    raise WorkerError(f"{purpose} failed: {failure.message}", where=where, remedy=remedy, log=result.log)


_REMEDIES = {
    FailureKind.TIMEOUT: "Allow more time with --timeout",
    FailureKind.SIGNAL: "The log of the process says where; see that there is enough memory",
    FailureKind.EXIT: "The log of the process says why",
    FailureKind.MISSING: "Install the missing package",
    FailureKind.NO_RESULT: "The log of the process says why; check that the disk is not full",
    FailureKind.ERROR: "The log of the process has the details",
}


@dataclass(frozen=True, slots=True)
class TensorflowRun:
    """Run a frozen GraphDef on ``sets`` input sets (arrays ``0/<tensor>``, ``1/<tensor>``, ...)."""

    graph: str
    fetches: tuple[str, ...]
    sets: int


@dataclass(frozen=True, slots=True)
class TensorflowEach:
    """Run many small GraphDefs, each on its own inputs (arrays ``<number>/<tensor>``); ``fetches`` has theirs."""

    graphs: tuple[str, ...]
    fetches: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class EachDone:
    """The outputs travel as arrays ``<number>/<tensor>``; ``errors`` is empty for a graph that ran."""

    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnnxRun:
    """Run an ONNX model on ``sets`` input sets; no ``fetches`` means every output of the model.

    ``optimisation`` is ONNX Runtime's graph optimisation level: ``none``, ``basic``, ``extended`` or ``all``.
    """

    model: str
    fetches: tuple[str, ...]
    sets: int
    optimisation: str = "basic"


@dataclass(frozen=True, slots=True)
class RunDone:
    """A runner's answer; the outputs travel as arrays ``<set>/<tensor>``. ``seconds`` by step."""

    version: str
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class ShapeRange:
    """The shapes a plan must accept for one input: smallest, usual (optimised for) and largest."""

    min: tuple[int, ...]
    opt: tuple[int, ...]
    max: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """Parse an ONNX file with the first of ``backends`` (module names) that works, and build it when
    ``build``.

    ``plan`` is where the plan is written (empty: nowhere). ``compute_capabilities`` are the builder's own
    names (``SM86``); none leaves the choice to the builder.
    """

    onnx: str
    backends: tuple[str, ...]
    plan: str = ""
    build: bool = True
    compute_capabilities: tuple[str, ...] = ()
    profiles: dict[str, ShapeRange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineError:
    """One complaint of the parser or the builder.

    ``stage`` is ``parse``, ``options`` or ``build``; ``node`` and ``operator`` are the ONNX node's,
    ``index`` its place in the file, -1 where the complaint is about no single node; ``file``, ``function``
    and ``line`` are places in NVIDIA's source.
    """

    stage: str
    message: str
    node: str = ""
    operator: str = ""
    code: str = ""
    index: int = -1
    file: str = ""
    function: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class EngineTensor:
    """An input or output of the engine: dtype by numpy's name; an unknown dimension or rank is ``None``."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message of NVIDIA's logger; severity is ``internal_error``, ``error``, ``warning`` or ``info``."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What the backend said. ``built`` is false when it refused or when nothing was to be built.

    ``tried`` has the reason for each backend that was passed over; ``subgraphs`` (only from the question)
    are the node indices the parser found nothing against. Sizes are in bytes, ``seconds`` by step.
    """

    backend: str
    version: str
    parsed: bool
    built: bool
    errors: tuple[EngineError, ...]
    tried: tuple[str, ...] = ()
    inputs: tuple[EngineTensor, ...] = ()
    outputs: tuple[EngineTensor, ...] = ()
    subgraphs: tuple[tuple[int, ...], ...] = ()
    size: int = 0
    plan_sha256: str = ""
    onnx_sha256: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    log: tuple[LogLine, ...] = ()
    log_counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UffInput:
    """An input as it is registered with TensorRT's UFF parser: channels first, without the batch."""

    name: str
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UffRequest:
    """Parse a UFF file with TensorRT's own parser and write its plan; without ``plan``, parse it and no more; without
    a file, say which TensorRT it is.

    ``libraries`` are loaded before, since they register plugins; ``batch`` is the largest that the engine takes,
    ``workspace`` in bytes; ``half`` and ``int8`` let the builder choose kernels of these types.
    """

    uff: str = ""
    plan: str = ""
    inputs: tuple[UffInput, ...] = ()
    outputs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    batch: int = 1
    workspace: int = 0
    half: bool = False
    int8: bool = False


@dataclass(frozen=True, slots=True)
class UffRefusal:
    """That TensorRT refused, at the stage ``options``, ``parse`` or ``build``; why, its log knows."""

    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class UffAnswer:
    """Which TensorRT a Python has, and what it made of a file. Dimensions are without the batch.

    ``sha256`` is that of the plan, ``read_sha256`` that of the file.
    """

    version: str
    python: str
    has_parser: bool
    parsed: bool = False
    refused: UffRefusal | None = None
    inputs: tuple[EngineTensor, ...] = ()
    outputs: tuple[EngineTensor, ...] = ()
    size: int = 0
    sha256: str = ""
    read_sha256: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineQuestions:
    """Ask about each of ``models``, ``at_once`` of them side by side, with ``seconds`` for each."""

    models: tuple[EngineRequest, ...]
    seconds: float
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class EngineAsked:
    """What came of asking about one model: an answer, or why there is none and the tail of what was written."""

    answer: EngineAnswer | None = None
    failure: Failure | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class EngineAnswers:
    """One `EngineAsked` per model asked about, in order."""

    asked: tuple[EngineAsked, ...]


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Run ``preprocess(dynamic_graph)`` of ``script`` in ``folder`` over the GraphDef ``graph``; write to ``out``."""

    script: str
    folder: str
    graph: str
    out: str


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """The script has run; ``nodes`` are left."""

    nodes: int


def pack_sets(sets: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Several input sets as one set of arrays, ``<set>/<tensor>``."""
    return {f"{i}/{name}": array for i, feeds in enumerate(sets) for name, array in feeds.items()}


def unpack_sets(arrays: Mapping[str, Array], count: int) -> list[dict[str, Array]]:
    """The reverse of `pack_sets`; a set without tensors comes back empty."""
    sets: list[dict[str, Array]] = [{} for _ in range(count)]
    for key, array in arrays.items():
        index, _, name = key.partition("/")
        sets[int(index)][name] = array
    return sets
