"""cure: check, fix, convert, build and verify one model for one target; every artefact stays."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from graphdoctor.compare import Comparison, Verdict3
from graphdoctor.engines import BuildOptions, UffParser
from graphdoctor.engines.backends import UFF
from graphdoctor.errors import GraphdoctorError, InputError, UnsupportedError
from graphdoctor.findings import ModelReport, Severity, Verdict
from graphdoctor.flows.build import Built, Source, build_source, check_options
from graphdoctor.flows.build_uff import UffSource, build_with, ops_of, parser_for, twin_note
from graphdoctor.flows.check import CheckOptions, check_opened
from graphdoctor.flows.convert import write_uff
from graphdoctor.flows.cut_proof import is_proven, prove_cut
from graphdoctor.flows.cutting import Cut, cut_opened, write_cut
from graphdoctor.flows.fix import Fixed, FixOptions, fix_opened, write_fixed
from graphdoctor.flows.live import merged
from graphdoctor.flows.live_uff import heard_of
from graphdoctor.flows.opening import Opened, SignatureOptions, keep_input, open_any
from graphdoctor.flows.uff_twin import onnx_twin, registered_inputs, registration
from graphdoctor.flows.verify import Side, Verified, VerifyOptions, compare_sides, pinned_inputs
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, require_onnx, to_bytes
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.render.text_cure import Artefact, CureStep, Status
from graphdoctor.surgery import Rewrite, load_rewrites
from graphdoctor.targets import Target
from graphdoctor.wire.uff import UffModel
from graphdoctor.words import plural

ARTEFACTS = (
    "fixed.pb",
    "engine.pb",
    "engine.host.py",
    "model.uff",
    "model.onnx",
    "model.plan",
    "model.plan.json",
    "report.json",
)
"""What a run may leave in its folder."""


@dataclass(frozen=True, slots=True)
class CureOptions:
    """What ``cure`` was asked for; ``packs`` empty: those of the target; ``places``: where other packs are.

    ``cut``: names to cut behind, empty where the place is to be found, ``None`` for no cut.
    """

    target: Target
    folder: str
    packs: tuple[str, ...] = ()
    unsafe: bool = False
    signature: SignatureOptions = field(default_factory=SignatureOptions)
    build: BuildOptions = field(default_factory=BuildOptions)
    verify: VerifyOptions = field(default_factory=VerifyOptions)
    places: tuple[str, ...] = ()
    cut: tuple[str, ...] | None = None


@dataclass(slots=True)
class Cure:
    """One run; steps are added as they end. ``failed`` is set when a step could not be done at all."""

    model: str
    options: CureOptions
    steps: list[CureStep] = field(default_factory=list)
    before: ModelReport | None = None
    after: ModelReport | None = None
    fixed: Fixed | None = None
    parser: UffParser | None = None
    uff: UffModel | None = None
    onnx: OnnxModel | None = None
    built: Built | None = None
    verified: Verified | None = None
    cut: Cut | None = None
    engine: Opened | None = None
    proof: Verified | None = None
    failed: GraphdoctorError | None = None

    @property
    def folder(self) -> Path:
        """Where the artefacts go."""
        return Path(self.options.folder)

    def exit_code(self) -> int:
        """0: everything holds; 1: findings are left or the numbers are not shown to be the same; 2: a step failed."""
        if self.failed is not None or (self.built is not None and not self.built.result.ok):
            return 2
        same = self.verified is not None and self.verified.judgement.verdict is Verdict3.SAME
        return 0 if same and self.is_host_right() and not self.doubt() else 1

    def is_host_right(self) -> bool:
        """True if nothing was cut off, or what was cut off is shown to give TensorFlow's numbers."""
        if self.cut is None or not self.cut.host:
            return True
        return self.proof is not None and is_proven(self.proof, self.cut)

    def has_engine(self) -> bool:
        """True if the plan is one of the target: made by its own parser and builder."""
        if self.built is None or not self.built.result.ok:
            return False
        return self.options.target.live or self.built.result.parser == UFF

    def doubt(self) -> str:
        """Why the fixed graph is not known to run on the target; empty if it is. An engine of the target is proof."""
        if self.after is None:
            return "the fixed graph was not checked"
        if _errors(self.after):
            return f"errors are left for {self.options.target.name}"
        verdict = next((v for v in self.after.verdicts if v.target == self.options.target.name), None)
        if verdict is None or verdict.verdict is Verdict.COMPATIBLE or self.has_engine():
            return ""
        return f"{verdict.verdict.value} with {verdict.target}: {verdict.reason}"


