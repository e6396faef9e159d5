"""What a round of rewrites must leave as it was: the interface of the graph, and its soundness."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.ir import Broken, Graph, TensorSpec, Value, broken_invariants
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import DType

Promise = tuple[str, TensorSpec]
"""A name and what is known of the value."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Names, dtypes and shapes of the inputs and outputs at one time.

    ``outputs`` is ``None`` where a rewrite that may has given the graph other ones.
    """

    inputs: tuple[Promise, ...]
    outputs: tuple[Promise, ...] | None

    @classmethod
    def of(cls, graph: Graph, specs: Specs) -> Contract:
        """The contract that ``graph`` keeps now."""
        return cls(
            tuple((n.name, specs.output(n)) for n in graph.inputs),
            tuple((v.name, specs.of(v)) for v in graph.outputs),
        )

    def broken(
        self,
        graph: Graph,
        specs: Specs,
        *,
        missing: frozenset[str],
        cyclic: bool,
        inputs_may_change: bool,
        outputs_may_be_unknown: bool = False,
    ) -> Broken | None:
        """The first invariant that does not hold of ``graph`` now.

        Args:
            graph: after a round; ``specs`` are its specs.
            specs: what is known of its values.
            missing: names that dangled before the first edit, and may still.
            cyclic: the graph had a cycle before the first edit, and may still.
            inputs_may_change: something unsafe was applied: inputs may have gone or have another dtype, the first
                dimension of an output may have become unknown, and one of float64 may be float32.
            outputs_may_be_unknown: something unsafe of others was applied, which may lead through ops of their own.
        """
        for broken in broken_invariants(graph, allow_missing=missing):
            if not (broken.invariant == "acyclic" and cyclic):
                return broken
        values = tuple(n.out() for n in graph.inputs)
        lost = None if inputs_may_change else _kept("input", self.inputs, values, specs)
        if lost or self.outputs is None:
            return lost
        return _kept(
            "output",
            self.outputs,
            graph.outputs,
            specs,
            loose=inputs_may_change,
            may_be_unknown=outputs_may_be_unknown,
        )


def _kept(
    kind: str,
    before: tuple[Promise, ...],
    values: tuple[Value, ...],
    specs: Specs,
    *,
    loose: bool = False,
    may_be_unknown: bool = False,
) -> Broken | None:
    if len(before) != len(values):
        return Broken("keeps-interface", "", f"there were {len(before)} {kind}s and would be {len(values)}")
    for (name, was), value in zip(before, values, strict=True):
        if value.name != name:
            return Broken("keeps-interface", name, f"the {kind} would be called {value.name}")
        now = specs.of(value)
        if may_be_unknown and now.shape is None and now.dtype in (was.dtype, DType.INVALID):
            continue
        if loose:
            was = _loosened(was, now)
        if was.dtype not in (now.dtype, DType.INVALID) or not _compatible(was, now):
            return Broken("keeps-interface", name, f"the {kind} was {was} and would be {now}")
    return None


def _loosened(was: TensorSpec, now: TensorSpec) -> TensorSpec:
    """What an unsafe rewrite must keep of an output: not the batch, and not double precision."""
    narrowed = (was.dtype, now.dtype) == (DType.DOUBLE, DType.FLOAT)
    return TensorSpec(now.dtype if narrowed else was.dtype, (None, *was.shape[1:]) if was.shape else was.shape)


def _compatible(before: TensorSpec, after: TensorSpec) -> bool:
    """Equal as far as both are known; nothing that was known may be lost."""
    if before.shape is None:
        return True
    if after.shape is None or len(after.shape) != len(before.shape):
        return False
    return all(b is None or a == b for a, b in zip(after.shape, before.shape, strict=True))
