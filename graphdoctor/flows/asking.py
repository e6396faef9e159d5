"""Putting a graph to NVIDIA's own parser and builder: as much of it as has an ONNX form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from graphdoctor.engines import NoAnswer, NodeSupport, ParserAnswer, Question, ShapeRange, ask_many
from graphdoctor.engines.messages import reason
from graphdoctor.errors import GraphdoctorError, WorkerError
from graphdoctor.flows.build import MAX_BATCH
from graphdoctor.flows.opening import Opened
from graphdoctor.formats.onnx import PartialModel, partial_from_graph, to_bytes
from graphdoctor.ir import Graph
from graphdoctor.jobs import Failure, FailureKind
from graphdoctor.jobs.spec import EngineError
from graphdoctor.types import Answer, Shape, dims_text
from graphdoctor.words import plural

CHEAP_BYTES = 256 << 20
"""Weights up to which the builder is asked without being told to: it takes seconds, as `bench/` measures."""
SECONDS = 120.0
"""How long NVIDIA may take over one model."""
_OF_THE_PROFILE = "violate shape constraints"
"""What the builder says of batch sizes that it was given and that the graph does not allow."""
_INPUT_OPS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_SHOWN = 3
_ROUNDS = 4
"""How often NVIDIA is asked: its parser and its builder stop at the first node that they refuse, so that what is behind
it is asked for again without it and its like."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A node that NVIDIA refuses, by its TensorFlow names, nearest first; none where it names no node.

    ``stage`` is ``parse`` or ``build``. Not ``certain`` where the node reads a value that stands in for a part of the
    graph that could not be asked about, and whose dimensions are not all known.
    """

    nodes: tuple[str, ...]
    operator: str
    reason: str
    stage: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """What NVIDIA said of a graph.

    Attributes:
        refusals: by its parser or builder.
        built: True if an engine was built of all that was asked; ``None`` where the builder was not asked.
        left_out: the nodes that were not asked about.
        failure: why there is no answer: NVIDIA's process crashed, or took too long.
        log: the tail of what that process wrote.
        notes: what was not asked, and why.
    """

    refusals: tuple[Refusal, ...] = ()
    built: bool | None = None
    left_out: frozenset[str] = frozenset()
    failure: Failure | None = None
    log: str = ""
    notes: tuple[str, ...] = ()


def ask_nvidia(opened: Opened, build: bool | None) -> Heard:
    """Ask about an opened graph.

    Args:
        opened: left as it is.
        build: whether the builder is asked as well; ``None``: where that is cheap.

    Raises:
        MissingExtraError: a package is missing.
        WorkerError: no builder works here.
    """
    heard, partial = _round(opened.graph, build, {}, ())
    without: dict[str, str] = {}
    for _ in range(_ROUNDS - 1):
        more = {} if partial is None else _alike(heard.refusals, partial)
        if more.keys() <= without.keys() or heard.failure is not None:
            break
        without |= more
        later, partial = _round(opened.graph, build, without, heard.refusals)
        heard = replace(later, refusals=(*heard.refusals, *later.refusals))
    return heard


def _round(
    graph: Graph, build: bool | None, without: Mapping[str, str], told: Sequence[Refusal]
) -> tuple[Heard, PartialModel | None]:
    """The answer to ``graph`` without the nodes that were refused and their like, and what of it was asked about."""
    try:
        partial = partial_from_graph(graph, without=without)
    except GraphdoctorError as e:
        return Heard(notes=(f"NVIDIA was not asked: {e}",)), None
    notes = list(_cut(partial, without, {name for refusal in told for name in refusal.nodes}))
    if not partial.model.nodes:
        notes = notes or ["NVIDIA was not asked: the ONNX form has no nodes"]
        return Heard(left_out=partial.left_out, notes=tuple(notes)), None
    return _ask(partial, build, notes), partial


def _alike(refusals: Sequence[Refusal], partial: PartialModel) -> dict[str, str]:
    """The TensorFlow nodes that become an ONNX operator of which a node was refused, and why they are not asked."""
    first = {r.operator: r.nodes[0] for r in reversed(refusals) if r.operator and r.nodes}
    return {
        name: f"NVIDIA refuses ONNX {node.op_type} at {first[node.op_type]}"
        for node in partial.model.nodes
        if node.op_type in first
        for name in node.origins[:1]
    }


def _ask(partial: PartialModel, build: bool | None, notes: list[str]) -> Heard:
    content = to_bytes(partial.model)
    profiles, reason_against = _profiles(partial)
    if build is False:
        reason_against = "--no-build"
    elif build is None and len(content) > CHEAP_BYTES:
        reason_against = reason_against or f"the model has {len(content) >> 20} MB; --build asks it"
    if reason_against:
        notes.append(f"NVIDIA's builder was not asked: {reason_against}")
    answer, *_ = _answers([Question(content, not reason_against, profiles)])
    if isinstance(answer, NoAnswer):
        return Heard(left_out=partial.left_out, failure=answer.failure, log=answer.log, notes=tuple(notes))
    if answer.parsed and answer.built is False and profiles:
        batch = _batch_that_builds(content, profiles)
        if batch:
            words = "; ".join([n.reason for n in answer.nodes if n.reason] + [e.message for e in answer.errors])
            note = f"NVIDIA's builder makes an engine for a batch of {batch}, and none for 1 to {MAX_BATCH}: {words}"
            return Heard(left_out=partial.left_out, notes=(*notes, note))
    return _heard(answer, partial, notes)


def _answers(questions: Sequence[Question]) -> list[ParserAnswer | NoAnswer]:
    """The answers, a crash or time limit among them.

    Raises:
        WorkerError: something else keeps NVIDIA from being asked.
    """
    answers = ask_many(questions, timeout=SECONDS)
    for answer in answers:
        if isinstance(answer, NoAnswer) and answer.failure.kind not in (FailureKind.TIMEOUT, FailureKind.SIGNAL):
            raise WorkerError(f"NVIDIA could not be asked: {answer.failure.message}", log=answer.log)
    return answers


def _batch_that_builds(content: bytes, profiles: Mapping[str, ShapeRange]) -> int:
    """A batch for which there is an engine though there is none for all; 0 if there is none.

    A graph can be made for a batch of one, or want more than a few: that is no fault of any node.
    """
    sizes = (1, MAX_BATCH)
    fixed = [{name: ShapeRange(r.min, r.min, r.min) for name, r in profiles.items()}]
    fixed.append({name: ShapeRange(r.max, r.max, r.max) for name, r in profiles.items()})
    answers = _answers([Question(content, True, shapes) for shapes in fixed])
    built = (size for size, a in zip(sizes, answers, strict=True) if isinstance(a, ParserAnswer) and a.built)
    return next(built, 0)


def _cut(partial: PartialModel, without: Mapping[str, str], told: AbstractSet[str]) -> Iterator[str]:
    """What could not be asked about: it has no ONNX form, or NVIDIA refused its like; ``told`` was refused itself."""
    why = set(without.values())
    formless = [r for r in partial.refused if r[2] not in why]
    alike = [r for r in partial.refused if r[2] in why and r[0] not in told]
    if formless and partial.model.nodes:
        count = len(partial.left_out) - sum(r[2] in why for r in partial.refused)
        yield f"NVIDIA was not asked about {_nodes(count)} without an ONNX form ({_reasons(formless)})"
    elif formless:
        yield f"NVIDIA was not asked: {_reasons(formless)}"
    if alike:
        yield f"NVIDIA was not asked about {_nodes(len(alike))} more like one that it refuses ({_reasons(alike)})"


def _nodes(count: int) -> str:
    return plural(count, "node")


def _reasons(refused: Sequence[tuple[str, str, str]]) -> str:
    """Each reason once, the most frequent first, with how many nodes have it and one of them."""
    groups: dict[str, list[str]] = {}
    for name, op, why in refused:
        groups.setdefault(why, []).append(f"{name} ({op})")
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    shown = [f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: {why}" for why, names in ordered[:_SHOWN]]
    more = len(ordered) - _SHOWN
    return "; ".join(shown) + (f"; and {plural(more, 'more reason')}" if more > 0 else "")


def _profiles(partial: PartialModel) -> tuple[Mapping[str, ShapeRange], str]:
    """An unknown batch is asked for 1 to 16; why the builder cannot be asked, where more is unknown."""
    found: dict[str, ShapeRange] = {}
    for name, spec in sorted(partial.model.inputs, key=lambda item: item[0] in partial.stand_ins):
        shape = spec.shape or ()
        if None in shape[1:]:
            return {}, f"dimensions of {name} {dims_text(shape)} are not known; {_how_to_give(name, partial)}"
        if None in shape:
            found[name] = _range(shape)
    return found, ""


def _how_to_give(name: str, partial: PartialModel) -> str:
    blank = [node for node, op, _ in partial.refused if op in _INPUT_OPS]
    if name not in partial.stand_ins or blank:
        return f"--input gives those of {blank[0] if blank else 'an input'}"
    return "nodes without an ONNX form give it: cut them off with --input behind them or with --output before them"


def _range(shape: Shape) -> ShapeRange:
    rest = tuple(d or 0 for d in (shape or ())[1:])
    return ShapeRange((1, *rest), (1, *rest), (MAX_BATCH, *rest))


def _heard(answer: ParserAnswer, partial: PartialModel, notes: list[str]) -> Heard:
    refused = [n for n in answer.nodes if n.ok is Answer.NO]
    ours = [e.message for e in answer.errors if e.stage == "options"]
    ours += [n.reason for n in refused if _OF_THE_PROFILE in n.reason]
    ours += [e.message for e in answer.errors if _OF_THE_PROFILE in e.message]
    if ours:  # said of how we asked, not of the graph
        notes.append(f"NVIDIA's builder gave no answer: {ours[0]}")
        return Heard((), None, partial.left_out, notes=tuple(notes))
    untried = sum(n.ok is Answer.UNKNOWN for n in answer.nodes)
    if untried:
        notes.append(f"NVIDIA's parser stopped at what it refuses, and did not try {untried} more ONNX nodes")
    refusals = (*_of_nodes(refused, partial), *_of_none(answer.errors))
    return Heard(refusals, answer.built, partial.left_out, notes=tuple(notes))


def _of_nodes(refused: Sequence[NodeSupport], partial: PartialModel) -> Iterator[Refusal]:
    origins = partial.model.origins()
    unsure = _readers_of_the_unknown(partial)
    for n in refused:
        yield Refusal(origins.get(n.name, (n.name,)), n.operator, n.reason, n.stage, n.name not in unsure)


def _of_none(errors: Sequence[EngineError]) -> Iterator[Refusal]:
    """What is said of no node; of an input where the parser does not take its type."""
    for error in errors:
        node = (error.file,) if error.function == "importInput" else ()
        yield Refusal(node, "", reason(error), error.stage)


def _readers_of_the_unknown(partial: PartialModel) -> frozenset[str]:
    """The ONNX nodes that read a stand-in of which not every dimension is known."""
    shapes = {name: spec.shape for name, spec in partial.model.inputs if name in partial.stand_ins}
    unknown = {name for name, shape in shapes.items() if shape is None or None in shape}
    return frozenset(node.name for node in partial.model.nodes if unknown & set(node.inputs))
