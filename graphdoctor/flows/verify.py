"""verify: a reference and a candidate on the same inputs, and whether that could have failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphdoctor.compare import Judgement, Verdict3, example_dims, judge
from graphdoctor.errors import InputError, InternalError, WorkerError
from graphdoctor.findings import Safety, TensorInfo
from graphdoctor.flows.feeding import Feeding, feedings
from graphdoctor.flows.fix import Fixed
from graphdoctor.flows.in_parts import Asked, prove_in_parts
from graphdoctor.flows.opening import SignatureOptions, open_any
from graphdoctor.flows.part_runs import PartModel
from graphdoctor.flows.parts_judged import InParts, Part
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.onnx import onnx_from_graph, onnx_signature, require_onnx, to_bytes
from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes, read_raw
from graphdoctor.ir import Graph
from graphdoctor.runners import run_onnx, run_tensorflow
from graphdoctor.surgery import load_rewrites, pack_names
from graphdoctor.surgery.packs import LoadedRewrite
from graphdoctor.types import Array, DType, Shape, dims_text
from graphdoctor.words import plural

Arrays = Mapping[str, Array]


_TURNS_INPUT = "feed-channels-first"
"""The rewrite of the pack nchw after which an image input has another layout."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How to compare; ``None`` tolerances are the defaults of each output's dtype. ``timeout`` in seconds, each run."""

    rtol: float | None = None
    atol: float | None = None
    seed: int = 0
    data: str = ""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    signature: SignatureOptions = field(default_factory=SignatureOptions)
    timeout: float = 600.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models: how it runs, what it takes and gives, and inputs that always get the same value.

    ``items``: it takes so many at once, and gets sets of more in parts; 0 where it takes a set as it is.
    ``narrowed``: a rewrite may have made float32 of an output of float64, which is what the user asked for. ``turned``:
    inputs that it takes in NHWC although they are made up in NCHW.
    """

    path: str
    runner: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[str, ...]
    data: bytes | None = None
    pinned: Mapping[str, Array] = field(default_factory=dict)
    graph: Graph | None = field(default=None, repr=False, compare=False)
    narrowed: bool = False
    turned: frozenset[str] = frozenset()
    items: int = 0

    def run(self, sets: Sequence[Arrays], fetches: Sequence[str], timeout: float) -> list[dict[str, Array]]:
        """The outputs ``fetches`` for each set of inputs, in a worker process."""
        if self.items:
            return [self._in_parts(one, fetches, timeout) for one in sets]
        model = self.data if self.data is not None else self.path
        sets = [{k: _to_nhwc(v) if k in self.turned else v for k, v in {**one, **self.pinned}.items()} for one in sets]
        if self.runner == "tensorflow":
            return run_tensorflow(model, sets, fetches, timeout=timeout, name=self.path)
        return run_onnx(model, sets, fetches, timeout=timeout, name=self.path)

    def _in_parts(self, whole: Arrays, fetches: Sequence[str], timeout: float) -> dict[str, Array]:
        """The outputs of ``whole`` from runs of :attr:`items` each, joined along the batch."""
        counts = {len(array) for array in whole.values()}
        count = counts.pop()
        if counts or count % self.items:
            raise InputError(
                f"{count} items cannot be compared with parts of {self.items}",
                where=self.path,
                remedy=f"Prove it with a multiple of {self.items} first",
            )
        parts = [{k: v[i : i + self.items] for k, v in whole.items()} for i in range(0, count, self.items)]
        done = replace(self, items=0).run(parts, fetches, timeout)
        return {name: np.concatenate([one[name] for one in done]) for name in done[0]}


def _to_nhwc(array: Array) -> Array:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict, output by output. ``sets`` are the inputs; ``in_parts`` is what it rests on if not on them alone."""

    reference: Side
    candidate: Side
    judgement: Judgement
    inputs: tuple[TensorInfo, ...]
    data: str
    sets: tuple[Arrays, ...] = field(default=(), repr=False, compare=False)
    in_parts: InParts | None = None

    @property
    def method(self) -> str:
        """How it was compared, where not by the outputs alone."""
        if self.in_parts is None:
            return ""
        return f"in parts at {plural(self.in_parts.choosing, 'choosing op')}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Level by level, what was compared within the graph."""
        return () if self.in_parts is None else self.in_parts.parts


