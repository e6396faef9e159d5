"""Single-op TensorFlow graphs: the cases of ``fixtures/ops``, and what real graphs vary about them.

A case file holds an op with its attributes (strides, paddings, axes, data_format, keep_dims, ...). Varied are, one at a
time: the dtype, the rank (0 to 9, where all inputs have one shape), an unknown batch, and each constant argument, which
becomes a computed one. A variant counts only where TensorFlow itself would import it.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from graphdoctor.errors import InputError  # noqa: E402
from graphdoctor.formats.tensorflow.graphdef import graphdef_chunks  # noqa: E402
from graphdoctor.ir import Graph  # noqa: E402
from graphdoctor.ir.text import parse_graph  # noqa: E402
from graphdoctor.passes.complete import complete_attrs  # noqa: E402
from graphdoctor.passes.infer_shapes import infer_shapes  # noqa: E402
from graphdoctor.resources import load_toml  # noqa: E402

DTYPES = "float32 float16 float64 bfloat16 int32 int64 int8 int16 uint8 bool".split()
SIZES = (2, 3, 4, 2, 3, 2, 1, 2, 1)
"""Dimensions of a tensor of rank 9; a smaller rank has the first ones."""
FOREIGN = {
    "Lgamma": ("Lgamma(x)", "float32"),
    "Digamma": ("Digamma(x)", "float32"),
    "Cholesky": ("Cholesky(x)", "float32"),
    "MatrixInverse": ("MatrixInverse(x)", "float32"),
    "FFT": ("FFT(x)", "complex64"),
    "LeftShift": ("LeftShift(x, x)", "int32"),
    "Igamma": ("Igamma(x, x)", "float32"),
    "NextAfter": ("NextAfter(x, x)", "float32"),
    "StringLength": ("StringLength(x)", "string"),
    "LowerBound": ("LowerBound(x, x)", "float32"),
    "Dilation2D": ('Dilation2D(x, x) {strides: [1,1,1,1], rates: [1,1,1,1], padding: "SAME"}', "float32"),
    "MyOwnOp": ("MyOwnOp(x)", "float32"),
}
"""Ops that graphdoctor knows nothing of, the last one not even TensorFlow: never to be called compatible."""

_PLACEHOLDER = re.compile(r"^(?P<name>\S+) *= Placeholder \{dtype: (?P<dtype>\w+), shape: shape\[(?P<dims>[^\]]*)\]\}$")
_CONST = re.compile(r"^(?P<name>\S+) *= Const (?P<dtype>\w+)\[(?P<dims>[^\]]*)\] .*$")


@dataclass(frozen=True)
class Single:
    """A graph with one op; ``feed`` has shapes of inputs whose unknown dimensions cannot be just any number."""

    op: str
    name: str
    text: str
    feed: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``Conv2D/same-stride-2+batch``: what the reports call it."""
        return f"{self.op}/{self.name}"

    def graph(self) -> Graph:
        """A new graph with all its attributes.

        Raises:
            InputError: the text says something that cannot be (a bool constant of 1.5).
        """
        graph = parse_graph(self.text, self.id)
        complete_attrs(graph)
        graph.inputs = graph.inputs or tuple(graph.by_op("Placeholder"))
        return graph


def singles(per_op: int, seed: int = 0) -> list[Single]:
    """For each op up to twice ``per_op`` cases as they are written, and up to ``per_op`` variants of its cases.

    Which ones is decided by ``seed``; the kinds of variants take turns, so that each gets its share.
    """
    written = [case for case in _written() if _is_single(case)]
    known = {(case.op, case.text) for case in written}
    by_op: dict[str, list[list[Single]]] = {}
    made = list(_foreign())
    for case in written:
        kinds = by_op.setdefault(case.op, [[] for _ in VARIATIONS])
        for variation, found in zip(VARIATIONS, kinds, strict=True):
            for name, text in variation(case.text):
                if (case.op, text) not in known:
                    known.add((case.op, text))
                    found.append(Single(case.op, f"{case.name}+{name}", text, {**_sizes(case.text), **case.feed}))
    is_valid = _tensorflow()
    for op, kinds in by_op.items():
        made += _shuffled((case for case in written if case.op == op), seed)[: 2 * per_op]
        made += _chosen(kinds, per_op, seed, is_valid)
    return sorted(made, key=lambda case: case.id)


