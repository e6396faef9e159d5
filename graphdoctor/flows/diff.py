"""diff: what differs between two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphdoctor.findings import TensorInfo
from graphdoctor.flows.node_records import change_kind, node_record
from graphdoctor.flows.opening import Opened, SignatureOptions, open_model
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import read_raw
from graphdoctor.ir import NodeDiff, NodeState
from graphdoctor.ir.text import format_state
from graphdoctor.render.text_diff import DiffView
from graphdoctor.render.text_fix import NodeDiff as EditView
from graphdoctor.surgery.compare import GraphDiff, compare_graphs
from graphdoctor.types import dims_text

if TYPE_CHECKING:
    from graphdoctor.flows.uff_views import UffComparison


@dataclass(frozen=True, slots=True)
class ModelDiff:
    """Two opened models and what differs between their graphs."""

    before: Opened
    after: Opened
    graphs: GraphDiff

    @property
    def ends(self) -> tuple[str, ...]:
        """What differs in inputs and outputs, a line each."""
        return (
            *_ends("input", self.before.inputs(), self.after.inputs()),
            *_ends("output", self.before.outputs(), self.after.outputs()),
        )

    @property
    def is_empty(self) -> bool:
        """True if both take, compute and give the same under the same names."""
        return self.graphs.is_empty and not self.ends


def diff_models(before: str, after: str, signature: SignatureOptions | None = None) -> ModelDiff | UffComparison:
    """Open both models and compare their graphs.

    Raises:
        InputError: one cannot be read, or has not an input or output that was given; or one alone is a UFF model.
    """
    raw = read_raw(before), read_raw(after)
    if any(r.kind is Kind.UFF for r in raw):
        from graphdoctor.flows.uff_views import compare_files

        return compare_files(before, after, raw)
    old, new = open_model(before, signature, raw[0]), open_model(after, signature, raw[1])
    return ModelDiff(old, new, compare_graphs(old.graph, new.graph))


def _ends(kind: str, before: list[TensorInfo], after: list[TensorInfo]) -> list[str]:
    old, new = (
        {info.name: f"{info.dtype.label}{dims_text(info.shape)}" for info in infos} for infos in (before, after)
    )
    lines = []
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            lines.append(f"{kind} {name} {old[name]} is gone")
        elif name not in old:
            lines.append(f"{kind} {name} {new[name]} is new")
        elif old[name] != new[name]:
            lines.append(f"{kind} {name} is {new[name]} and was {old[name]}")
    return lines


def diff_view(diff: ModelDiff | UffComparison) -> DiffView:
    """As render takes it."""
    if not isinstance(diff, ModelDiff):
        from graphdoctor.flows.uff_views import uff_diff_view

        return uff_diff_view(diff)
    edits = tuple(EditView(_text(d.before), _text(d.after), change_kind(d)) for d in _by_kind(diff.graphs.nodes))
    return DiffView(
        before=diff.before.model.path,
        after=diff.after.model.path,
        nodes=(len(diff.before.graph), len(diff.after.graph)),
        ends=diff.ends,
        edits=edits,
        renamed=diff.graphs.renamed,
        hints=diff.graphs.hints,
    )


def diff_record(diff: ModelDiff | UffComparison) -> dict[str, Any]:
    """For programs; constants by dtype, shape and sha256."""
    if not isinstance(diff, ModelDiff):
        from graphdoctor.flows.uff_views import uff_diff_record

        return uff_diff_record(diff)
    return {
        "version": 1,
        "before": {"path": diff.before.model.path, "sha256": diff.before.model.sha256},
        "after": {"path": diff.after.model.path, "sha256": diff.after.model.sha256},
        "same": diff.is_empty,
        "ends": list(diff.ends),
        "nodes": [node_record(d) for d in diff.graphs.nodes],
        "renamed": [{"before": old, "after": new} for old, new in diff.graphs.renamed],
    }


def _by_kind(diffs: tuple[NodeDiff, ...]) -> list[NodeDiff]:
    return sorted(diffs, key=lambda d: (("changed", "removed", "added").index(change_kind(d)), d.name))


def _text(state: NodeState | None) -> str:
    return "" if state is None else format_state(state, elide=True)
