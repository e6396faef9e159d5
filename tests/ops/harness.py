"""Cases of fixtures/ops, held against TensorFlow and ONNX Runtime in this process.

A case file is ``fixtures/ops/<Op>.toml``::

    op = "Conv2D"
    fold_ulp = 4                     # units in the last place that folding may be off (default 0: same bits)
    [[case]]
    name = "same-stride-2"
    graph = '''...'''                # text form; T and N may be left out; `outputs:` are compared
    range = [-3.0, 3.0]              # of every placeholder; or a table, placeholder to range
    values = {i = [0, 2, 1]}         # the placeholder's value itself
    feed = {x = [2, 3]}              # its shape, where the rank is unknown or a dimension must not be 2 or 3
    reference = '''...'''            # what TensorFlow runs instead, where its CPU lacks the case (NCHW)
    fails = "part of the reason"     # lowering must refuse
    conflict = "part of the reason"  # inference must refuse, and TensorFlow too
    skip_run = "reason"              # TensorFlow cannot run it: only inference is tried
    skip_lower = "reason"            # ONNX Runtime cannot run it: only the emitted ops are checked
    skip_unknown = "reason"          # ONNX gives other numbers where the placeholders' sizes are unknown
    fetch = "outputs"                # look at the declared outputs alone (dead branches cannot be fetched)
    rtol = 1e-4                      # and atol, for what ONNX Runtime gives
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.ir import Graph, TensorSpec
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs
from graphdoctor.resources import load_toml
from graphdoctor.types import Array, DType, Shape

FOLDER = Path(__file__).parents[2] / "fixtures" / "ops"
DENORMAL = float(np.finfo(np.float32).tiny)
"""Smaller numbers count as zero: TensorFlow flushes them."""
Tensors = dict[str, Array]
"""Tensor name (``y``, ``y:1``) to value."""


@dataclass(frozen=True, eq=False)
class Case:
    """One case of one file; the module's text says what the fields mean."""

    op: str
    name: str
    graph: str
    fold_ulp: int = 0
    range: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    feed: Mapping[str, list[int]] = field(default_factory=dict)
    reference: str = ""
    fails: str = ""
    conflict: str = ""
    skip_run: str = ""
    skip_lower: str = ""
    skip_unknown: str = ""
    fetch: str = "all"
    rtol: float = 1e-4
    atol: float = 1e-5

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return f"{self.op}-{self.name}"

    def parsed(self) -> Graph:
        """A new graph of the case, with all its attributes."""
        return completed(self.graph, self.id)


def completed(text: str, name: str) -> Graph:
    """The graph of ``text`` with the attributes that may be left out."""
    graph = parse_graph(text, name)
    complete_attrs(graph)
    graph.inputs = graph.inputs or tuple(graph.by_op("Placeholder"))
    return graph


