"""fix: repair a graph with packs of rewrites, write it, prove it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphdoctor.findings import TargetVerdict, TensorInfo
from graphdoctor.flows.opening import Opened, SignatureOptions, open_model
from graphdoctor.formats.tensorflow import graphdef_bytes, save_graph
from graphdoctor.ir import NodeDiff
from graphdoctor.lint import LintOptions, lint
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.surgery import FixResult, Rewrite, load_rewrites, run_rewrites
from graphdoctor.targets import Target


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What ``fix`` was asked for; ``packs`` in order. ``judge``: say the target's verdict before and after."""

    packs: tuple[str, ...]
    target: Target | None = None
    unsafe: bool = False
    signature: SignatureOptions = field(default_factory=SignatureOptions)
    keep_original: bool = False
    judge: bool = False


@dataclass(slots=True)
class Fixed:
    """A repaired graph, not yet written; ``original`` are the GraphDef's bytes before, where they were kept.

    ``verdicts`` are the target's before and after, where they were asked for.
    """

    opened: Opened
    result: FixResult
    nodes_before: int
    inputs_before: tuple[TensorInfo, ...]
    original: bytes | None = None
    verdicts: tuple[TargetVerdict, ...] = ()

    @property
    def diff(self) -> list[NodeDiff]:
        """What changed, by node name."""
        return self.opened.graph.diff(self.result.mark)

    @property
    def changed(self) -> bool:
        """True if writing the graph would give another file."""
        return bool(self.diff)


def fix_model(path: str, options: FixOptions, on_round: Callable[[int, int], None] | None = None) -> Fixed:
    """Open ``path`` and apply the rewrites of the packs; nothing is written.

    Raises:
        InputError: the model cannot be read, or a pack does not exist.
    """
    rewrites = load_rewrites(options.packs)
    opened = open_model(path, options.signature)
    return fix_opened(opened, rewrites, options, on_round)


def fix_opened(
    opened: Opened, rewrites: Sequence[Rewrite], options: FixOptions, on_round: Callable[[int, int], None] | None = None
) -> Fixed:
    """Apply ``rewrites`` to an opened model."""
    before, inputs = len(opened.graph), tuple(opened.inputs())
    original = graphdef_bytes(opened.graph) if options.keep_original else None
    was = _judged(opened, options)
    result = run_rewrites(opened.graph, rewrites, target=options.target, unsafe=options.unsafe, on_round=on_round)
    opened.specs = infer_shapes(opened.graph)
    return Fixed(opened, result, before, inputs, original, (*was, *_judged(opened, options)))


def _judged(opened: Opened, options: FixOptions) -> tuple[TargetVerdict, ...]:
    """The target's verdict as the graph is now; none where it was not asked for."""
    if options.target is None or not options.judge:
        return ()
    return lint(opened.graph, opened.specs, [options.target], LintOptions(report=())).verdicts


def write_fixed(fixed: Fixed, path: str) -> None:
    """Write the repaired graph; complete or not at all.

    Raises:
        InputError: it cannot be written.
    """
    save_graph(fixed.opened.graph, path)
