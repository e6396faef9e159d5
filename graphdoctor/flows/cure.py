"""cure: check, fix, convert, build and verify one model for one target; every artefact stays."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

from graphdoctor.compare import Verdict3
from graphdoctor.engines import UffParser
from graphdoctor.engines.backends import UFF
from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.findings import ModelReport, Severity, Verdict
from graphdoctor.flows.build import check_options
from graphdoctor.flows.build_uff import parser_for
from graphdoctor.flows.check import CheckOptions, check_opened
from graphdoctor.flows.cure_product import CureOptions, Product, artefact, errors_of, together
from graphdoctor.flows.cut_proof import is_proven, prove_cut
from graphdoctor.flows.cutting import Cut, cut_opened, write_cut
from graphdoctor.flows.fix import Fixed, FixOptions, fix_opened, write_fixed
from graphdoctor.flows.opening import Opened, keep_input, open_any
from graphdoctor.flows.verify import Side, Verified, pinned_inputs
from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.render.text_cure import CureStep, Status
from graphdoctor.surgery import Rewrite, load_rewrites
from graphdoctor.words import plural

ARTEFACTS = (
    "fixed.pb",
    "engine.pb",
    "engine.host.py",
    "model.uff",
    "model.onnx",
    "model.front.onnx",
    "model.plan",
    "model.plan.json",
    "report.json",
)
"""What a run may leave in its folder."""
_MORE = ("engine.engine[0-9]*.pb", "model.engine[0-9]*.*")
"""What it may leave of a second engine, and of more."""


@dataclass(slots=True)
class Cure:
    """One run; steps are added as they end. ``failed`` is set when a step could not be done at all.

    ``products`` has one model until the graph is cut, and then one for each engine.
    """

    model: str
    options: CureOptions
    steps: list[CureStep] = field(default_factory=list)
    before: ModelReport | None = None
    fixed: Fixed | None = None
    products: list[Product] = field(default_factory=list)
    cut: Cut | None = None
    proof: Verified | None = None
    failed: GraphdoctorError | None = None

    @property
    def folder(self) -> Path:
        """Where the artefacts go."""
        return Path(self.options.folder)

    @property
    def is_cut(self) -> bool:
        """True if the engines are parts of the graph."""
        return self.cut is not None and bool(self.cut.host)

    def is_refused(self) -> bool:
        """True if a builder would not build what was converted."""
        return any(p.built is not None and not p.built.result.ok for p in self.products)

    def exit_code(self) -> int:
        """0: everything holds; 1: findings are left or the numbers are not shown to be the same; 2: a step failed."""
        if self.failed is not None or self.is_refused():
            return 2
        same = all(p.is_same() for p in self.products)
        return 0 if same and self.is_host_right() and not self.doubt() else 1

    def is_host_right(self) -> bool:
        """True if nothing was cut off, or what was cut off is shown to give TensorFlow's numbers."""
        if self.cut is None or not self.cut.host:
            return True
        return self.proof is not None and is_proven(self.proof, self.cut)

    def doubt(self) -> str:
        """Why the engines are not known to run on the target; empty if they are."""
        return next((d for p in self.products if (d := p.doubt())), "")


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
    parser = _uff_parser(options)
    for place in _left(run.folder):
        keep_input(path, place, "Choose another folder")
    opened = open_any(path, options.signature)
    _clear_folder(run.folder)
    original, known = graphdef_bytes(opened.graph), frozenset(node.name for node in opened.graph)
    run.products = [Product(path, opened, options, parser)]
    steps = (
        ("check", lambda: _check(run, opened)),
        ("fix", lambda: _fix(run, opened, rewrites)),
        ("cut", lambda: _cut(run, opened)),
        ("convert", lambda: together([p.convert() for p in run.products])),
        ("build", lambda: together([p.build() for p in run.products])),
        ("verify", lambda: _verify(run, opened, original, known)),
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
        for place in _left(folder):
            place.unlink(missing_ok=True)
    except OSError as e:
        raise InputError(f"the folder cannot be used: {e.strerror}", where=str(folder), remedy="Choose another") from e


def _left(folder: Path) -> list[Path]:
    """Where a run leaves something, those of more engines where they are there."""
    return [*(folder / name for name in ARTEFACTS), *(p for pattern in _MORE for p in sorted(folder.glob(pattern)))]


def _timed(run: Cure, name: str, step: Callable[[], CureStep]) -> CureStep:
    """Do a step unless one before it failed; a failure becomes the step's result."""
    if run.failed is not None or run.is_refused():
        return CureStep(name, "skipped", 0.0, "not tried: a step before it failed")
    start = time.perf_counter()
    try:
        done = step()
    except GraphdoctorError as e:
        run.failed = e
        done = _failed(e)
    return replace(done, name=name, seconds=time.perf_counter() - start)


def _failed(error: GraphdoctorError) -> CureStep:
    """A step that could not be done: what is wrong, and below it the nodes one by one and what to do."""
    first, *rest = error.message.splitlines() or [""]
    summary = f"{error.where}: {first}" if error.where else first
    details = [line.strip() for line in (*rest, error.remedy) if line.strip()]
    return CureStep("", "failed", 0.0, summary, details=tuple(details))


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
    report = check_opened(opened, CheckOptions((target.name,), live=False))
    place = run.folder / "fixed.pb"
    write_fixed(run.fixed, str(place))
    report = replace(report, path=str(place), sha256=hashlib.sha256(place.read_bytes()).hexdigest())
    run.products[0].after = report
    before, after, left = run.fixed.nodes_before, len(opened.graph), errors_of(report)
    text = f"{plural(len(run.fixed.result.applied), 'rewrite')} of {', '.join(packs)}: {before:,} nodes -> {after:,}; "
    text += f"{plural(left, 'error')} left" if left else f"no error left for {target.name}"
    status: Status = "unknown" if left else "done"
    return CureStep("fix", status, 0.0, text, (artefact(place),), _held_back(run, run.fixed))


def _held_back(run: Cure, fixed: Fixed) -> tuple[str, ...]:
    """What --unsafe-fixes would do more, where the target is not known to run the fixed graph."""
    counts = Counter(r.rewrite for r in fixed.result.refused if r.held_back)
    if not counts or not run.doubt():
        return ()
    return (f"--unsafe-fixes allows {', '.join(f'{n} x {c}' if c > 1 else n for n, c in sorted(counts.items()))}",)


def _cut(run: Cure, opened: Opened) -> CureStep:
    """The engine parts take the place of the graph in the steps that follow."""
    out = str(run.folder / "engine.pb")
    run.cut = cut_opened(opened, run.options.target, run.options.cut or (), out)
    if not run.is_cut:
        return CureStep("cut", "done", 0.0, "nothing to cut: the target runs all of it")
    places = write_cut(run.cut, run.model, out)
    parser = run.products[0].parser
    run.products = [_product(run, opened, parser, k) for k in range(len(run.cut.parts))]
    artefacts = tuple(artefact(Path(p)) for p in places)
    head = "for the engine, which gives" if len(run.products) == 1 else "that give"
    texts = [f"{plural(len(p.graph), 'node')} {head} {', '.join(p.engine.gives)}" for p in run.cut.parts]
    step = together([CureStep("cut", "done", 0.0, text) for text in texts])
    return replace(step, summary=f"{step.summary}; the rest in numpy", artefacts=artefacts)


def _product(run: Cure, opened: Opened, parser: UffParser | None, number: int) -> Product:
    graph = run.cut.parts[number].graph if run.cut is not None else opened.graph
    part = Opened(replace(opened.model, graph=graph), infer_shapes(graph))
    report = check_opened(part, CheckOptions((run.options.target.name,), live=False))
    return Product(run.model, part, run.options, parser, number, is_part=True, after=report)


def _verify(run: Cure, opened: Opened, original: bytes, known: AbstractSet[str]) -> CureStep:
    """Compare with the model; ``known`` are its nodes, before the fix."""
    others = [v.name for v in opened.graph.outputs if v.node.name not in known]
    if others and not run.is_cut:
        text = f"inconclusive: the model has no {', '.join(others)}, and TensorFlow gives nothing to compare it with"
        return CureStep("verify", "unknown", 0.0, text)
    pinned = pinned_inputs(run.fixed) if run.fixed is not None else {}
    outputs = tuple(v.name for v in opened.graph.outputs)
    whole = Side(run.model, "tensorflow", tuple(opened.inputs()), outputs, original, pinned)
    step = together([p.verify(whole) for p in run.products])
    if run.cut is None or not run.is_cut or step.status != "done":
        return step
    run.proof = prove_cut(whole, run.cut, run.options.verify)
    if run.is_host_right():
        return replace(step, summary=f"{step.summary}; the host part gives TensorFlow's numbers")
    judgement = run.proof.judgement
    status: Status = "failed" if judgement.verdict is Verdict3.DIFFERENT else "unknown"
    return replace(step, status=status, summary=f"the parts, {judgement.verdict.value}: {judgement.reason}")