def verify(reference: str, candidate: str, options: VerifyOptions) -> Verified:
    """Compare the model at ``candidate`` with the one at ``reference``.

    Raises:
        InputError: a model cannot be read, or inputs and outputs of the two do not belong together.
        MissingExtraError: a runtime is not installed.
        WorkerError: a runtime refused or crashed.
    """
    return compare_sides(open_side(reference, options), open_side(candidate, options), options)


def verify_fixed(fixed: Fixed, options: VerifyOptions | None = None, *, parts: bool = True) -> Verified:
    """Compare a repaired graph with what it was, both in TensorFlow; needs ``FixOptions.keep_original``.

    Where a graph chooses and its outputs differ, or do not move, end to end, it is compared in parts, unless ``parts``
    is False.

    Raises:
        InputError: a rewrite gave the graph other outputs.
        MissingExtraError: TensorFlow is not installed.
        WorkerError: TensorFlow refused one of the graphs.
    """
    opened = fixed.opened
    renewed = next((a.rewrite for a in fixed.result.applied if a.new_outputs), None)
    if renewed is not None:
        raise InputError(
            f"{renewed} gives the graph other outputs, in plugins that TensorFlow cannot run: nothing can be compared",
            where=opened.model.path,
            remedy="Leave --verify out; compare what the engine detects with what the original does",
        )
    shapes = {i.name: i.shape for i in fixed.inputs_before}
    inputs = tuple(_sized(i, shapes.get(i.name)) for i in opened.inputs())
    outputs = tuple(v.name for v in opened.graph.outputs)
    path = opened.model.path
    pinned = pinned_inputs(fixed)
    turned = frozenset(a.node for a in fixed.result.applied if a.rewrite == _TURNS_INPUT)
    reference = Side(path, "tensorflow", inputs, outputs, fixed.original, pinned, graph=_before(fixed), turned=turned)
    reference = replace(reference, items=_items_at_once(inputs, shapes))
    unsafe = any(a.safety is not Safety.SAFE for a in fixed.result.applied)
    candidate = Side(
        f"{path} (fixed)",
        "tensorflow",
        inputs,
        outputs,
        graphdef_bytes(opened.graph),
        graph=opened.graph,
        narrowed=unsafe,
    )
    options = options or VerifyOptions()
    verified = compare_sides(reference, candidate, options)
    return _in_parts(fixed, verified, options) if parts else verified


def _in_parts(fixed: Fixed, verified: Verified, options: VerifyOptions) -> Verified:
    """``verified``, with a proof in parts where results differ or show nothing end to end, and the graph chooses."""
    sides = verified.reference, verified.candidate
    known = all(s.data is not None and s.graph is not None and not s.items and not s.turned for s in sides)
    if verified.judgement.verdict is Verdict3.SAME or not known or verified.candidate.narrowed:
        return verified
    models = [PartModel(s.data or b"", s.graph, s.pinned) for s in sides if s.graph is not None]
    models[0].graph.outputs = tuple(map(models[0].graph.value, verified.reference.outputs))
    asked = Asked(verified.sets, options.rtol, options.atol, options.timeout, options.seed, not _rounds(fixed))
    found = prove_in_parts(models[0], models[1], asked)
    if found is None:
        return verified
    judgement, first = found.judgement, verified.judgement
    if judgement.verdict is Verdict3.INCONCLUSIVE and first.verdict is Verdict3.DIFFERENT:
        judgement = replace(judgement, reason=f"end to end, {first.reason}; and in parts: {judgement.reason}")
    return replace(verified, judgement=judgement, in_parts=found)


def _rounds(fixed: Fixed) -> bool:
    """True unless each rewrite that was applied is one that rounds nothing."""
    rounding = {r.name: r.row.rounds_constants for r in load_rewrites(pack_names()) if isinstance(r, LoadedRewrite)}
    return bool(fixed.script) or any(rounding.get(a.rewrite, True) for a in fixed.result.applied)