def cure(path: str, options: CureOptions, on_step: Callable[[CureStep], None] = lambda _: None) -> Cure:
    """Take the model at ``path`` the whole way to an engine, and compare it with TensorFlow.

    A step that cannot be done ends the run; the steps before it stay, with their artefacts.

    Raises:
        InputError: an option is wrong, the model cannot be read or would be written over, or the folder cannot be
            used.
    """
    run = Cure(path, options)
    rewrites = load_rewrites(options.packs or options.target.packs, options.places)
    check_options(options.build)
    run.parser = _uff_parser(options)
    for name in ARTEFACTS:
        keep_input(path, run.folder / name, "Choose another folder")
    opened = open_any(path, options.signature)
    _clear_folder(run.folder)
    original = graphdef_bytes(opened.graph)
    steps = (
        ("check", lambda: _check(run, opened)),
        ("fix", lambda: _fix(run, opened, rewrites)),
        ("cut", lambda: _cut(run, opened)),
        ("convert", lambda: _convert(run, run.engine or opened)),
        ("build", lambda: _build(run, run.engine or opened)),
        ("verify", lambda: _verify(run, opened, original)),
    )
    for name, step in steps if options.cut is not None else [s for s in steps if s[0] != "cut"]:
        done = _timed(run, name, step)
        run.steps.append(done)
        on_step(done)
    return run


def _uff_parser(options: CureOptions) -> UffParser | None:
    if options.target.parser == UFF:
        return parser_for(options.build, options.target)
    if options.build.backend != UFF:
        return None
    raise InputError(
        f"{options.target.name} reads no UFF", where="--backend uff", remedy="Take a target with the UFF parser"
    )


def _clear_folder(folder: Path) -> None:
    """Make the folder, without what an earlier run left: an artefact that is there is this run's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ARTEFACTS:
            (folder / name).unlink(missing_ok=True)
    except OSError as e:
        raise InputError(f"the folder cannot be used: {e.strerror}", where=str(folder), remedy="Choose another") from e


def _timed(run: Cure, name: str, step: Callable[[], CureStep]) -> CureStep:
    """Do a step unless one before it failed; a failure becomes the step's result."""
    if run.failed is not None or (run.built is not None and not run.built.result.ok):
        return CureStep(name, "skipped", 0.0, "not tried: a step before it failed")
    start = time.perf_counter()
    try:
        done = step()
    except GraphdoctorError as e:
        run.failed = e
        done = CureStep(name, "failed", 0.0, str(e))
    return replace(done, name=name, seconds=time.perf_counter() - start)


def _errors(report: ModelReport) -> int:
    return sum(f.severity is Severity.ERROR for f in report.findings)


def _check(run: Cure, opened: Opened) -> CureStep:
    run.before = check_opened(opened, CheckOptions((run.options.target.name,), live=False))
    return _check_step(run.before, run.options.target.name)


def _check_step(report: ModelReport, target: str) -> CureStep:
    counts = {s: sum(f.severity is s for f in report.findings) for s in reversed(Severity)}
    text = ", ".join(f"{n} {s.label}{'s' * (n != 1 and s is not Severity.INFO)}" for s, n in counts.items() if n)
    verdict = next((v.verdict for v in report.verdicts if v.target == target), Verdict.UNKNOWN)
    by_code: dict[str, int] = {}
    for f in report.findings:
        label = f"{f.code} {f.name}"
        by_code[label] = by_code.get(label, 0) + 1
    details = tuple(f"{label} x {n}" if n > 1 else label for label, n in by_code.items())
    return CureStep("check", "done", 0.0, f"{text or 'no findings'}; {verdict.value} with {target}", details=details)


def _fix(run: Cure, opened: Opened, rewrites: Sequence[Rewrite]) -> CureStep:
    target = run.options.target
    packs = run.options.packs or target.packs
    options = FixOptions(packs, target, run.options.unsafe, run.options.signature)
    run.fixed = fix_opened(opened, rewrites, options)
    run.after = check_opened(opened, CheckOptions((target.name,), live=False))
    place = run.folder / "fixed.pb"
    write_fixed(run.fixed, str(place))
    run.after = replace(run.after, path=str(place), sha256=hashlib.sha256(place.read_bytes()).hexdigest())
    before, after, left = run.fixed.nodes_before, len(opened.graph), _errors(run.after)
    text = f"{plural(len(run.fixed.result.applied), 'rewrite')} of {', '.join(packs)}: {before:,} nodes -> {after:,}; "
    text += f"{plural(left, 'error')} left" if left else f"no error left for {target.name}"
    status: Status = "unknown" if left else "done"
    return CureStep("fix", status, 0.0, text, (_artefact(place),), _held_back(run, run.fixed))


