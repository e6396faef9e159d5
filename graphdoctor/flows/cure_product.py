"""One model on its way to an engine: convert, build and verify, each with what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from graphdoctor.compare import Comparison, Verdict3
from graphdoctor.engines import BuildOptions, UffParser
from graphdoctor.engines.backends import UFF
from graphdoctor.errors import InputError
from graphdoctor.findings import ModelReport, Severity, Verdict
from graphdoctor.flows.build import Built, Source, build_source
from graphdoctor.flows.build_uff import UffSource, build_with, ops_of, twin_note
from graphdoctor.flows.convert import write_uff
from graphdoctor.flows.cutting import model_place
from graphdoctor.flows.live import merged
from graphdoctor.flows.live_uff import heard_of
from graphdoctor.flows.opening import Opened, SignatureOptions
from graphdoctor.flows.uff_twin import front_of_twin, onnx_twin, registered_inputs, registration
from graphdoctor.flows.verify import Side, Verified, VerifyOptions, compare_sides
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, require_onnx, to_bytes
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.render.text_cure import Artefact, CureStep, Status
from graphdoctor.targets import Target
from graphdoctor.wire.uff import UffModel


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
class Product:
    """The repaired graph, or one engine that was cut out of it.

    Attributes:
        model: what the user gave.
        opened: the graph.
        options: of the run.
        parser: TensorRT's own UFF parser, for a target that has one.
        number: which engine it is, from 0.
        is_part: whether it was cut out.
        after: what ``check`` says of it.
        uff: what was written for a UFF parser.
        onnx: what was written for an ONNX parser, or the twin of ``uff``.
        built: what the builder did.
        verified: the comparison with TensorFlow.
    """

    model: str
    opened: Opened
    options: CureOptions
    parser: UffParser | None = None
    number: int = 0
    is_part: bool = False
    after: ModelReport | None = None
    uff: UffModel | None = None
    onnx: OnnxModel | None = None
    built: Built | None = None
    verified: Verified | None = None

    def place(self, name: str) -> Path:
        """Where its file ``name`` goes: ``model.onnx``, ``model.engine2.onnx``."""
        return Path(model_place(str(Path(self.options.folder) / name), self.number))

    @property
    def graph_file(self) -> str:
        """The name of the file with its graph."""
        return self.place("engine.pb" if self.is_part else "fixed.pb").name

    def has_engine(self) -> bool:
        """True if the plan is one of the target: made by its own parser and builder."""
        if self.built is None or not self.built.result.ok:
            return False
        return self.options.target.live or self.built.result.parser == UFF

    def is_same(self) -> bool:
        """True if its ONNX form is shown to give TensorFlow's numbers."""
        return self.verified is not None and self.verified.judgement.verdict is Verdict3.SAME

    def doubt(self) -> str:
        """Why it is not known to run on the target; empty if it is. An engine of the target is proof."""
        if self.after is None:
            return "the fixed graph was not checked"
        if errors_of(self.after):
            return f"errors are left for {self.options.target.name}"
        verdict = next((v for v in self.after.verdicts if v.target == self.options.target.name), None)
        if verdict is None or verdict.verdict is Verdict.COMPATIBLE or self.has_engine():
            return ""
        return f"{verdict.verdict.value} with {verdict.target}: {verdict.reason}"

    # ---- convert -----------------------------------------------------------------------------------------------

    def convert(self) -> CureStep:
        """Write the ONNX file, and the UFF file where the target reads that."""
        require_onnx()
        if self.options.target.parser == "uff":
            return self._convert_to_uff()
        self.onnx = onnx_from_graph(self.opened.graph)
        return CureStep("convert", "done", 0.0, _onnx_text(self.onnx), (self._write_onnx(self.onnx),))

    def _convert_to_uff(self) -> CureStep:
        """The UFF file and its ONNX twin: what TensorRT's parser finds in the file, for a builder that reads no UFF."""
        place = self.place("model.uff")
        written = write_uff(self.opened, str(place))
        self.uff, self.onnx = written.model, onnx_twin(str(place))
        text = f"{len(written.model.graph.nodes):,} UFF nodes; its twin: {_onnx_text(self.onnx)}"
        artefacts = (artefact(place), self._write_onnx(self.onnx))
        return CureStep("convert", "done", 0.0, text, artefacts, tuple(registration(self.opened)))

    def _write_onnx(self, model: OnnxModel) -> Artefact:
        place = self.place("model.onnx")
        atomic_write(place, to_bytes(model))
        return artefact(place)

    # ---- build -------------------------------------------------------------------------------------------------

    def build(self) -> CureStep:
        """Have the plan built, by the target's own parser where it is here."""
        if self.onnx is None:
            raise InputError("nothing was converted")
        place = self.place("model.plan")
        self.built = self._built_by_uff_parser(place) or self._built_of_onnx(self.onnx, place)
        if not self.built.result.ok and self.uff is not None and self.built.result.parser != UFF:
            self.built = self._built_of_front(place) or self.built
        r = self.built.result
        if not r.ok:
            whose = "NVIDIA's builder refuses it" if r.parser != UFF else f"refused by {self.built.by}"
            return CureStep("build", "failed", 0.0, whose, details=(*map(str, self.built.errors), *self._plugins()))
        text = f"{r.backend} {r.version}, compute capability {', '.join(r.compute_capabilities) or 'of this machine'}"
        artefacts = [artefact(place)]
        if self.built.sidecar is not None:
            artefacts.append(artefact(self.built.sidecar))
        return CureStep(
            "build", "done", 0.0, f"{text}; {self.built.by}".rstrip("; "), tuple(artefacts), self._foreign()
        )

    def _built_by_uff_parser(self, place: Path) -> Built | None:
        """By TensorRT's own parser where it is here; what it refuses becomes findings of the fixed graph."""
        if self.parser is None or not self.parser.is_here or self.uff is None:
            return None
        opened = self.opened
        inputs, outputs = dict(registered_inputs(opened)), [o.name for o in opened.outputs()]
        file = str(self.place("model.uff"))
        source = UffSource(file, self.model, opened.model.sha256, inputs, outputs, ops_of(self.uff))
        built = build_with(self.parser, source, str(place), self.options.build)
        if self.after is not None:
            self.after = merged(self.after, opened.graph, self.options.target.name, heard_of(built.errors))
        return built

    def _built_of_front(self, place: Path) -> Built | None:
        """Of the twin up to where boxes are suppressed: the plugin of the target does that, and no op of RTX."""
        front = front_of_twin(str(self.place("model.uff")))
        if front is None:
            return None
        file = self.place("model.front.onnx")
        atomic_write(file, to_bytes(front))
        built = self._built_of_onnx(front, place, file)
        if not built.result.ok:
            return None
        gives = ", ".join(name for name, _ in front.outputs)
        return replace(built, by=f"of {file.name}, the twin as far as {gives}: {self._refusal()}")

    def _refusal(self) -> str:
        """What the builder said of the whole twin, in short."""
        nodes = dict.fromkeys(n for e in (self.built.errors if self.built else ()) for n in e.nodes)
        return f"this builder cannot suppress boxes as {', '.join(nodes) or 'the plugin'} does"

    def _built_of_onnx(self, onnx: OnnxModel, place: Path, file: Path | None = None) -> Built:
        source = Source(
            (file or self.place("model.onnx")).read_bytes(),
            onnx.origins(),
            self.opened.model.sha256,
            self.model,
            [(name, spec.shape) for name, spec in onnx.inputs],
        )
        built = build_source(source, str(place), self.options.build)
        return built if self.parser is None else replace(built, by=twin_note(self.parser, self.options.target))

    def _plugins(self) -> tuple[str, ...]:
        """That a builder refused a twin says nothing of the plugins for which ops stand in it."""
        if self.uff is None or self.built is None or self.built.result.parser == UFF:
            return ()
        names = sorted({n.op[1:] for n in self.uff.nodes() if n.is_custom})
        kept = f"{self.place('model.uff').name} keeps {', '.join(names)} for the plugins of {self.options.target.title}"
        return (f"{kept}; refused is its twin, where other ops stand for them",) if names else ()

    def _foreign(self) -> tuple[str, ...]:
        """The plan of a target that cannot be asked here is another builder's: a test of the ONNX file alone."""
        target = self.options.target
        if self.has_engine():
            return ()
        products = {
            "uff": f"{self.place('model.uff').name} is what its parser takes",
            "onnx": f"{self.place('model.onnx').name} is what its parser takes",
            "tftrt": f"{self.graph_file} is what TensorFlow converts",
        }
        return (f"this plan is not for {target.title}: {products[target.parser]}",)

    # ---- verify ------------------------------------------------------------------------------------------------

    def verify(self, whole: Side) -> CureStep:
        """Compare the ONNX file with ``whole``, the graph before its repair; an engine part with itself in TensorFlow.

        Data and ranges are those of the whole graph, not of a part.
        """
        file, options = str(self.place("model.onnx")), self.options.verify
        reference = whole
        if self.is_part:
            outputs = tuple(v.name for v in self.opened.graph.outputs)
            place = str(self.place("engine.pb"))
            reference = Side(place, "tensorflow", tuple(self.opened.inputs()), outputs)
            options = replace(options, data="", ranges={})
        candidate = Side(file, "onnxruntime", reference.inputs, reference.outputs)
        self.verified = compare_sides(reference, candidate, options)
        return _verify_step(self.verified)


def together(steps: list[CureStep]) -> CureStep:
    """The step of several engines: the worst status, and what there is to say of each."""
    if len(steps) == 1:
        return steps[0]
    order: tuple[Status, ...] = ("failed", "unknown", "skipped", "done")
    status = next(s for s in order if any(step.status == s for step in steps))
    details = [line for k, s in enumerate(steps) for line in (f"engine {k + 1}: {s.summary}", *s.details)]
    artefacts = tuple(a for s in steps for a in s.artefacts)
    return CureStep(steps[0].name, status, 0.0, f"{len(steps)} engines", artefacts, tuple(details))


def errors_of(report: ModelReport) -> int:
    """How many errors are left."""
    return sum(f.severity is Severity.ERROR for f in report.findings)


def artefact(path: Path) -> Artefact:
    """A file that a step wrote."""
    return Artefact(str(path), path.stat().st_size)


def _onnx_text(model: OnnxModel) -> str:
    return f"{len(model.nodes):,} ONNX nodes, opset 17"


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
