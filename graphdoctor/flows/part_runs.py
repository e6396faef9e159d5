"""Running parts of a graph: tensors within it are fed and fetched, many times in one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphdoctor.ir import Graph
from graphdoctor.runners import run_each_tensorflow
from graphdoctor.types import Array

Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class PartModel:
    """A graph that is run in parts.

    Attributes:
        data: its bytes.
        graph: the same, with inputs and outputs set.
        pinned: what it is fed besides the inputs.
        names: what each tensor is called here, by the name that the two graphs share for it.
    """

    data: bytes
    graph: Graph
    pinned: Arrays = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def ask(self, questions: Sequence[Question], timeout: float) -> list[dict[str, Array] | str]:
        """The tensors that each question wants, or why TensorFlow does not run it.

        Raises:
            MissingExtraError: TensorFlow is not installed.
            WorkerError: it crashed, or ran out of time.
        """
        feeds = [{**q.inputs, **self.pinned, **{self.names[k]: v for k, v in q.known.items()}} for q in questions]
        fetches = [[self.names[k] for k in q.wanted] for q in questions]
        if not questions:
            return []
        done = run_each_tensorflow([self.data] * len(questions), feeds, fetches, timeout=timeout)
        return [
            one if isinstance(one, str) else {k: one[self.names[k]] for k in q.wanted}
            for q, one in zip(questions, done, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Question:
    """What a graph has at ``wanted``, fed ``inputs`` and, at tensors within, ``known``."""

    inputs: Arrays
    known: Arrays
    wanted: tuple[str, ...]