def _held_back(run: Cure, fixed: Fixed) -> tuple[str, ...]:
    """What --unsafe-fixes would do more, where the target is not known to run the fixed graph."""
    counts = Counter(r.rewrite for r in fixed.result.refused if r.held_back)
    if not counts or not run.doubt():
        return ()
    return (f"--unsafe-fixes allows {', '.join(f'{n} x {c}' if c > 1 else n for n, c in sorted(counts.items()))}",)


def _cut(run: Cure, opened: Opened) -> CureStep:
    """The engine part takes the place of the graph in the steps that follow."""
    out = str(run.folder / "engine.pb")
    run.cut = cut_opened(opened, run.options.target, run.options.cut or (), out)
    if not run.cut.host:
        return CureStep("cut", "done", 0.0, "nothing to cut: the target runs all of it")
    if len(run.cut.parts) > 1:
        raise UnsupportedError(
            f"the graph falls into {len(run.cut.parts)} engines with work for the host between them",
            where=run.model,
            remedy=f"Write them with graphdoctor fix --cut --target {run.options.target.name} -o OUT, and cure each",
        )
    places = write_cut(run.cut, run.model, out)
    graph = run.cut.parts[0].graph
    run.engine = Opened(replace(opened.model, graph=graph), infer_shapes(graph))
    run.after = check_opened(run.engine, CheckOptions((run.options.target.name,), live=False))
    engine = run.cut.parts[0].engine
    text = f"{plural(len(graph), 'node')} for the engine, which gives {', '.join(engine.gives)}; the rest in numpy"
    return CureStep("cut", "done", 0.0, text, tuple(_artefact(Path(p)) for p in places))


def _convert(run: Cure, opened: Opened) -> CureStep:
    require_onnx()
    if run.options.target.parser == "uff":
        return _convert_to_uff(run, opened)
    run.onnx = onnx_from_graph(opened.graph)
    return CureStep("convert", "done", 0.0, _onnx_text(run.onnx), (_write_onnx(run, run.onnx),))


def _convert_to_uff(run: Cure, opened: Opened) -> CureStep:
    """The UFF file, and its ONNX twin: what TensorRT's parser finds in the file, for a builder that reads no UFF."""
    place = run.folder / "model.uff"
    written = write_uff(opened, str(place))
    run.uff, run.onnx = written.model, onnx_twin(str(place))
    text = f"{len(written.model.graph.nodes):,} UFF nodes; its twin: {_onnx_text(run.onnx)}"
    artefacts = (_artefact(place), _write_onnx(run, run.onnx))
    return CureStep("convert", "done", 0.0, text, artefacts, tuple(registration(opened)))


def _write_onnx(run: Cure, model: OnnxModel) -> Artefact:
    place = run.folder / "model.onnx"
    atomic_write(place, to_bytes(model))
    return _artefact(place)


def _onnx_text(model: OnnxModel) -> str:
    return f"{len(model.nodes):,} ONNX nodes, opset 17"


def _build(run: Cure, opened: Opened) -> CureStep:
    if run.onnx is None:
        raise InputError("nothing was converted")
    place = run.folder / "model.plan"
    run.built = _built_by_uff_parser(run, opened, place) or _built_of_onnx(run, opened, run.onnx, place)
    r = run.built.result
    if not r.ok:
        whose = "NVIDIA's builder refuses it" if r.parser != UFF else f"refused by {run.built.by}"
        return CureStep("build", "failed", 0.0, whose, details=tuple(map(str, run.built.errors)))
    text = f"{r.backend} {r.version}, compute capability {', '.join(r.compute_capabilities) or 'of this machine'}"
    artefacts = [_artefact(place)]
    if run.built.sidecar is not None:
        artefacts.append(_artefact(run.built.sidecar))
    return CureStep("build", "done", 0.0, f"{text}; {run.built.by}".rstrip("; "), tuple(artefacts), _foreign(run))