def _before(fixed: Fixed) -> Graph | None:
    """The graph before it was fixed, with the inputs that are still fed."""
    if fixed.original is None:
        return None
    graph = graph_from_bytes(fixed.original)
    graph.inputs = tuple(graph.node(n.name) for n in fixed.opened.graph.inputs if n.name in graph)
    return graph


def _sized(info: TensorInfo, before: Shape) -> TensorInfo:
    """``info`` with the batch that it had before it was opened: the original takes no other."""
    if not info.shape or not before or len(info.shape) != len(before) or info.shape[0] is not None:
        return info
    return TensorInfo(info.name, info.dtype, (before[0], *info.shape[1:]))


def _items_at_once(inputs: Sequence[TensorInfo], before: Mapping[str, Shape]) -> int:
    """The batch of the original where every input had the same one, and has another now; else 0."""
    pairs = {(_first(before.get(i.name)), _first(i.shape)) for i in inputs}
    old, new = pairs.pop() if len(pairs) == 1 else (0, 0)
    return old if old and new and old != new else 0


def _first(shape: Shape) -> int:
    return (shape[0] or 0) if shape else 0


def pinned_inputs(fixed: Fixed) -> dict[str, Array]:
    """Values for inputs that were pinned, or that an unsafe rewrite took away: what inference feeds.

    A guess that does not fit what the rewrite assumed makes the comparison fail; it cannot make it pass.

    Raises:
        InputError: an input of another kind was taken away.
    """
    left = {node.name for node in fixed.opened.graph.inputs}
    gone = (info for info in fixed.inputs_before if info.name not in left)
    return {i.name: fixed.pinned[i.name] if i.name in fixed.pinned else _pinned_value(i) for i in gone}


def _pinned_value(info: TensorInfo) -> Array:
    """``False`` for a learning phase, 1 for a keep_prob."""
    if info.dtype is DType.BOOL:
        return np.zeros([1 if d is None else d for d in info.shape or ()], np.bool_)
    if info.dtype.is_float and info.dtype.numpy is not None and info.shape in (None, ()):
        return np.ones((), info.dtype.numpy)
    raise InputError(
        "a rewrite took this input away, and what to feed the original with is not known",
        where=info.name,
        remedy="Compare the two files with graphdoctor verify and --data",
    )


def open_side(path: str, options: VerifyOptions) -> Side:
    """What ``path`` takes and gives: ONNX by its signature, TensorFlow by the graph's."""
    raw = read_raw(path)
    if raw.kind is Kind.ONNX:
        signature = onnx_signature(raw.data, path)
        data = raw.data if path == "-" else None
        return Side(path, "onnxruntime", signature.inputs, tuple(o.name for o in signature.outputs), data)
    opened = open_any(path, options.signature, raw)
    outputs = tuple(o.name for o in opened.outputs())
    if raw.kind is Kind.UFF:
        require_onnx()
        inputs = tuple(opened.inputs())
        return Side(path, "onnxruntime", inputs, outputs, to_bytes(onnx_from_graph(opened.graph)))
    needs_bytes = opened.model.kind != "graphdef" or path == "-"
    data = graphdef_bytes(opened.graph) if needs_bytes else None
    return Side(path, "tensorflow", tuple(opened.inputs()), outputs, data, graph=opened.graph)


def compare_sides(reference: Side, candidate: Side, options: VerifyOptions) -> Verified:
    """Run the reference on two different inputs and the candidate on both; judge each output."""
    inputs = _pair_names([i.name for i in reference.inputs], [i.name for i in candidate.inputs], "inputs", candidate)
    outputs = _pair_names(reference.outputs, candidate.outputs, "outputs", candidate)
    specs = _agreed(reference, candidate, inputs)
    pairing = _Pairing(reference, candidate, inputs, outputs, options)
    plain = Feeding(tuple(specs), seed=options.seed, data=options.data, ranges=options.ranges)
    refused: WorkerError | None = None
    for feeding in feedings(reference.graph, plain):
        try:
            return _compared(pairing, feeding)
        except WorkerError as e:
            of_sizes = _REFUSED in e.message and not any(words in e.message for words in _NO_VARIABLE)
            if not feeding.guessed or e.where != reference.path or not of_sizes:
                raise
            refused = e
    raise _no_sizes(reference, specs, refused)


