"""Edits as a file: what fix did, done again to a model or taken back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from graphdoctor import __version__
from graphdoctor.errors import InputError, InternalError
from graphdoctor.flows.fix import Fixed
from graphdoctor.flows.opening import Opened, open_model
from graphdoctor.flows.verify import Verified
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import RawModel, graphdef_bytes, load_model, save_graph
from graphdoctor.formats.tensorflow.patch import Proof, ProofPart, apply_patch, make_patch, read_patch, write_patch
from graphdoctor.ir import NodeDiff
from graphdoctor.ir.edits import diff_graphs

_METHOD = "both graphs in TensorFlow on the CPU"
_INPUTS = 2
"""Input sets of every comparison: one to compare on, one to see that the outputs move."""


@dataclass(frozen=True, slots=True)
class Patched:
    """A model after a patch, not yet written, what it changed, and how many nodes there were before and are after."""

    opened: Opened
    nodes: tuple[int, int]
    diff: tuple[NodeDiff, ...]


def save_patch(fixed: Fixed, path: str, verified: Verified | None = None) -> None:
    """Write what ``fixed`` changed, with the proof for each output; needs ``FixOptions.keep_original``.

    Raises:
        InputError: it cannot be written.
    """
    if fixed.original is None:
        raise InternalError("the original was not kept")
    proofs = list(_proofs(verified)) if verified is not None else []
    parts = (
        [ProofPart(p.tensors, p.max_abs, _finite(p.max_rel)) for p in verified.parts] if verified is not None else []
    )
    after = graphdef_bytes(fixed.opened.graph)
    write_patch(make_patch(fixed.original, after, f"graphdoctor {__version__}", proofs, parts), path)


def _proofs(verified: Verified) -> Iterator[Proof]:
    method = f"{_METHOD}, {verified.method}" if verified.method else _METHOD
    inputs = verified.in_parts.trials if verified.in_parts is not None else _INPUTS
    for o in verified.judgement.outputs:
        if o.comparison is not None:
            yield Proof(o.name, method, inputs, o.comparison.max_abs, _finite(o.comparison.max_rel))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def patch_model(path: str, patch_path: str, *, back: bool = False) -> Patched:
    """The model at ``path`` with the patch applied, or taken back.

    Raises:
        InputError: one of the files cannot be read, or the patch is for another graph.
    """
    patch = read_patch(patch_path)
    before = load_model(path).graph
    try:
        data = apply_patch(graphdef_bytes(before), patch.reversed() if back else patch)
        opened = open_model(path, raw=RawModel(Kind.GRAPHDEF, data))
    except InputError as e:
        where = f"{path} with {patch_path}" + (f": {e.where}" if e.where and e.where != path else "")
        raise InputError(e.message, where=where, remedy=e.remedy) from e
    nodes = (len(before), len(opened.graph))
    return Patched(opened, nodes, tuple(diff_graphs(before, opened.graph)))


def write_patched(patched: Patched, path: str) -> None:
    """Write the model; complete or not at all.

    Raises:
        InputError: it cannot be written.
    """
    save_graph(patched.opened.graph, path)
