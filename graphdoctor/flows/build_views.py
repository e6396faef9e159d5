"""A build as the record that render takes."""

from __future__ import annotations

from graphdoctor.engines import EngineTensor
from graphdoctor.findings import TensorInfo
from graphdoctor.flows.build import Built
from graphdoctor.render.text_build import BuildProblem, BuildView
from graphdoctor.types import DType

_STEPS = ("import", "parse", "build")


def build_view(model: str, built: Built) -> BuildView:
    """The plan, or NVIDIA's complaints against the nodes of the graph."""
    r = built.result
    return BuildView(
        model=model,
        ok=r.ok,
        plan=str(r.plan) if r.ok else "",
        backend=r.backend,
        version=r.version,
        compute_capabilities=r.compute_capabilities,
        size=r.size,
        seconds=r.seconds.get("total", 0.0),
        steps=tuple((s, r.seconds[s]) for s in _STEPS if s in r.seconds),
        inputs=tuple(_tensor(t) for t in r.inputs),
        outputs=tuple(_tensor(t) for t in r.outputs),
        sidecar=str(built.sidecar) if built.sidecar else "",
        problems=tuple(BuildProblem(e.nodes, e.operator, e.reason, e.stage) for e in built.errors),
        tried=r.tried if not r.ok else (),
        by=built.by,
        warnings=tuple(line.text for line in r.log if line.severity == "warning"),
    )


def _tensor(t: EngineTensor) -> TensorInfo:
    shape = None if t.shape is None else tuple(None if d is None or d < 0 else d for d in t.shape)
    return TensorInfo(t.name, DType.parse(t.dtype) or DType.INVALID, shape)