def case_files() -> list[Path]:
    """Every case file, by name."""
    return sorted(FOLDER.glob("*.toml"))


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case of every file."""
    return tuple(case for path in case_files() for case in _cases(path))


def _cases(path: Path) -> Iterator[Case]:
    table = load_toml(path)
    shared = {k: v for k, v in table.items() if k != "case"}
    for entry in table["case"]:
        yield Case(**{**shared, **entry})


# ---- inputs ----------------------------------------------------------------------------------------------


def placeholder_specs(graph: Graph) -> dict[str, TensorSpec]:
    """What each placeholder says of itself."""
    found = {}
    for node in graph.by_op("Placeholder"):
        shape = node.attr("shape")
        found[node.name] = TensorSpec(node.attr("dtype"), shape.dims if shape is not None else None)
    return found


def feeds(case: Case) -> Tensors:
    """A value for each placeholder, the same on each call; unknown dimensions are 2, after the first 3."""
    return {name: _feed(case, name, spec) for name, spec in placeholder_specs(case.parsed()).items()}


def _feed(case: Case, name: str, spec: TensorSpec) -> Array:
    dtype = spec.dtype.numpy
    assert dtype is not None, f"{case.id}: nothing can be fed as {spec.dtype.label}"
    if name in case.values:
        values = case.values[name]
        if dtype.kind == "O":
            return np.array(_encoded(values), dtype=object)
        return np.asarray(values, dtype=dtype)
    shape = tuple(case.feed[name]) if name in case.feed else _concrete(case, name, spec.shape)
    rng = np.random.default_rng(zlib.crc32(f"{case.id}/{name}".encode()))
    return _sample(rng, shape, dtype, _range(case, name, spec.dtype))


def _encoded(values: Any) -> Any:
    return [_encoded(v) for v in values] if isinstance(values, list) else str(values).encode()


def _concrete(case: Case, name: str, shape: Shape) -> tuple[int, ...]:
    assert shape is not None, f"{case.id}: say the shape of {name} with feed = {{{name} = [...]}}"
    return tuple((3 if i else 2) if d is None else d for i, d in enumerate(shape))


def _range(case: Case, name: str, dtype: DType) -> tuple[float, float]:
    chosen = case.range.get(name) if isinstance(case.range, dict) else case.range
    if chosen is not None:
        return float(chosen[0]), float(chosen[1])
    unsigned = dtype.is_integer and dtype.label.startswith("u")
    return (0.0, 9.0) if unsigned else (-3.0, 3.0)


def _sample(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, limits: tuple[float, float]) -> Array:
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.kind == "O":
        words = np.array([b"", b"a", b"word", b"two words"], dtype=object)
        return np.asarray(words[rng.integers(0, len(words), shape)], dtype=object).reshape(shape)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(int(limits[0]), int(limits[1]) + 1, shape).astype(dtype)
    if np.issubdtype(dtype, np.complexfloating):
        return (rng.uniform(*limits, shape) + 1j * rng.uniform(*limits, shape)).astype(dtype)
    return rng.uniform(*limits, shape).astype(dtype)


# ---- TensorFlow ------------------------------------------------------------------------------------------


@cache
def tensorflow() -> Any:
    """TensorFlow, imported once, quiet, on one thread and without oneDNN."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    return tf.compat.v1


def tf_graph_def(graph: Graph) -> Any:
    """``graph`` as TensorFlow's own message."""
    message = tensorflow().GraphDef()
    message.versions.producer = 1286
    if graph.source is not None:
        message.library.ParseFromString(graph.source.library.SerializeToString())
    for node in graph:
        out = message.node.add(name=node.name, op=node.op)
        out.input.extend([v.name for v in node.inputs] + [f"^{c.name}" for c in node.controls])
        for key in node.attrs:
            out.attr[key].ParseFromString(node.attrs.message(key).SerializeToString())
    return message


@cache
def run_tensorflow(case: Case) -> Tensors:
    """What TensorFlow computes: every tensor of the graph that can be fetched, or the outputs alone."""
    graph = completed(case.reference, case.id) if case.reference else case.parsed()
    wanted = [v.name for v in graph.outputs] if case.reference or case.fetch == "outputs" else None
    return evaluate(graph, feeds(case), wanted)


def evaluate(graph: Graph, fed: Tensors, wanted: list[str] | None = None) -> Tensors:
    """``graph`` run by TensorFlow, unoptimised; ``wanted`` defaults to every tensor that can be fetched."""
    tf = tensorflow()
    with tf.Graph().as_default() as g:
        tf.import_graph_def(tf_graph_def(graph), name="")
        if wanted is None:
            wanted = [_short(t.name) for op in g.get_operations() for t in op.outputs if _fetchable(t)]
        with tf.Session(graph=g, config=_plain_config()) as session:
            got = session.run({n: _long(n) for n in wanted}, {_long(k): v for k, v in fed.items()})
    return {name: _plain(np.asarray(value)) for name, value in got.items()}


def _plain(value: Array) -> Array:
    """TensorFlow gives quantized numbers as records of one field."""
    return value.view(value.dtype[0]) if value.dtype.names else value


def _plain_config() -> Any:
    config = tensorflow().ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = -1
    config.allow_soft_placement = True
    return config


def _fetchable(tensor: Any) -> bool:
    base = tensor.dtype.base_dtype.name
    return base not in ("resource", "variant")


def _long(name: str) -> str:
    return name if name.rpartition(":")[2].isdecimal() and ":" in name else f"{name}:0"


def _short(name: str) -> str:
    return name.removesuffix(":0")


# ---- ONNX Runtime ----------------------------------------------------------------------------------------


def emitted_ops(model: Any) -> set[str]:
    """The op types of an ONNX model that the builder made."""
    return {node.op_type for node in model.nodes}


