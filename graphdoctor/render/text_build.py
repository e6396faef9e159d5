"""What ``build`` prints: the plan, or NVIDIA's complaints against the nodes of the graph."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.findings import TensorInfo
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import seconds_text, size_text, tensor_text
from graphdoctor.words import plural

_SHOWN_NODES = 3


@dataclass(frozen=True, slots=True)
class BuildProblem:
    """One complaint: the TensorFlow nodes it is about, the ONNX operator, the reason; ``stage`` is parse or build."""

    nodes: tuple[str, ...]
    operator: str
    reason: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build: a plan of ``size`` bytes when ``ok``, else ``problems``. ``steps`` are seconds by step, in order."""

    model: str
    ok: bool
    plan: str
    backend: str
    version: str
    compute_capabilities: tuple[str, ...] = ()
    size: int = 0
    seconds: float = 0.0
    steps: tuple[tuple[str, float], ...] = ()
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    sidecar: str = ""
    problems: tuple[BuildProblem, ...] = ()
    tried: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    by: str = ""


def render_build(view: BuildView, options: RenderOptions) -> str:
    """The result, its facts, then problems and warnings."""
    page = Page(options)
    sign: Piece = (page.glyphs.ok, "bold green") if view.ok else (page.glyphs.no, "bold red")
    done = f"built {view.plan} from {view.model}" if view.ok else f"no engine could be built from {view.model}"
    page.para(done, style="bold", first=[sign, " "], rest=["  "])
    page.table(_facts(view))
    for problem in view.problems:
        page.blank()
        _problem(page, problem, options)
    for warning in view.warnings:
        page.blank()
        page.para(warning, first=[("warning ", "bold yellow")], rest=["  "])
    return page.text()


def _facts(view: BuildView) -> list[list[Piece]]:
    steps = ", ".join(f"{name} {seconds_text(s)}" for name, s in view.steps)
    rows = [
        ("builder", f"{view.backend} {view.version}".strip()),
        ("parser", view.by),
        ("runs on", f"compute capability {', '.join(view.compute_capabilities)}" if view.compute_capabilities else ""),
        ("inputs", ", ".join(tensor_text(t) for t in view.inputs)),
        ("outputs", ", ".join(tensor_text(t) for t in view.outputs)),
        ("size", size_text(view.size) if view.ok else ""),
        ("time", f"{seconds_text(view.seconds)} ({steps})" if steps else seconds_text(view.seconds)),
        ("record", f"{view.sidecar} says what the plan was built from" if view.sidecar else ""),
        ("tried", "; ".join(view.tried)),
    ]
    return [[(label, "dim"), text] for label, text in rows if text]


def _problem(page: Page, p: BuildProblem, options: RenderOptions) -> None:
    shown = p.nodes if options.show_nodes else p.nodes[:_SHOWN_NODES]
    more = f" and {plural(len(p.nodes) - len(shown), 'more node')}" if len(p.nodes) > len(shown) else ""
    where = ", ".join(shown) + more or "the whole model"
    head: list[Piece] = [("error ", "bold red"), (f"{p.stage}: " if p.stage else "", "dim")]
    operator = f" ({p.operator})" if p.operator else ""
    page.para(f"{where}{operator}", first=head, rest=["  "])
    page.para(p.reason, first=[(page.glyphs.foot, "red"), " "], rest=["  "])
