"""build for a UFF target: by TensorRT's own UffParser where it is here, else by the ONNX twin of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphdoctor.engines import BuildOptions, UffParser, build_uff_engine, find_uff_parser, map_errors, write_sidecar
from graphdoctor.engines.backends import UFF
from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.flows.build import Built, Source, build_model, build_source, check_options
from graphdoctor.flows.convert import write_uff
from graphdoctor.flows.opening import SignatureOptions, keep_input, open_any, open_model
from graphdoctor.flows.uff_twin import onnx_twin, registered_inputs
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.onnx import require_onnx, to_bytes
from graphdoctor.formats.tensorflow import RawModel, read_raw
from graphdoctor.formats.uff import load_uff
from graphdoctor.jobs.launch import private_folder
from graphdoctor.passes.signature import GivenInput
from graphdoctor.targets import Target
from graphdoctor.types import Dim
from graphdoctor.wire.uff import UffModel

_IMAGE = 3
"""Dimensions that an input is registered with: channels, height and width."""


@dataclass(frozen=True, slots=True)
class UffSource:
    """A UFF file for TensorRT's parser: what the user calls it, its SHA-256, what to register, and its nodes' ops."""

    path: str
    name: str
    sha256: str
    inputs: Mapping[str, tuple[Dim, ...]]
    outputs: Sequence[str]
    nodes: Mapping[str, str]


def is_for_uff(options: BuildOptions, target: Target | None) -> bool:
    """True if the engine is to be made of a UFF file."""
    return options.backend == UFF or (target is not None and target.parser == "uff")


def parser_for(options: BuildOptions, target: Target | None) -> UffParser:
    """TensorRT's UFF parser of the release that ``target`` stands for, or why it is not used.

    Raises:
        InputError: there is no such interpreter, or the backend ``uff`` is asked for and not here.
    """
    parser = _parser_for(options, target)
    if options.backend == UFF and not parser.is_here:
        raise InputError(
            f"TensorRT's UffParser is not here: {parser.reason}",
            where="--backend uff",
            remedy="Name the Python that has TensorRT 5 to 8: --python /usr/bin/python3; "
            "without --backend uff the engine is made of the file's ONNX twin",
        )
    return parser


def _parser_for(options: BuildOptions, target: Target | None) -> UffParser:
    if options.backend not in ("auto", UFF):
        return UffParser("", reason=f"--backend {options.backend} is asked for")
    if options.compute_capabilities:
        return UffParser("", reason="--compute-capability is for TensorRT-RTX")
    if target is not None and not target.releases:
        return UffParser("", reason="the module tensorrt of that release has another interface, which is not used")
    return find_uff_parser(options.uff.python, target.releases if target is not None else ())


def build_for(path: str, plan: str, options: BuildOptions, signature: SignatureOptions, target: Target | None) -> Built:
    """Build ``plan`` from the model at ``path`` for ``target``, with the parser of the target where it is here.

    Raises:
        InputError: the model cannot be read, an option is wrong, or the plan cannot be written.
        UnsupportedError: the model cannot be lowered, or the target's parser refuses it.
        MissingExtraError: no builder, or onnx, is not installed.
        WorkerError: the builder crashed or ran out of time.
    """
    if not is_for_uff(options, target):
        if target is not None and target.parser == "tftrt":
            raise InputError(
                f"{target.title} builds its engines in TensorFlow", where="--target", remedy="Take another target"
            )
        return build_model(path, plan, options, signature)
    check_options(options)
    keep_input(path, plan)
    keep_input(path, f"{plan}.json")
    raw = read_raw(path)
    if raw.kind is Kind.ONNX:
        raise InputError("is an ONNX model, which no UFF parser reads", where=path, remedy="Give the .pb or the .uff")
    parser = parser_for(options, target)
    if raw.kind is Kind.UFF:
        return _of_file(path, plan, options, signature, target, parser, raw)
    return _of_graph(path, plan, options, signature, target, parser, raw)


def _of_file(
    path: str,
    plan: str,
    options: BuildOptions,
    signature: SignatureOptions,
    target: Target | None,
    parser: UffParser,
    raw: RawModel,
) -> Built:
    if parser.is_here:
        with private_folder() as folder:
            copy = folder / "model.uff"
            copy.write_bytes(raw.data)  # of standard input too; the parser is given what was read
            return build_with(parser, source_of_file(copy, path, raw, signature), plan, options)
    built = build_model(path, plan, _without_uff(options), signature)
    return replace(built, by=twin_note(parser, target))


def _of_graph(
    path: str,
    plan: str,
    options: BuildOptions,
    signature: SignatureOptions,
    target: Target | None,
    parser: UffParser,
    raw: RawModel,
) -> Built:
    """Of a TensorFlow graph: its UFF file goes with the run."""
    opened = open_model(path, signature, raw)
    with private_folder() as folder:
        file = folder / "model.uff"
        model = write_uff(opened, str(file), (), target).model
        if parser.is_here:
            inputs, outputs = dict(registered_inputs(opened)), [o.name for o in opened.outputs()]
            source = UffSource(str(file), path, opened.model.sha256, inputs, outputs, ops_of(model))
            return build_with(parser, source, plan, options)
        require_onnx()
        twin = onnx_twin(str(file))
    ends = [(name, spec.shape) for name, spec in twin.inputs]
    of_twin = Source(to_bytes(twin), twin.origins(), opened.model.sha256, path, ends)
    return replace(build_source(of_twin, plan, _without_uff(options)), by=twin_note(parser, target))


def _without_uff(options: BuildOptions) -> BuildOptions:
    return replace(options, backend="auto") if options.backend == UFF else options


def twin_note(parser: UffParser, target: Target | None) -> str:
    """Why the plan is the twin's, and what that means."""
    whose = f"TensorRT's UffParser ({target.title})" if target is not None else "TensorRT's UffParser"
    return f"of the file's ONNX twin, as {whose} is not here: {parser.reason}"


