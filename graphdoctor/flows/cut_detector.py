"""The readable host part of a single-shot detector, taken only where it gives what the graph's own nodes give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import ModuleType
from typing import Any

import numpy as np

from graphdoctor.compare import seeded_inputs
from graphdoctor.findings import TensorInfo
from graphdoctor.formats.host import Engine, Function, Shared, Written, module_text, write_function, write_ssd
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.match.detection import SsdHead, find_ssd_head
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import Array

EXAMPLE_SIZE = 160
"""What an open dimension of a picture becomes where one is made up."""
_BATCH = 2
_LOGITS = ((-2.0, 3.0), (-12.0, 5.0), (-40.0, 12.0), (-400.0, 1.0))
"""Mean and spread of made-up logits: detections in plenty, some, few, none."""
_NEAR = 1e-5


def head_of(graph: Graph, specs: Specs, refused: AbstractSet[Node]) -> SsdHead | None:
    """The head of a detector of which ``refused`` has the suppression, and whose outputs are detections alone."""
    if not any(n.op.startswith("NonMaxSuppression") for n in refused):
        return None
    head = find_ssd_head(graph, specs)
    if not isinstance(head, SsdHead) or head.detections.other:
        return None
    ends = graph.live([head.encodings.node, head.logits.node], controls=False)
    return None if ends & set(head.suppression.nodes) else head


def readable(
    head: SsdHead,
    graph: Graph,
    specs: Specs,
    title: str,
    order: Sequence[Written | Engine],
    text: str,
) -> tuple[list[Written | Engine], str] | None:
    """The parts with the readable function, and the text of the file; ``None`` where it is not shown to do the same.

    Args:
        head: of the graph.
        graph: its outputs are those of the host part.
        specs: from inference over it.
        title: of the file.
        order: the parts, with a last function that spells out the graph's nodes.
        text: the file with that function.
    """
    last, shared = order[-1], Shared()
    if not isinstance(last, Written) or not isinstance(order[-2], Engine):
        return None
    tail = write_ssd(head, specs, shared, last)
    if tail is None:
        return None
    needed = {v for part in order if isinstance(part, Engine) for v in part.takes.values()}
    needed |= {v for part in order[:-1] if isinstance(part, Written) for v in part.function.takes}
    front: list[Written | Engine] = []
    for part in order[:-1]:
        if isinstance(part, Written):
            gives = tuple(v for v in part.function.gives if v in needed)
            part = write_function(graph, specs, shared, Function(part.function.name, part.function.takes, gives))
        front.append(part)
    made = [*front, tail]
    short = module_text(title, shared, made, graph.outputs)
    return (made, short) if _agree(text, short, last, tail, graph, specs) else None


def loaded(text: str) -> ModuleType:
    """A host part, loaded. It is our own text: names and values of the graph cannot become code in it."""
    module = ModuleType("host_part")
    exec(compile(text, "host part", "exec"), module.__dict__)
    return module


def _agree(text: str, short: str, last: Written, tail: Written, graph: Graph, specs: Specs) -> bool:
    """True if both functions give the same for made-up predictions of every kind."""
    long_one, short_one = loaded(text), loaded(short)
    for known in _made_up(long_one, last, tail, graph, specs):
        expected = _called(long_one, last, known)
        found = _called(short_one, tail, known)
        for name, array in expected.items():
            if array.shape != found[name].shape or array.dtype != found[name].dtype:
                return False
            if not np.allclose(array, found[name], rtol=_NEAR, atol=_NEAR):
                return False
    return True


def _called(module: ModuleType, part: Written, known: Mapping[str, Array]) -> dict[str, Array]:
    function = getattr(module, part.function.name)
    found: dict[str, Array] = function(**{n: known[v.name] for n, v in part.parameters.items()})
    return found


def _made_up(
    module: ModuleType, last: Written, tail: Written, graph: Graph, specs: Specs
) -> Iterator[dict[str, Array]]:
    """Values of what the functions take: predictions at random, the rest from a picture at random."""
    rng = np.random.default_rng(0)
    inputs = [sized(TensorInfo(n.name, specs.output(n).dtype, specs.output(n).shape)) for n in graph.inputs]
    known: dict[str, Array] = seeded_inputs(inputs, 0, unknown_batch=_BATCH)
    front: Any = getattr(module, "preprocess", None)
    if front is not None:
        takes = next(takes for step, takes, _ in module.STEPS if step is front)
        known.update(front(**{n: known[tensor] for n, tensor in takes.items()}))
    boxes, logits = (_shape(specs, v) for v in tail.function.takes)
    for mean, spread in _LOGITS:
        made = (rng.normal(0, 1.5, boxes), rng.normal(mean, spread, logits))
        named = zip(tail.function.takes, made, strict=True)
        yield {**known, **{v.name: array.astype(np.float32) for v, array in named}}


def _shape(specs: Specs, value: Value) -> tuple[int, ...]:
    return tuple(_BATCH if d is None else d for d in specs.of(value).shape or ())


def sized(info: TensorInfo) -> TensorInfo:
    """An open height and width of a picture become one size; other inputs stay as they are."""
    shape = info.shape
    if shape is None or len(shape) != 4:
        return info
    return TensorInfo(info.name, info.dtype, (shape[0], *(EXAMPLE_SIZE if d is None else d for d in shape[1:])))
