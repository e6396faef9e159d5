"""``PLAN.json`` beside a plan: what it was built from, with what, and for which GPUs.

A plan is bound to the builder's version and to the compute capabilities it was built for, and does not say
so in a form that people can read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graphdoctor import __version__
from graphdoctor.engines.build import EngineResult
from graphdoctor.errors import InputError
from graphdoctor.jobs.spec import EngineTensor

VERSION = 1
"""The version of the sidecar's schema; it grows when a key changes its meaning or goes."""


def sidecar_path(plan: str | Path) -> Path:
    """``model.plan.json`` for ``model.plan``."""
    return Path(plan).with_name(Path(plan).name + ".json")


def write_sidecar(result: EngineResult, *, source: str = "", source_sha256: str = "") -> Path:
    """Write the sidecar of a plan that was built, and give its path.

    Args:
        source: the model the user started from, as they called it.
        source_sha256: its SHA-256 in hexadecimal; leave both empty when the ONNX file is all there is.

    Raises:
        InputError: the file cannot be written.
        ValueError: there is no plan, since the build failed.
    """
    import json

    if not result.ok:
        raise ValueError("a build that failed has no plan to describe")
    path = sidecar_path(result.plan)
    record = _record(result, source, source_sha256)
    draft = path.with_name(f".{path.name[:100]}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        draft.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as e:
        raise InputError(f"cannot be written: {e.strerror}", where=str(path), remedy="Choose another place") from e
    finally:
        draft.unlink(missing_ok=True)
    return path


def _record(result: EngineResult, source: str, source_sha256: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "tool": {"name": "graphdoctor", "version": __version__},
        "created": _now(),
        "plan": {"file": result.plan.name, "bytes": result.size, "sha256": result.plan_sha256},
        "source": {"path": source, "sha256": source_sha256} if source_sha256 else None,
        result.parser: {"sha256": result.parsed_sha256},
        "backend": {"module": result.backend, "version": result.version, "parser": result.parser},
        "compute_capabilities": {
            "asked": list(result.compute_capabilities) if result.asked else [],
            "built_for": list(result.compute_capabilities),
            "note": _note(result),
        },
        "inputs": [_tensor(t) for t in result.inputs],
        "outputs": [_tensor(t) for t in result.outputs],
        "log": dict(sorted(result.log_counts.items())),
        "seconds": {step: round(value, 3) for step, value in result.seconds.items()},
    }


def _now() -> str:
    from datetime import datetime, timezone

    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _note(result: EngineResult) -> str:
    if result.asked:
        return "as asked for"
    if not result.compute_capabilities:
        return "the builder's default: the GPU of the machine it ran on"
    return "the builder's documented default; later GPUs run it too"


def _tensor(value: EngineTensor) -> dict[str, Any]:
    return {
        "name": value.name,
        "dtype": value.dtype,
        "shape": None if value.shape is None else list(value.shape),
    }