def run_onnx(model: Any, fed: Tensors) -> list[Array]:
    """The outputs of ``model`` in its order."""
    import onnxruntime as ort

    from graphdoctor.formats.onnx import to_bytes

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = ort.InferenceSession(to_bytes(model), options, providers=["CPUExecutionProvider"])
    known = {i.name for i in session.get_inputs()}
    return [np.asarray(v) for v in session.run(None, {k: v for k, v in fed.items() if k in known})]


# ---- judging ---------------------------------------------------------------------------------------------


def spec_problem(spec: TensorSpec, real: Array) -> str:
    """How ``spec`` contradicts the ``real`` value; empty if it does not."""
    dtype = DType.from_numpy(real.dtype)
    if spec.dtype not in (DType.INVALID, dtype) and spec.dtype.numpy != real.dtype and dtype is not DType.INVALID:
        return f"dtype {spec.dtype.label} is {dtype.label}"
    if spec.shape is not None and not _fits(spec.shape, real.shape):
        return f"shape {spec} is {list(real.shape)}"
    if spec.value is None:
        return ""
    if spec.value.shape != real.shape:
        return f"the value's shape {list(spec.value.shape)} is {list(real.shape)}"
    pairs = zip(spec.value.reshape(-1).tolist(), real.reshape(-1).tolist(), strict=True)
    eps = float(np.finfo(real.dtype).eps) if real.dtype.kind in "fc" else 0.0
    wrong = [(a, b) for a, b in pairs if a is not None and not _near(a, b, 8 * eps)]
    return f"value {wrong[0][0]!r} is {wrong[0][1]!r}" if wrong else ""


def _fits(shape: tuple[int | None, ...], real: tuple[int, ...]) -> bool:
    return len(shape) == len(real) and all(d is None or d == r for d, r in zip(shape, real, strict=True))


def _near(a: Any, b: Any, rtol: float) -> bool:
    return bool(np.isclose(a, b, rtol=rtol, atol=DENORMAL, equal_nan=True)) if rtol else bool(a == b)


def units_apart(a: Array, b: Array) -> float:
    """The largest distance in units in the last place; infinite where two elements cannot be compared."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.dtype.kind not in "fc":
        return 0.0 if np.array_equal(a, b) else float("inf")
    with np.errstate(all="ignore"):
        denormal = (np.abs(a) < DENORMAL) & (np.abs(b) < DENORMAL)
        distance = np.abs(a - b) / np.spacing(np.maximum(np.abs(a), np.abs(b)))
    same = (a == b) | (np.isnan(a) & np.isnan(b)) | denormal
    gaps = np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))
    return float(gaps.max(initial=0.0))


def weakenings(specs: Mapping[str, TensorSpec]) -> Iterator[dict[str, TensorSpec]]:
    """Placeholder specs with less known: all dimensions or ranks at once, then each rank and each dimension."""
    yield {n: TensorSpec(s.dtype, _no_dims(s.shape)) for n, s in specs.items()}
    yield {n: TensorSpec(s.dtype, None) for n, s in specs.items()}
    for name, spec in specs.items():
        yield {name: TensorSpec(spec.dtype, None)}
        for i in range(len(spec.shape or ())):
            dims = list(spec.shape or ())
            dims[i] = None
            yield {name: TensorSpec(spec.dtype, tuple(dims))}


def unknown_sizes(specs: Mapping[str, TensorSpec]) -> Iterator[dict[str, TensorSpec]]:
    """Placeholder specs without the batch, without height and width, and without any dimension."""
    for axes in ((0,), (1, 2), (0, 1, 2, 3, 4)):
        yield {n: TensorSpec(s.dtype, _without(s.shape, axes)) for n, s in specs.items()}


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return None if shape is None else tuple(None if i in axes else d for i, d in enumerate(shape))


def _no_dims(shape: Shape) -> Shape:
    return None if shape is None else tuple(None for _ in shape)


def spec_of(value: Array, *, keep: bool = False) -> TensorSpec:
    """The spec of a concrete value, with the value itself if ``keep``."""
    return TensorSpec(DType.from_numpy(value.dtype), tuple(value.shape), value if keep else None)


@cache
def fold_ulp(op: str) -> int:
    """How far folding ``op`` may be off, as its case file says."""
    path = FOLDER / f"{op}.toml"
    return int(load_toml(path).get("fold_ulp", 0)) if path.exists() else 0