def source_of_file(file: Path, name: str, raw: RawModel, signature: SignatureOptions) -> UffSource:
    """A UFF file with what to register, given or found in it.

    Raises:
        InputError: it is damaged, or dimensions are missing.
    """
    read = load_uff(name, raw.data)
    given = {g.name: g for g in signature.inputs}
    ids = [n.id for n in read.model.graph.inputs()]
    if all(i in given and given[i].has_dims and _is_registered(given[i]) for i in ids):
        inputs = {i: tuple(given[i].dims or ()) for i in ids}
    else:
        inputs = dict(_found(name, raw, signature))
    return UffSource(str(file), name, read.sha256, inputs, read.model.graph.outputs(), ops_of(read.model))


def _is_registered(given: GivenInput) -> bool:
    """True if dimensions are those of the call: channels first, without the batch."""
    return len(given.dims or ()) == _IMAGE


def _found(name: str, raw: RawModel, signature: SignatureOptions) -> list[tuple[str, tuple[Dim, ...]]]:
    """What the graph says of its inputs; nodes that only a plugin knows can be in the way of that."""
    try:
        opened = open_any(name, signature, raw)
    except UnsupportedError as e:
        raise InputError(
            f"how its inputs are laid out cannot be told: {e.message}",
            where=name,
            remedy="Say it as the parser is told, channels first: --input 'NAME:float32[3,300,300]'",
        ) from e
    given = {g.name: tuple(g.dims or ()) for g in signature.inputs if g.has_dims and _is_registered(g)}
    return [(n, given.get(n, dims)) for n, dims in registered_inputs(opened)]


def ops_of(model: UffModel) -> dict[str, str]:
    """The ops of a file's nodes by id."""
    return {node.id: node.op for node in model.nodes()}


def build_with(parser: UffParser, source: UffSource, plan: str, options: BuildOptions) -> Built:
    """Build ``plan`` with TensorRT's own parser, and its sidecar.

    Raises:
        InputError: a dimension is missing, or the plan cannot be written.
        WorkerError: TensorRT's process crashed or ran out of time.
    """
    result = build_uff_engine(
        source.path,
        plan,
        parser,
        known_inputs(source),
        source.outputs,
        options.uff,
        nodes=source.nodes,
        timeout=options.timeout,
    )
    sidecar = write_sidecar(result, source=source.name, source_sha256=source.sha256) if result.ok else None
    return Built(result, tuple(map_errors(result.errors, {})), sidecar, by_parser(parser))


def known_inputs(source: UffSource) -> dict[str, tuple[int, ...]]:
    """What to register inputs with.

    Raises:
        InputError: a dimension is missing.
    """
    return {name: _whole(name, dims) for name, dims in source.inputs.items()}


def by_parser(parser: UffParser) -> str:
    """Whose parser made an engine."""
    return f"TensorRT {parser.version}'s UffParser, in {parser.python}"


def _whole(name: str, dims: tuple[Dim, ...]) -> tuple[int, ...]:
    known = tuple(d for d in dims if d is not None)
    if len(known) < len(dims) or not dims:
        raise InputError(
            "the parser has to be told the dimensions of this input",
            where=name,
            remedy=f"Give them, channels first and without the batch: --input '{name}:float32[3,224,224]'",
        )
    return known
