"""What NVIDIA's live parser says of an ONNX model, node by node."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor import jobs
from graphdoctor.engines.backends import modules_of
from graphdoctor.engines.messages import reason
from graphdoctor.engines.onnx_nodes import OnnxNode, onnx_nodes
from graphdoctor.errors import InputError
from graphdoctor.jobs.spec import EngineAnswer, EngineError, EngineRequest
from graphdoctor.types import Answer


@dataclass(frozen=True, slots=True)
class NodeSupport:
    """Whether the parser takes one ONNX node.

    UNKNOWN: the parser found nothing against it and stopped at another node before trying it.
    """

    index: int
    name: str
    operator: str
    ok: Answer
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ParserAnswer:
    """The parser's answer: every node in file order, and ``errors`` that are about no node (an input's
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


def ask_parser(model: bytes, *, backend: str = "auto", build: bool = False, timeout: float = 300.0) -> ParserAnswer:
    """Ask the parser about each node, and with ``build`` the builder about the whole, which refuses more.

    Raises:
        InputError: the bytes are not an ONNX model, or the backend has an unknown name.
        MissingExtraError: no builder is installed.
        WorkerError: the builder's process crashed or ran out of time.
    """
    nodes = onnx_nodes(model)
    if not nodes:
        raise InputError("the ONNX model has no nodes", remedy="Give a model that computes something")
    request = EngineRequest("model.onnx", modules_of(backend), build=build)
    result = jobs.run("engine_parse", request, timeout=timeout, files={"model.onnx": model})
    jobs.raise_for_failure(result, where="the ONNX model", purpose="Asking TensorRT's parser")
    answer = result.data_as(EngineAnswer)
    verdicts = _errors_by_index(answer, nodes)
    return ParserAnswer(
        backend=answer.backend,
        version=answer.version,
        parsed=answer.parsed,
        built=answer.built if build else None,
        nodes=[_support(node, verdicts, answer) for node in nodes],
        errors=verdicts.get(-1, ()),
        seconds=result.seconds,
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
        said = "; ".join(reason(error) for error in errors[node.index])
        return NodeSupport(node.index, node.label, node.operator, Answer.NO, said)
    if answer.parsed:
        return NodeSupport(node.index, node.label, node.operator, Answer.YES)
    untried = "the parser stopped at another node before trying this one"
    return NodeSupport(node.index, node.label, node.operator, Answer.UNKNOWN, untried)
