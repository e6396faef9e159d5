"""inspect and diff of UFF files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from graphdoctor.errors import InputError
from graphdoctor.findings import TensorInfo
from graphdoctor.formats.kinds import Kind, explain
from graphdoctor.formats.tensorflow import RawModel
from graphdoctor.formats.uff import UffFile, load_uff
from graphdoctor.formats.uff.compare import UffDiff, compare_uff
from graphdoctor.render.text_diff import DiffView
from graphdoctor.render.text_fix import NodeDiff
from graphdoctor.render.text_inspect import InspectView, RankedOutput, Suggestion, Weight
from graphdoctor.types import DType, Shape
from graphdoctor.wire.uff import UffModel, UffNode, constant_of, dtype_of
from graphdoctor.wire.uff.model import CONST, MARK_OUTPUT

_LARGEST = 5
_NOTES = 3


def inspect_uff(path: str, data: bytes) -> InspectView:
    """Describe the UFF file at ``path``.

    Raises:
        InputError: it is damaged.
    """
    file = load_uff(path, data)
    model = file.model
    weights = sorted(_weights(model), key=lambda w: (-w.size, w.tensor.name))
    return InspectView(
        path=path,
        kind="uff",
        size=file.size,
        sha256=file.sha256,
        uff=_versions(model),
        nodes=sum(1 for _ in model.nodes()),
        inputs=tuple(input_info(model, n) for g in model.graphs for n in g.inputs()),
        outputs=tuple(_outputs(model)),
        ops=tuple(sorted(_ops(model).items(), key=lambda kv: (-kv[1], kv[0]))),
        weight_count=len(weights),
        weight_size=sum(w.size for w in weights),
        weights=tuple(weights[:_LARGEST]),
        notes=tuple(_notes(model)),
        suggestions=(Suggestion("Say what stands in its way:", f"graphdoctor check {path} --target trt8-uff"),),
    )


def _versions(model: UffModel) -> str:
    sets = ", ".join(f"{d.id} {d.version}{' (optional)' if d.optional else ''}" for d in model.descriptors)
    return f"version {model.version}, core {model.core_version}, {sets or 'no descriptors'}"


def input_info(model: UffModel, node: UffNode) -> TensorInfo:
    """Name, dtype and shape of an Input; a dimension of -1 is not known, and no dimensions are no shape."""
    number, dims = model.value(node, "dtype", "dtype"), model.value(node, "shape", "i_list")
    shape: Shape = tuple(None if d < 0 else d for d in dims) if isinstance(dims, tuple) and dims else None
    return TensorInfo(node.id, dtype_of(number) if isinstance(number, int) else DType.INVALID, shape)


def _outputs(model: UffModel) -> list[RankedOutput]:
    marks = [n for n in model.nodes() if n.op == MARK_OUTPUT]
    ops = {n.id: n for n in model.nodes()}
    return [
        RankedOutput(TensorInfo(i, DType.INVALID, None), f"marked by {m.id}; {_op(model, ops[i]) if i in ops else '?'}")
        for m in marks
        for i in m.inputs
    ]


def _ops(model: UffModel) -> Counter[str]:
    return Counter(_op(model, node) for node in model.nodes())


def _op(model: UffModel, node: UffNode) -> str:
    """The op with what it computes: ``Binary add``."""
    function = model.value(node, "func", "s")
    return f"{node.op} {function}" if isinstance(function, str) else node.op


def _weights(model: UffModel) -> list[Weight]:
    constants = (constant_of(model, n) for n in model.nodes() if n.op == CONST)
    return [
        Weight(TensorInfo(c.id, c.dtype, tuple(None if d < 0 else d for d in c.shape)), c.size) for c in constants if c
    ]


def _notes(model: UffModel) -> list[str]:
    notes = [f"{lost.where}: {lost.what}" for lost in model.lost[:_NOTES]]
    if len(model.lost) > _NOTES:
        notes.append(f"{len(model.lost) - _NOTES} more things that are none of UFF")
    plugins = sorted({n.op[1:] for n in model.nodes() if n.is_custom})
    if plugins:
        notes.append(f"the parser needs plugins for {', '.join(plugins)}")
    return notes


@dataclass(frozen=True, slots=True)
class UffComparison:
    """Two UFF files and what differs between them."""

    before: UffFile
    after: UffFile
    diff: UffDiff

    @property
    def is_empty(self) -> bool:
        """True if both say the same of the same ids."""
        return self.diff.is_empty


def compare_files(before: str, after: str, raw: tuple[RawModel, RawModel]) -> UffComparison:
    """Read two files, of which at least one is UFF, and compare them.

    Raises:
        InputError: one is damaged or no UFF model.
    """
    for path, (kind, _) in zip((before, after), raw, strict=True):
        if kind is not Kind.UFF:
            other = "The other is a UFF model, which is compared with UFF models alone; convert this one first"
            raise InputError(f"is {explain(kind).what}", where=path, remedy=other)
    old, new = load_uff(before, raw[0].data), load_uff(after, raw[1].data)
    return UffComparison(old, new, compare_uff(old.model, new.model))


def uff_diff_view(comparison: UffComparison) -> DiffView:
    """As render takes it."""
    old, new, diff = comparison.before, comparison.after, comparison.diff
    return DiffView(
        before=old.path,
        after=new.path,
        nodes=(len(list(old.model.nodes())), len(list(new.model.nodes()))),
        ends=diff.head,
        edits=tuple(NodeDiff(n.before, n.after, n.kind) for n in diff.nodes),
        renamed=diff.renamed,
        hints=0,
    )


def uff_diff_record(comparison: UffComparison) -> dict[str, Any]:
    """For programs; nodes in the written form, weights by the start of their sha256."""
    diff = comparison.diff
    return {
        "version": 1,
        "before": {"path": comparison.before.path, "sha256": comparison.before.sha256},
        "after": {"path": comparison.after.path, "sha256": comparison.after.sha256},
        "same": diff.is_empty,
        "ends": list(diff.head),
        "nodes": [
            {"change": n.kind, "name": n.id, "before": n.before or None, "after": n.after or None} for n in diff.nodes
        ],
        "renamed": [{"before": old, "after": new} for old, new in diff.renamed],
    }
