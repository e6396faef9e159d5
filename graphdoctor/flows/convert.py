"""convert: a graph to an ONNX or UFF file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.findings import TargetVerdict, Verdict
from graphdoctor.flows.check import CheckOptions
from graphdoctor.flows.cutting import Cut, cut_places, write_host
from graphdoctor.flows.opening import Opened, SignatureOptions, keep_input, open_any, open_model
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, require_onnx, to_chunks
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.formats.tensorflow import read_raw
from graphdoctor.formats.uff import load_uff, save_uff, uff_from_graph
from graphdoctor.targets import Target
from graphdoctor.wire.uff import UffModel, uff_bytes, uff_text

FORMATS = ("onnx", "uff")


@dataclass(frozen=True, slots=True)
class Converted:
    """A model that was lowered; ``onnx.dropped`` lists the TensorFlow nodes that left no ONNX node."""

    opened: Opened
    onnx: OnnxModel
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class UffWritten:
    """A UFF file that was written."""

    model: UffModel
    path: str
    size: int
    verdict: TargetVerdict | None = None
    """What the target makes of it, where one was named."""

    @property
    def text(self) -> str:
        """What NVIDIA's converter writes with ``--text``."""
        return uff_text(self.model)


def convert_model(
    path: str,
    to: str,
    out: str,
    signature: SignatureOptions,
    plugins: Sequence[str] = (),
    target: Target | None = None,
) -> Converted | UffWritten:
    """Lower the model at ``path`` and write it to ``out``; a UFF model is written as UFF again.

    ``plugins``: ops that the device has a plugin for, of UFF. ``target``: whose parser must not refuse the UFF file.

    Raises:
        InputError: the model cannot be read, or ``out`` cannot be written.
        UnsupportedError: nodes cannot be lowered, all are listed; or the parser of ``target`` refuses the file.
        MissingExtraError: onnx is not installed.
    """
    if to == "uff":
        raw = read_raw(path)
        if raw.kind is Kind.UFF:
            return rewrite_uff(path, out, raw.data)
        keep_input(path, out)
        return write_uff(open_model(path, signature, raw), out, plugins, target)
    require_onnx()
    keep_input(path, out)
    return convert_opened(open_any(path, signature), out)


def write_uff(opened: Opened, out: str, plugins: Sequence[str] = (), target: Target | None = None) -> UffWritten:
    """Lower an opened model to UFF and write it to ``out``, unless the parser of ``target`` refuses it."""
    model = uff_from_graph(opened.graph, plugins=plugins)
    verdict = None if target is None else _judged(model, out, target)
    save_uff(model, out)
    return UffWritten(model, out, Path(out).stat().st_size, verdict)


def _judged(model: UffModel, out: str, target: Target) -> TargetVerdict:
    """What ``target`` makes of the file that is to be ``out``.

    Raises:
        InputError: the target reads no UFF.
        UnsupportedError: its parser refuses the file.
    """
    from graphdoctor.flows.check_uff import check_uff

    if target.parser != "uff":
        raise InputError(
            f"{target.name} reads no UFF", where="--target", remedy="Take one of trt3 to trt8-uff, or --to onnx"
        )
    report = check_uff(out, uff_bytes(model), CheckOptions((target.name,), live=False))
    verdict = next(v for v in report.verdicts if v.target == target.name)
    if verdict.verdict is Verdict.INCOMPATIBLE:
        packs = ",".join(target.packs)
        raise UnsupportedError(
            f"{target.name} refuses it: {verdict.reason}",
            remedy=f"graphdoctor fix --rules {packs} --target {target.name} repairs what can be; check lists the rest",
        )
    return verdict


def rewrite_uff(path: str, out: str, data: bytes | None = None) -> UffWritten:
    """Write the UFF model at ``path`` to ``out``, with nothing in it that is none of UFF."""
    keep_input(path, out)
    model = load_uff(path, data).model
    save_uff(model, out)
    return UffWritten(model, out, Path(out).stat().st_size)


def convert_opened(opened: Opened, out: str) -> Converted:
    """Lower an opened model and write it to ``out``."""
    model = onnx_from_graph(opened.graph)
    atomic_write(out, to_chunks(model))
    return Converted(opened, model, out, Path(out).stat().st_size)


def convert_parts(cut: Cut, path: str, to: str, out: str) -> tuple[str, ...]:
    """Lower the engines of a cut model, and write them and the host part; gives their places.

    All of them are lowered before the first is written.

    Args:
        cut: the parts.
        path: the model that was read; it is not written over.
        to: ``onnx`` or ``uff``.
        out: where the first engine goes.

    Raises:
        InputError: a file is the model itself, or cannot be written.
        UnsupportedError: nodes cannot be lowered; all are listed.
        MissingExtraError: onnx is not installed.
    """
    if to != "uff":
        require_onnx()
        return write_lowered(cut, [onnx_from_graph(p.graph) for p in cut.parts], path, out)
    places = cut_places(cut, path, out)
    for model, place in zip([uff_from_graph(p.graph) for p in cut.parts], places, strict=False):
        save_uff(model, place)
    write_host(cut, places)
    return places


def write_lowered(cut: Cut, models: Sequence[OnnxModel], path: str, out: str) -> tuple[str, ...]:
    """Write the engines of a cut model as ONNX, and the host part; gives their places."""
    places = cut_places(cut, path, out)
    for model, place in zip(models, places, strict=False):
        atomic_write(place, to_chunks(model))
    write_host(cut, places)
    return places
