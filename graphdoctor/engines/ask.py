"""What NVIDIA's live parser and builder say of ONNX models, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphdoctor import jobs
from graphdoctor.engines.backends import modules_of
from graphdoctor.engines.messages import reason
from graphdoctor.engines.onnx_nodes import OnnxNode, onnx_nodes
from graphdoctor.errors import InputError
from graphdoctor.jobs.spec import (
    EngineAnswer,
    EngineAnswers,
    EngineError,
    EngineQuestions,
    EngineRequest,
    Failure,
    ShapeRange,
)
from graphdoctor.types import Answer

_PURPOSE = "Asking TensorRT's parser"
_START_SECONDS = 60.0
"""Time that the process gets beside that of its questions, to load NVIDIA's libraries."""


@dataclass(frozen=True, slots=True)
class Question:
    """An ONNX model to ask about; with ``build`` the builder is asked as well, which refuses more than the parser.

    ``profiles`` has the shapes of inputs with unknown dimensions, which the builder needs.
    """

    model: bytes
    build: bool = False
    profiles: Mapping[str, ShapeRange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeSupport:
    """Whether NVIDIA takes one ONNX node; a NO comes from the ``stage`` ``parse`` or ``build``.

    UNKNOWN: the parser found nothing against it and stopped at another node before trying it.
    """

    index: int
    name: str
    operator: str
    ok: Answer
    reason: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class ParserAnswer:
    """The answer to one model: every node in file order, and ``errors`` that are about no node (an input's
    dtype).

    ``built`` says whether the builder made an engine, ``None`` when it was not asked.
    """

    backend: str
    version: str
    parsed: bool
    built: bool | None
    nodes: list[NodeSupport]
    errors: tuple[EngineError, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Asking about one model crashed or took too long; ``log`` is the tail of what NVIDIA's process wrote."""

    failure: Failure
    log: str


def ask_many(
    questions: Sequence[Question], *, backend: str = "auto", timeout: float = 300.0, at_once: int = 1
) -> list[ParserAnswer | NoAnswer]:
    """Ask about each model in one process, which loads NVIDIA's libraries once; a crash costs one answer.

    Args:
        questions: what to ask.
        backend: a key of `backends.CHOICES`.
        timeout: seconds for each question.
        at_once: how many are asked side by side.

    Raises:
        InputError: a model has no nodes, or the backend has an unknown name.
        MissingExtraError: no builder is installed.
        WorkerError: no builder works here, or the process as a whole failed.
    """
    nodes = [onnx_nodes(q.model) for q in questions]
    if not all(nodes):
        raise InputError("the ONNX model has no nodes", remedy="Give a model that computes something")
    modules = modules_of(backend)
    requests = tuple(
        EngineRequest(f"model{k}.onnx", modules, build=q.build, profiles=dict(q.profiles))
        for k, q in enumerate(questions)
    )
    result = jobs.run(
        "engine_parse",
        EngineQuestions(requests, timeout, at_once),
        timeout=_START_SECONDS + timeout * -(-len(questions) // max(1, at_once)),
        files={request.onnx: q.model for request, q in zip(requests, questions, strict=True)},
    )
    jobs.raise_for_failure(result, where="the ONNX model", purpose=_PURPOSE)
    asked = result.data_as(EngineAnswers).asked
    return [
        NoAnswer(a.failure or Failure(jobs.FailureKind.NO_RESULT, "gave no answer"), a.log)
        if a.answer is None
        else _answer(a.answer, own, q.build)
        for a, own, q in zip(asked, nodes, questions, strict=True)
    ]


def ask_parser(model: bytes, *, backend: str = "auto", build: bool = False, timeout: float = 300.0) -> ParserAnswer:
    """Ask about one model.

    Raises:
        InputError: the bytes are not an ONNX model, or the backend has an unknown name.
        MissingExtraError: no builder is installed.
        WorkerError: the builder's process crashed or ran out of time.
    """
    (answer,) = ask_many([Question(model, build)], backend=backend, timeout=timeout)
    if isinstance(answer, NoAnswer):
        failed = jobs.JobResult(False, None, {}, answer.log, answer.failure, 0.0)
        jobs.raise_for_failure(failed, where="the ONNX model", purpose=_PURPOSE)
    assert isinstance(answer, ParserAnswer)
    return answer


def _answer(answer: EngineAnswer, nodes: list[OnnxNode], asked_to_build: bool) -> ParserAnswer:
    verdicts = _errors_by_index(answer, nodes)
    return ParserAnswer(
        backend=answer.backend,
        version=answer.version,
        parsed=answer.parsed,
        built=answer.built if asked_to_build else None,
        nodes=[_support(node, verdicts, answer) for node in nodes],
        errors=verdicts.get(-1, ()),
        seconds=sum(answer.seconds.values()),
    )


def _errors_by_index(answer: EngineAnswer, nodes: list[OnnxNode]) -> dict[int, tuple[EngineError, ...]]:
    """Errors by node index, -1 for those about none; the builder knows its nodes by name alone."""
    places = {node.label: node.index for node in reversed(nodes)}
    found: dict[int, tuple[EngineError, ...]] = {}
    for error in answer.errors:
        index = error.index if 0 <= error.index < len(nodes) else places.get(error.node, -1)
        found[index] = (*found.get(index, ()), error)
    return found


def _support(node: OnnxNode, errors: dict[int, tuple[EngineError, ...]], answer: EngineAnswer) -> NodeSupport:
    if node.index in errors:
        own = errors[node.index]
        said = "; ".join(dict.fromkeys(reason(error) for error in own))
        return NodeSupport(node.index, node.label, node.operator, Answer.NO, said, own[0].stage)
    if answer.parsed:
        return NodeSupport(node.index, node.label, node.operator, Answer.YES)
    untried = "the parser stopped at another node before trying this one"
    return NodeSupport(node.index, node.label, node.operator, Answer.UNKNOWN, untried)