def _built_by_uff_parser(run: Cure, opened: Opened, place: Path) -> Built | None:
    """By TensorRT's own parser where it is here; what it refuses becomes findings of the fixed graph."""
    if run.parser is None or not run.parser.is_here or run.uff is None:
        return None
    inputs, outputs = dict(registered_inputs(opened)), [o.name for o in opened.outputs()]
    file = str(run.folder / "model.uff")
    source = UffSource(file, run.model, opened.model.sha256, inputs, outputs, ops_of(run.uff))
    built = build_with(run.parser, source, str(place), run.options.build)
    if run.after is not None:
        run.after = merged(run.after, opened.graph, run.options.target.name, heard_of(built.errors))
    return built


def _built_of_onnx(run: Cure, opened: Opened, onnx: OnnxModel, place: Path) -> Built:
    source = Source(
        (run.folder / "model.onnx").read_bytes(),
        onnx.origins(),
        opened.model.sha256,
        run.model,
        [(name, spec.shape) for name, spec in onnx.inputs],
    )
    built = build_source(source, str(place), run.options.build)
    return built if run.parser is None else replace(built, by=twin_note(run.parser, run.options.target))


def _foreign(run: Cure) -> tuple[str, ...]:
    """The plan of a target that cannot be asked here is another builder's: a test of the ONNX file, not the product."""
    target = run.options.target
    if run.has_engine():
        return ()
    file = "fixed.pb" if run.engine is None else "engine.pb"
    products = {
        "uff": "model.uff is what its parser takes",
        "onnx": "model.onnx is what its parser takes",
        "tftrt": f"{file} is what TensorFlow converts",
    }
    return (f"this plan is not for {target.title}: {products[target.parser]}",)


def _verify(run: Cure, opened: Opened, original: bytes) -> CureStep:
    pinned = pinned_inputs(run.fixed) if run.fixed is not None else {}
    whole = Side(run.model, "tensorflow", tuple(opened.inputs()), _outputs(opened), original, pinned)
    if run.engine is None:
        candidate = Side(str(run.folder / "model.onnx"), "onnxruntime", whole.inputs, whole.outputs)
        run.verified = compare_sides(whole, candidate, run.options.verify)
    else:
        run.verified = _engine_verified(run, run.engine)
    step = _verify_step(run.verified)
    if run.cut is None or run.engine is None or step.status != "done":
        return step
    run.proof = prove_cut(whole, run.cut, run.options.verify)
    if run.is_host_right():
        return replace(step, summary=f"{step.summary}; the host part gives TensorFlow's numbers")
    judgement = run.proof.judgement
    status: Status = "failed" if judgement.verdict is Verdict3.DIFFERENT else "unknown"
    return replace(step, status=status, summary=f"the parts, {judgement.verdict.value}: {judgement.reason}")


def _outputs(opened: Opened) -> tuple[str, ...]:
    return tuple(v.name for v in opened.graph.outputs)


def _engine_verified(run: Cure, engine: Opened) -> Verified:
    """The engine part in TensorFlow against its ONNX form; data and ranges are those of the whole graph, not its."""
    options = replace(run.options.verify, data="", ranges={})
    inputs, outputs = tuple(engine.inputs()), _outputs(engine)
    reference = Side(str(run.folder / "engine.pb"), "tensorflow", inputs, outputs)
    return compare_sides(reference, Side(str(run.folder / "model.onnx"), "onnxruntime", inputs, outputs), options)


def _verify_step(verified: Verified) -> CureStep:
    judgement = verified.judgement
    compared = [o.comparison for o in judgement.outputs if o.comparison is not None]
    worst = max(compared, key=lambda c: c.max_abs, default=None)
    statuses: dict[Verdict3, Status] = {Verdict3.SAME: "done", Verdict3.DIFFERENT: "failed"}
    text = f"TensorFlow's numbers: {_difference(worst)}"
    if judgement.verdict is not Verdict3.SAME:
        text = f"{judgement.verdict.value}: {judgement.reason}"
    return CureStep("verify", statuses.get(judgement.verdict, "unknown"), 0.0, text)


def _difference(worst: Comparison | None) -> str:
    """How far off the output is that is furthest off, and what it may be."""
    if worst is None:
        return "nothing to compare"
    allowed = worst.tolerance
    return f"largest difference {worst.max_abs:.2g}, within {allowed.atol:g} + {allowed.rtol:g} * |reference|"


def _artefact(path: Path) -> Artefact:
    return Artefact(str(path), path.stat().st_size)