def _written() -> Iterator[Single]:
    for path in sorted((ROOT / "fixtures" / "ops").glob("*.toml")):
        for case in load_toml(path)["case"]:
            if "conflict" not in case:
                yield Single(path.stem, case["name"], case["graph"].strip("\n"), case.get("feed", {}))


def concrete(shape: Sequence[int | None]) -> list[int]:
    """``shape`` with 2 for an unknown first dimension and 3 for others, as the other tests of the cases have it."""
    return [(3 if i else 2) if d is None else d for i, d in enumerate(shape)]


def _sizes(text: str) -> dict[str, list[int]]:
    """The shapes of the inputs as they are written: what a size that a variant leaves open really is."""
    found = [m for m in map(_PLACEHOLDER.match, text.splitlines()) if m and re.fullmatch(r"[\d,?]+", m["dims"])]
    return {m["name"]: concrete([None if d == "?" else int(d) for d in m["dims"].split(",")]) for m in found}


def _foreign() -> Iterator[Single]:
    for op, (call, dtype) in FOREIGN.items():
        text = f"x = Placeholder {{dtype: {dtype}, shape: shape[2,3,3,2]}}\ny = {call}\noutputs: y"
        yield Single(op, "foreign", text)


def _is_single(case: Single) -> bool:
    live = case.graph().live()
    return sum(node.op not in ("Const", "Placeholder") for node in live) == 1


def _chosen(kinds: list[list[Single]], count: int, seed: int, is_valid: Callable[[Single], bool]) -> list[Single]:
    """``count`` valid variants, the kinds in turn."""
    waiting = [_shuffled(kind, seed) for kind in kinds]
    taken: list[Single] = []
    while len(taken) < count and any(waiting):
        for kind in waiting:
            while kind and len(taken) < count:
                case = kind.pop()
                if is_valid(case):
                    taken.append(case)
                    break
    return taken


def _shuffled(cases: Iterable[Single], seed: int) -> list[Single]:
    return sorted(cases, key=lambda case: zlib.crc32(f"{seed}/{case.id}".encode()))


# Variations: a text to variants of it, by name


def retyped(text: str) -> Iterator[tuple[str, str]]:
    """Every other dtype in place of the first input's."""
    first = next(filter(None, map(_PLACEHOLDER.match, text.splitlines())), None)
    for dtype in DTYPES:
        if first is not None and dtype != first["dtype"]:
            yield dtype, re.sub(rf"\b{first['dtype']}\b", dtype, text)


def ranked(text: str) -> Iterator[tuple[str, str]]:
    """Every rank, where all inputs have one shape."""
    if len({m["dims"] for m in map(_PLACEHOLDER.match, text.splitlines()) if m}) == 1:
        for rank in range(len(SIZES) + 1):
            dims = ",".join(map(str, SIZES[:rank]))
            yield f"rank-{rank}", _placeholders(text, lambda _, dims=dims: dims)


def batched(text: str) -> Iterator[tuple[str, str]]:
    """An unknown batch."""
    yield "batch", _placeholders(text, lambda dims: re.sub(r"^\d+", "?", dims))


def computed(text: str) -> Iterator[tuple[str, str]]:
    """Each constant argument as an input instead."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        found = _CONST.match(line)
        if found:
            own = f"{found['name']} = Placeholder {{dtype: {found['dtype']}, shape: shape[{found['dims']}]}}"
            yield f"{found['name']}-computed", "\n".join([*lines[:index], own, *lines[index + 1 :]])


VARIATIONS = (retyped, ranked, batched, computed)


def _placeholders(text: str, dims: Callable[[str], str]) -> str:
    def rewritten(line: str) -> str:
        found = _PLACEHOLDER.match(line)
        return line.replace(f"shape[{found['dims']}]", f"shape[{dims(found['dims'])}]") if found else line

    return "\n".join(map(rewritten, text.splitlines()))


# Whether TensorFlow would import it


def _tensorflow() -> Callable[[Single], bool]:
    import tensorflow as tf

    def is_valid(case: Single) -> bool:
        try:
            graph = case.graph()
            if infer_shapes(graph).conflicts or not _is_single(case):
                return False
            graph_def = tf.compat.v1.GraphDef.FromString(b"".join(graphdef_chunks(graph)))
            with tf.Graph().as_default():
                tf.import_graph_def(graph_def, name="")
        except (InputError, ValueError, TypeError, tf.errors.OpError):
            return False
        return True

    return is_valid


def ops_of(cases: Iterable[Single]) -> int:
    """How many ops there are among ``cases``."""
    return len({case.op for case in cases})
