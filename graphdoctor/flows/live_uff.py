"""The word of TensorRT's own UFF parser on a UFF file, in findings and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from tempfile import gettempdir

from graphdoctor.engines import MappedError, UffParser, ask_uff_parser, find_uff_parser, map_errors
from graphdoctor.errors import InputError, WorkerError
from graphdoctor.findings import ModelReport
from graphdoctor.flows.asking import SECONDS, Heard, Refusal
from graphdoctor.flows.build_uff import known_inputs, source_of_file
from graphdoctor.flows.live import merged, noted
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.formats.tensorflow import RawModel
from graphdoctor.installed import uff_parser_may_be_here
from graphdoctor.ir import Graph
from graphdoctor.jobs.launch import private_folder
from graphdoctor.targets import Target, load_target


def uff_targets(names: Iterable[str]) -> list[Target]:
    """Those targets whose own UFF parser can be asked where it is installed."""
    return [t for t in map(load_target, names) if t.parser == "uff" and t.releases]


def with_uff_parser(
    report: ModelReport, graph: Graph, raw: RawModel, signature: SignatureOptions, wanted: bool | None
) -> ModelReport:
    """``report`` on the UFF file ``raw`` with what TensorRT's parser says of it for those targets whose release it is.

    That the parser takes the file is noted, and proves no more: the builder may refuse it, and numbers may be wrong.

    Args:
        report: by the rules.
        graph: the nodes of the file that the report is about.
        raw: the file.
        signature: what is known of its inputs.
        wanted: ``True`` to insist, ``False`` never to ask, ``None`` to ask where a TensorRT is installed.

    Raises:
        InputError: ``wanted`` is True, and there is no parser, or it cannot be told how to read the file.
    """
    targets = uff_targets(report.chosen)
    if not targets or wanted is False or (wanted is None and not uff_parser_may_be_here()):
        return report
    parser = find_uff_parser()
    for target in targets:
        try:
            heard = _heard(parser.for_releases(target.releases), target, report.path, raw, signature)
        except InputError as e:
            if wanted:
                raise
            report = noted(report, [target.name], f"by the table alone; {e.message}")
            continue
        if heard.failure is None and not heard.refusals:
            taken = f"TensorRT {parser.version}'s UffParser takes the file; its builder was not asked"
            report = noted(report, [target.name], taken)
        report = merged(report, graph, target.name, heard)
    return report


def _heard(parser: UffParser, target: Target, name: str, raw: RawModel, signature: SignatureOptions) -> Heard:
    """What the parser says of the file.

    Raises:
        InputError: it is not here, or dimensions of inputs are missing.
        WorkerError: the file cannot be put where the parser reads it.
    """
    if not parser.is_here:
        raise InputError(
            f"TensorRT's UffParser is not here: {parser.reason}",
            where=f"--live, {target.name}",
            remedy="Name the Python that has it in $GRAPHDOCTOR_TENSORRT_PYTHON, or leave --live out",
        )
    try:
        with private_folder() as folder:
            file = folder / "model.uff"
            file.write_bytes(raw.data)
            source = source_of_file(file, name, raw, signature)
            ends = known_inputs(source), source.outputs
            said = ask_uff_parser(source.path, parser, *ends, nodes=source.nodes, timeout=SECONDS)
    except OSError as e:
        raise WorkerError(f"the file cannot be copied: {e.strerror}", where=gettempdir()) from e
    return replace(heard_of(map_errors(said.errors, {})), failure=said.failure, log=said.log)


def heard_of(errors: Iterable[MappedError]) -> Heard:
    """What TensorRT refuses; what was wrong with the way it was asked (a library that is missing) says nothing.

    A builder that names no node may have failed for want of memory, so that is not certain.
    """
    told = (e for e in errors if e.stage != "options")
    return Heard(tuple(Refusal(e.nodes, "", e.reason, e.stage, bool(e.nodes) or e.stage == "parse") for e in told))
