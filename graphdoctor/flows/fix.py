"""fix: repair a graph with packs of rewrites, write it, prove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphdoctor.findings import TargetVerdict, TensorInfo
from graphdoctor.flows.opening import Opened, SignatureOptions, open_any, open_model
from graphdoctor.flows.scripted import run_over
from graphdoctor.formats.tensorflow import graphdef_bytes, save_graph
from graphdoctor.ir import Graph, NodeDiff
from graphdoctor.ir.edits import diff_graphs
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.runners.script import SECONDS
from graphdoctor.surgery import (
    BAKE,
    OPENING,
    FixResult,
    Pin,
    Rewrite,
    bake_batch,
    load_rewrites,
    pin_inputs,
    run_rewrites,
)
from graphdoctor.surgery.packs import LoadedRewrite
from graphdoctor.targets import Target
from graphdoctor.types import Array


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What ``fix`` was asked for: ``packs`` in order, behind the ``preprocess`` of ``script`` where one is given.

    ``judge``: say the target's verdict before and after. ``pins``: inputs that become constants first. ``batch``: items
    that every input gets for good, 0 for as it is. ``timeout``: seconds that the script may take; ``None`` is an hour.
    ``places``: where other packs are.
    """

    packs: tuple[str, ...]
    target: Target | None = None
    unsafe: bool = False
    signature: SignatureOptions = field(default_factory=SignatureOptions)
    keep_original: bool = False
    judge: bool = False
    script: str = ""
    pins: tuple[Pin, ...] = ()
    batch: int = 0
    timeout: float | None = None
    places: tuple[str, ...] = ()


@dataclass(slots=True)
class Fixed:
    """A repaired graph, not yet written.

    ``original`` are the GraphDef's bytes before, where they were kept. ``script`` is the script that changed the graph
    before any rewrite, ``scripted`` the graph before that, ``by_script`` what it changed, ``said`` what it printed.
    ``verdicts`` are the target's before and after, where they were asked for. ``pinned`` are the values of inputs that
    the user pinned. ``packs`` says from which pack each rewrite came.
    """

    opened: Opened
    result: FixResult
    nodes_before: int
    inputs_before: tuple[TensorInfo, ...]
    original: bytes | None = None
    verdicts: tuple[TargetVerdict, ...] = ()
    script: str = ""
    scripted: Graph | None = None
    by_script: tuple[NodeDiff, ...] = ()
    said: str = ""
    pinned: Mapping[str, Array] = field(default_factory=dict)
    packs: Mapping[str, str] = field(default_factory=dict)

    @property
    def diff(self) -> list[NodeDiff]:
        """What changed, by node name."""
        if self.scripted is not None:
            return diff_graphs(self.scripted, self.opened.graph)
        return self.opened.graph.diff(self.result.mark)

    @property
    def changed(self) -> bool:
        """True if writing the graph would give another file."""
        return bool(self.diff)


def fix_model(path: str, options: FixOptions, on_round: Callable[[int, int], None] | None = None) -> Fixed:
    """Open ``path`` and apply the rewrites of the packs; nothing is written.

    Raises:
        InputError: the model cannot be read, or a pack does not exist.
        WorkerError: the script fails.
    """
    rewrites = load_rewrites(options.packs, options.places)
    if options.script:
        return _fix_scripted(path, rewrites, options, on_round)
    return fix_opened(open_model(path, options.signature), rewrites, options, on_round)


def fix_any(path: str, options: FixOptions) -> Fixed:
    """As :func:`fix_model`; a UFF model too, as the graph that TensorRT's parser finds in it."""
    return fix_opened(open_any(path, options.signature), load_rewrites(options.packs, options.places), options)


def _fix_scripted(
    path: str, rewrites: Sequence[Rewrite], options: FixOptions, on_round: Callable[[int, int], None] | None
) -> Fixed:
    """Let the script change the graph, then the rewrites; what was before is the graph before both."""
    run = run_over(path, options.script, options.signature, options.timeout or SECONDS)
    by_script = tuple(diff_graphs(run.before, run.opened.graph))
    fixed = fix_opened(run.opened, rewrites, options, on_round)
    was = _judged(run.before, infer_shapes(run.before), options)
    return replace(
        fixed,
        nodes_before=len(run.before),
        original=run.original,
        verdicts=(*was, *fixed.verdicts[1:]),
        script=options.script,
        scripted=run.before,
        by_script=by_script,
        said=run.said,
    )


def fix_opened(
    opened: Opened, rewrites: Sequence[Rewrite], options: FixOptions, on_round: Callable[[int, int], None] | None = None
) -> Fixed:
    """Pin inputs of an opened model, fix its batch, and apply ``rewrites`` to it.

    Raises:
        InputError: a pin names no placeholder, its value does not fit, or the batch cannot be what was asked for.
    """
    before, inputs = len(opened.graph), tuple(opened.inputs())
    original = graphdef_bytes(opened.graph) if options.keep_original else None
    was = _judged(opened.graph, opened.specs, options)
    first, pinned = pin_inputs(opened.graph, options.pins)
    baked = bake_batch(opened.graph, options.batch).applied if options.batch else []
    rewrites = [r for r in rewrites if not options.batch or r.name not in OPENING]
    result = run_rewrites(opened.graph, rewrites, target=options.target, unsafe=options.unsafe, on_round=on_round)
    applied = [*first.applied, *baked, *result.applied]
    result = replace(result, applied=applied, mark=first.mark, before=first.before)
    opened.specs = infer_shapes(opened.graph)
    verdicts = (*was, *_judged(opened.graph, opened.specs, options))
    packs = {**dict.fromkeys((BAKE, *OPENING), "--batch"), **_packs(rewrites)}
    return Fixed(opened, result, before, inputs, original, verdicts, pinned=pinned, packs=packs)


def _packs(rewrites: Sequence[Rewrite]) -> dict[str, str]:
    return {r.name: r.pack for r in rewrites if isinstance(r, LoadedRewrite)}


def _judged(graph: Graph, specs: Specs, options: FixOptions) -> tuple[TargetVerdict, ...]:
    """The target's verdict as the graph is now; none where it was not asked for."""
    if options.target is None or not options.judge:
        return ()
    return lint(graph, specs, [options.target], LintOptions(report=())).verdicts


def write_fixed(fixed: Fixed, path: str) -> None:
    """Write the repaired graph; complete or not at all.

    Raises:
        InputError: it cannot be written.
    """
    save_graph(fixed.opened.graph, path)
