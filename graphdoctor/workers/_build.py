"""Building one plan with NVIDIA's parser and builder, step by step."""

from __future__ import annotations

import hashlib
import mmap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphdoctor.jobs.spec import EngineAnswer, EngineError, EngineRequest, EngineTensor, ShapeRange
from graphdoctor.workers._serve import RefusedError
from graphdoctor.workers._trt import Builder, Log, builder_errors, open_builder, parser_errors, tensor


class Build:
    """One build, step by step. NVIDIA's objects refer to each other, so all of them live until the end."""

    def __init__(self, request: EngineRequest) -> None:
        self.request = request
        self.log = Log()
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()
        self.backend: Builder = open_builder(request.backends, self.log)
        self._clock("import")
        self.network = self.backend.builder.create_network(_network_flags(self.backend.trt))
        self.parser = self.backend.trt.OnnxParser(self.network, self.backend.logger)

    def answer(self) -> EngineAnswer:
        """Go through the steps until one of them has errors."""
        parsed, errors = self.parse()
        size, digest = 0, ""
        if parsed and not errors and self.request.build:
            errors = self.configure()
        if parsed and not errors and self.request.build:
            size, digest, errors = self.build()
        return EngineAnswer(
            backend=self.backend.name,
            version=self.backend.version,
            parsed=parsed,
            built=size > 0,
            errors=errors,
            tried=self.backend.tried,
            inputs=self.inputs(),
            outputs=tuple(tensor(self.network.get_output(i)) for i in range(self.network.num_outputs)),
            size=size,
            plan_sha256=digest,
            onnx_sha256=self.onnx_sha256,
            seconds=self.seconds,
            log=tuple(line for _, line in self.log.lines),
            log_counts=dict(self.log.counts),
        )

    def parse(self) -> tuple[bool, tuple[EngineError, ...]]:
        """Hand the model to the parser, from the page cache rather than from a copy."""
        self.log.stage = "parse"
        with mapped(self.request.onnx) as data:
            self.onnx_sha256 = hashlib.sha256(data).hexdigest()
            self._clock("hash")
            parsed = self.parser.parse(data, self.request.onnx)
        errors = parser_errors(self.parser)
        self._clock("parse")
        if parsed and not self.network.num_outputs:
            return False, (EngineError("parse", "the model has no outputs"),)
        return bool(parsed), errors

    def configure(self) -> tuple[EngineError, ...]:
        """Set compute capabilities and the optimization profile."""
        self.log.stage = "options"
        self.config = self.backend.builder.create_builder_config()
        errors = self._set_capabilities() + _profile_errors(self.inputs(), self.request.profiles)
        errors += self._shape_inputs()
        if not errors and self.request.profiles:
            errors = self._add_profile()
        return errors

    def build(self) -> tuple[int, str, tuple[EngineError, ...]]:
        """Build, write the plan, and give its size in bytes and its SHA-256."""
        self.log.stage = "build"
        plan = self.backend.builder.build_serialized_network(self.network, self.config)
        self._clock("build")
        if plan is None:
            messages = self.log.errors("build") or ["the builder gave no engine and no reason"]
            return 0, "", builder_errors(messages, self.network)
        view = memoryview(plan)
        if self.request.plan:
            _write(Path(self.request.plan), view)
        digest = hashlib.sha256(view).hexdigest()
        self._clock("write")
        return view.nbytes, digest, ()

    def inputs(self) -> tuple[EngineTensor, ...]:
        """The network's inputs; none before parsing."""
        return tuple(tensor(self.network.get_input(i)) for i in range(self.network.num_inputs))

    def _set_capabilities(self) -> tuple[EngineError, ...]:
        wanted = self.request.compute_capabilities
        known = getattr(self.backend.trt, "ComputeCapability", None)
        if not wanted:
            return ()
        if known is None or not hasattr(self.config, "num_compute_capabilities"):
            text = f"{self.backend.name} {self.backend.version} builds for the GPU it runs on and no other"
            return (EngineError("options", f"{text}; leave out the compute capability"),)
        unknown = [name for name in wanted if not hasattr(known, name)]
        if unknown:
            return (EngineError("options", f"{self.backend.name} does not know {', '.join(unknown)}"),)
        self.config.num_compute_capabilities = len(wanted)
        refused = [n for i, n in enumerate(wanted) if not self.config.set_compute_capability(getattr(known, n), i)]
        return tuple(EngineError("options", f"{self.backend.name} refuses {name}") for name in refused)

    def _shape_inputs(self) -> tuple[EngineError, ...]:
        values = (self.network.get_input(i) for i in range(self.network.num_inputs))
        return tuple(
            EngineError("options", f"the values of the input {v.name} decide shapes; make it a constant")
            for v in values
            if v.is_shape_tensor
        )

    def _add_profile(self) -> tuple[EngineError, ...]:
        profile = self.backend.builder.create_optimization_profile()
        for name, shapes in self.request.profiles.items():
            profile.set_shape(name, shapes.min, shapes.opt, shapes.max)
        if self.config.add_optimization_profile(profile) >= 0:
            return ()
        messages = self.log.errors("options") or ["the builder refuses the optimization profile"]
        return tuple(EngineError("options", text) for text in messages)

    def _clock(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self._last = now


def _write(place: Path, plan: memoryview) -> None:
    try:
        with place.open("xb") as file:
            file.write(plan)
    except OSError as e:
        raise RefusedError(f"the plan cannot be written to {place.parent}: {e.strerror or e}") from e


@contextmanager
def mapped(path: str) -> Iterator[mmap.mmap]:
    """A file's bytes, read-only and not copied; the file must not be empty."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _network_flags(trt: Any) -> int:
    """Explicit batch where the release still has to be told; it is the only mode since TensorRT 10."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    return 0 if flag is None else 1 << int(flag)


def _profile_errors(inputs: tuple[EngineTensor, ...], profiles: dict[str, ShapeRange]) -> tuple[EngineError, ...]:
    """What is wrong with the shapes asked for, input by input; the builder itself names only the first."""
    names = {value.name for value in inputs}
    texts = [
        f"there is no input {name} to give shapes for; there is {', '.join(sorted(names)) or 'none'}"
        for name in profiles
        if name not in names
    ]
    texts += [text for value in inputs for text in _input_errors(value, profiles.get(value.name))]
    return tuple(EngineError("options", text) for text in texts)


def _input_errors(value: EngineTensor, shapes: ShapeRange | None) -> list[str]:
    shown = "[*]" if value.shape is None else f"[{','.join('?' if d is None else str(d) for d in value.shape)}]"
    if shapes is None:
        known = value.shape is not None and None not in value.shape
        remedy = f"give all of them with --input '{value.name}[...]'"
        return [] if known else [f"the input {value.name} has unknown dimensions {shown}: {remedy}"]
    triples = list(zip(shapes.min, shapes.opt, shapes.max, strict=False))
    ranks = {len(shapes.min), len(shapes.opt), len(shapes.max)} | (set() if value.shape is None else {len(value.shape)})
    if len(ranks) != 1:
        return [f"the shapes for the input {value.name} {shown} are of another rank"]
    errors = [
        f"dimension {axis} of the input {value.name} needs min <= opt <= max, not {low}, {usual}, {high}"
        for axis, (low, usual, high) in enumerate(triples)
        if not 0 <= low <= usual <= high
    ]
    fixed = enumerate(value.shape or ())
    errors += [
        f"dimension {axis} of the input {value.name} {shown} is fixed and cannot range "
        f"from {triples[axis][0]} to {triples[axis][2]}"
        for axis, size in fixed
        if size is not None and set(triples[axis]) != {size}
    ]
    return errors