_REFUSED = "cannot run the graph"
"""What the worker says where TensorFlow does not run a graph on what it is fed."""
_NO_VARIABLE = ("uninitialized value", "Could not find variable")
"""A graph that was not frozen: no size will help."""


def _compared(pairing: _Pairing, feeding: Feeding) -> Verified:
    verified: Verified | None = None
    for text, sets in feeding.sets():
        judged = pairing.judge(sets)
        verified = Verified(pairing.reference, pairing.candidate, judged, feeding.specs, text, tuple(sets))
        if judged.verdict is not Verdict3.INCONCLUSIVE:
            break
    if verified is None:
        raise InternalError("no inputs were made to compare the models on")
    return verified


def _no_sizes(reference: Side, specs: Sequence[TensorInfo], refused: WorkerError | None) -> InputError:
    open_ = [s for s in specs if s.shape is None or None in s.shape[1:]]
    said = "; ".join(f"{s.name} {dims_text(s.shape)}" for s in open_)
    words = " ".join(f"--input '{s.name}[{example_dims(s.shape)}]'" for s in open_)
    last = f"; of the last TensorFlow said: {refused.message.partition(_REFUSED + ':')[2].strip()}" if refused else ""
    return InputError(
        f"no sizes were found that it runs with: {said}{last}", where=reference.path, remedy=f"Give them: {words}"
    )


@dataclass(frozen=True, slots=True)
class _Pairing:
    """Two sides whose inputs and outputs were matched: reference name to candidate name."""

    reference: Side
    candidate: Side
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    options: VerifyOptions

    def judge(self, sets: Sequence[Arrays]) -> Judgement:
        """Run both on ``sets`` and compare."""
        timeout = self.options.timeout
        expected = self.reference.run(sets, list(self.outputs), timeout)
        mapped = [{self.inputs[name]: array for name, array in one.items()} for one in sets]
        actual = self.candidate.run(mapped, list(self.outputs.values()), timeout)
        renamed = [{name: one[self.outputs[name]] for name in self.outputs} for one in actual]
        if self.candidate.narrowed:
            renamed = [
                {k: _widened(v, to[k]) for k, v in one.items()} for one, to in zip(renamed, expected, strict=True)
            ]
        return judge(expected, renamed, rtol=self.options.rtol, atol=self.options.atol)


def _widened(array: Array, like: Array) -> Array:
    """``array`` of float32 as float64 where ``like`` is that."""
    narrow = array.dtype == np.float32 and like.dtype == np.float64
    return array.astype(like.dtype) if narrow else array


def _plain(name: str) -> str:
    return name.removesuffix(":0")


def _pair_names(reference: Sequence[str], candidate: Sequence[str], what: str, side: Side) -> dict[str, str]:
    """Reference name to candidate name: by name where all are found, by position where there is one of each."""
    known = {_plain(n): n for n in candidate}
    if all(_plain(n) in known for n in reference):
        return {n: known[_plain(n)] for n in reference}
    if len(reference) == len(candidate) == 1:
        return {reference[0]: candidate[0]}
    missing = next(n for n in reference if _plain(n) not in known)
    raise InputError(
        f"has no {what[:-1]} {missing!r}; its {what} are {', '.join(candidate) or 'none'}",
        where=side.path,
        remedy="Name the ones to compare with --input and --output",
    )


def _agreed(reference: Side, candidate: Side, names: Mapping[str, str]) -> list[TensorInfo]:
    """The reference's inputs with the candidate's dimensions where the reference leaves them open."""
    theirs = {i.name: i for i in candidate.inputs}
    agreed = []
    for info in reference.inputs:
        other = theirs[names[info.name]]
        if other.dtype != info.dtype:
            raise InputError(
                f"takes {info.name!r} as {other.dtype.label}, and the reference as {info.dtype.label}",
                where=candidate.path,
                remedy="The two models have different contracts and cannot be compared",
            )
        shape = info.shape if info.shape is not None else other.shape
        if shape is not None and other.shape is not None and len(shape) == len(other.shape):
            shape = tuple(b if a is None else a for a, b in zip(shape, other.shape, strict=True))
        agreed.append(TensorInfo(info.name, info.dtype, shape))
    return agreed
