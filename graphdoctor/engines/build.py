"""From an ONNX model to a plan on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphdoctor import jobs
from graphdoctor.engines.backends import RTX_DEFAULT, capability_names, capability_number, modules_of
from graphdoctor.errors import InputError, WorkerError
from graphdoctor.jobs.spec import EngineAnswer, EngineError, EngineRequest, EngineTensor, LogLine, ShapeRange


@dataclass(frozen=True, slots=True)
class UffOptions:
    """How TensorRT is to build from a UFF file.

    ``python`` is the interpreter that has it (empty: the environment's word, else this one); ``libraries`` register
    plugins when they are loaded; ``batch`` is the largest that the engine takes; ``half`` and ``int8`` let it choose
    kernels of these types.
    """

    python: str = ""
    libraries: tuple[str, ...] = ()
    batch: int = 1
    half: bool = False
    int8: bool = False


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build.

    ``backend`` is a key of `backends.CHOICES`; ``compute_capabilities`` are GPUs to build for (``8.6``), none
    leaves it to the builder; ``profiles`` has the shapes of inputs with unknown dimensions; ``timeout`` is in
    seconds; ``uff`` is for TensorRT's own UFF parser.
    """

    backend: str = "auto"
    compute_capabilities: tuple[str, ...] = ()
    profiles: Mapping[str, ShapeRange] = field(default_factory=dict)
    timeout: float = 600.0
    uff: UffOptions = field(default_factory=UffOptions)


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What came of a build: a plan when ``ok``, else ``errors``.

    ``compute_capabilities`` are those the plan runs on: the ones asked for, or the backend's documented
    default (empty: the GPU of this machine). ``asked`` tells which. Sizes in bytes; ``seconds`` by step of
    the worker, with ``total`` for the whole process. ``parser`` is the one (``onnx``, ``uff``) that read the file
    with ``parsed_sha256``.
    """

    ok: bool
    plan: Path
    backend: str
    version: str
    compute_capabilities: tuple[str, ...]
    asked: bool
    errors: tuple[EngineError, ...]
    tried: tuple[str, ...]
    inputs: tuple[EngineTensor, ...]
    outputs: tuple[EngineTensor, ...]
    size: int
    plan_sha256: str
    parsed_sha256: str
    seconds: dict[str, float]
    peak_bytes: int
    log: tuple[LogLine, ...]
    log_counts: dict[str, int]
    parser: str = "onnx"


def build_engine(model: str | Path | bytes, plan_path: str | Path, options: BuildOptions | None = None) -> EngineResult:
    """Have NVIDIA's builder make a plan from an ONNX file or its bytes.

    The plan appears at ``plan_path`` whole or not at all; a plan already there stays when the build fails.
    A model that the parser or builder refuses is a result with errors, not an exception.

    Raises:
        InputError: an option is wrong, the model is missing or empty, or the plan cannot be put there.
        MissingExtraError: no builder is installed.
        WorkerError: no builder works here, or its process crashed or ran out of time.
    """
    options = options or BuildOptions()
    modules = modules_of(options.backend, capabilities=bool(options.compute_capabilities))
    names = capability_names(options.compute_capabilities, modules)
    plan = Path(plan_path)
    draft = draft_of(plan).absolute()  # a worker has a folder of its own
    onnx, files = _source(model)
    request = EngineRequest(onnx, modules, str(draft), compute_capabilities=names, profiles=dict(options.profiles))
    try:
        result = jobs.run("engine_build", request, timeout=options.timeout, files=files)
        where = "the ONNX model" if files else str(model)
        jobs.raise_for_failure(result, where=where, purpose="Building the engine")
        answer = result.data_as(EngineAnswer)
        if answer.built:
            put_in_place(draft, plan)
    finally:
        draft.unlink(missing_ok=True)
    return _result(answer, names, plan, result)


def draft_of(plan: Path) -> Path:
    """A name beside the plan, so that moving it there is one step of the file system.

    Raises:
        InputError: no plan can be put there.
    """
    if plan.is_dir():
        raise InputError("is a folder", where=str(plan), remedy="Give the name of the file to write")
    if not plan.parent.is_dir():
        raise InputError("the folder does not exist", where=str(plan.parent), remedy="Create it first")
    if not os.access(plan.parent, os.W_OK | os.X_OK):
        raise InputError("the folder cannot be written to", where=str(plan.parent), remedy="Choose another")
    return plan.with_name(f".{plan.name[:100]}.{os.getpid()}-{os.urandom(4).hex()}.part")


def put_in_place(draft: Path, plan: Path) -> None:
    """The finished plan takes its name in one step.

    Raises:
        WorkerError: the file system refuses it.
    """
    try:
        draft.replace(plan)
    except OSError as e:
        raise WorkerError(
            f"the finished plan cannot be put there: {e.strerror}",
            where=str(plan),
            remedy="Choose another place",
        ) from e


def _source(model: str | Path | bytes) -> tuple[str, dict[str, bytes]]:
    if isinstance(model, bytes):
        empty, path, files = not model, "model.onnx", {"model.onnx": model}
    else:
        if not Path(model).is_file():
            raise InputError("there is no such file", where=str(model), remedy="Give an existing ONNX file")
        empty, path, files = not Path(model).stat().st_size, str(Path(model).absolute()), {}
    if empty:
        where = str(model) if not files else "the ONNX model"
        raise InputError("is empty", where=where, remedy="Give a complete ONNX file")
    return path, files


def _result(answer: EngineAnswer, names: tuple[str, ...], plan: Path, result: jobs.JobResult) -> EngineResult:
    default = () if answer.backend == "tensorrt" else RTX_DEFAULT
    return EngineResult(
        ok=answer.built,
        plan=plan,
        backend=answer.backend,
        version=answer.version,
        compute_capabilities=tuple(map(capability_number, names)) or default,
        asked=bool(names),
        errors=answer.errors,
        tried=answer.tried,
        inputs=answer.inputs,
        outputs=answer.outputs,
        size=answer.size,
        plan_sha256=answer.plan_sha256,
        parsed_sha256=answer.onnx_sha256,
        seconds=answer.seconds | {"total": result.seconds},
        peak_bytes=result.peak_bytes,
        log=answer.log,
        log_counts=answer.log_counts,
    )
