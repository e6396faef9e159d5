"""build: a model to a plan, by NVIDIA's own builder, with a sidecar that says what it was made from."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphdoctor.engines import (
    BuildOptions,
    EngineResult,
    MappedError,
    ShapeRange,
    available_backends,
    build_engine,
    map_errors,
    write_sidecar,
)
from graphdoctor.engines.backends import UFF, capability_names, modules_of
from graphdoctor.errors import InputError, MissingExtraError, WorkerError
from graphdoctor.flows.opening import SignatureOptions, keep_input, open_any
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.onnx import onnx_from_graph, onnx_signature, require_onnx, to_bytes
from graphdoctor.formats.tensorflow import read_raw
from graphdoctor.types import Shape


@dataclass(frozen=True, slots=True)
class Source:
    """What a plan is built from: ONNX bytes, the origin of each ONNX node, and the sha256 of the user's model."""

    onnx: bytes
    origins: Mapping[str, Sequence[str]]
    model_sha256: str
    model_path: str
    inputs: Sequence[tuple[str, Shape]]


@dataclass(frozen=True, slots=True)
class Built:
    """What the builder did; ``errors`` name TensorFlow nodes where they are known; ``by`` is whose parser that was."""

    result: EngineResult
    errors: tuple[MappedError, ...]
    sidecar: Path | None
    by: str = ""


def build_model(path: str, plan: str, options: BuildOptions, signature: SignatureOptions) -> Built:
    """Build ``plan`` from the TensorFlow or ONNX model at ``path``.

    Raises:
        InputError: the model cannot be read, an option is wrong, or the plan cannot be written.
        UnsupportedError: the model cannot be lowered to ONNX.
        MissingExtraError: no builder, or onnx, is not installed.
        WorkerError: the builder crashed or ran out of time.
    """
    check_options(options)
    require_packages(path, options)
    keep_input(path, plan)
    keep_input(path, f"{plan}.json")
    return build_source(source_of(path, signature), plan, options)


def check_options(options: BuildOptions) -> None:
    """Say what is wrong with the options before any work.

    Raises:
        InputError: there is no such backend, or it does not know a compute capability.
    """
    if options.backend == UFF:
        capability_names(options.compute_capabilities, ("tensorrt",))
        return
    modules = modules_of(options.backend, capabilities=bool(options.compute_capabilities))
    capability_names(options.compute_capabilities, modules)


def require_packages(path: str, options: BuildOptions) -> None:
    """Say in one go which extras are missing, before any work.

    Raises:
        InputError: there is no such backend.
        MissingExtraError: no builder is installed.
    """
    modules = modules_of(options.backend, capabilities=bool(options.compute_capabilities))
    if any(b.importable for b in available_backends() if b.name in modules):
        return
    lowered = Path(path).suffix != ".onnx"
    extras = "onnx,engine" if lowered and importlib.util.find_spec("onnx") is None else "engine"
    raise MissingExtraError(modules[-1], extras, "Building an engine")


def source_of(path: str, signature: SignatureOptions) -> Source:
    """The ONNX form of ``path``: the file itself if it is ONNX, whatever its name, else lowered."""
    raw = read_raw(path)
    if raw.kind is Kind.ONNX:
        return _onnx_source(path, raw.data)
    require_onnx()
    opened = open_any(path, signature, raw)
    model = onnx_from_graph(opened.graph)
    inputs = [(name, spec.shape) for name, spec in model.inputs]
    return Source(to_bytes(model), model.origins(), opened.model.sha256, path, inputs)


def _onnx_source(path: str, data: bytes) -> Source:
    import hashlib

    signature = onnx_signature(data, path)
    inputs = [(i.name, i.shape) for i in signature.inputs]
    return Source(data, signature.origins, hashlib.sha256(data).hexdigest(), path, inputs)


def build_source(source: Source, plan: str, options: BuildOptions) -> Built:
    """Build ``plan`` and, if it was built, its sidecar ``plan.json``."""
    options = with_profiles(source, options)
    try:
        result = build_engine(source.onnx, plan, options)
    except WorkerError as e:
        where = source.model_path if e.where == _UNNAMED else e.where
        raise WorkerError(e.message, where=where, remedy=e.remedy, log=e.log) from e
    errors = tuple(map_errors(result.errors, source.origins))
    sidecar = None
    if result.ok:
        sidecar = write_sidecar(result, source=source.model_path, source_sha256=source.model_sha256)
    return Built(result, errors, sidecar)


def with_profiles(source: Source, options: BuildOptions) -> BuildOptions:
    """An unknown batch is built for 1 to 16; any other unknown dimension must be given.

    Raises:
        InputError: an input has an unknown dimension besides the batch.
    """
    profiles = dict(options.profiles)
    for name, shape in source.inputs:
        if name in profiles or (shape is not None and None not in shape):
            continue
        if shape is None or None in shape[1:]:
            raise InputError(
                "the engine needs the dimensions of this input",
                where=name,
                remedy=f"Give them: --input '{name}[1,...]'",
            )
        rest = tuple(d or 0 for d in shape[1:])
        profiles[name] = ShapeRange((1, *rest), (1, *rest), (MAX_BATCH, *rest))
    return replace(options, profiles=profiles)


_UNNAMED = "the ONNX model"
"""What an engine calls a model that it got as bytes; the user knows another name."""
MAX_BATCH = 16
"""Largest batch of the optimization profile that an unknown batch gets."""
