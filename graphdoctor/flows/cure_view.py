"""A run of ``cure`` as the record that render takes."""

from __future__ import annotations

from graphdoctor.compare import Verdict3
from graphdoctor.engines.backends import UFF
from graphdoctor.errors import GraphdoctorError
from graphdoctor.flows.cure import Cure
from graphdoctor.flows.cure_product import Product
from graphdoctor.render.text_cure import CureView
from graphdoctor.targets import Target


def cure_view(run: Cure) -> CureView:
    """The run as the record that render takes."""
    target = run.options.target.name
    code = run.exit_code()
    conclusions = {
        0: _cured(run),
        1: "not proven: " + _open_question(run),
        2: "failed: " + (_why(run.failed) if run.failed else "NVIDIA's builder refuses the model"),
    }
    return CureView(run.model, target, code == 0, tuple(run.steps), conclusions[code])


def _why(error: GraphdoctorError) -> str:
    """What is wrong; the nodes of a longer message stand with the step."""
    first, *rest = error.message.splitlines() or [""]
    return f"{first.rstrip(':')}. {error.remedy}" if rest and error.remedy else str(error)


def _cured(run: Cure) -> str:
    rest = "; what was cut off is in engine.host.py" if run.is_cut else ""
    return f"cured: {_made(run)} TensorFlow's numbers{rest}"


def _made(run: Cure) -> str:
    target, first, many = run.options.target, run.products[0], len(run.products) > 1
    if first.built is not None and first.built.result.parser == UFF:
        what = "the UFF files, read as ONNX, give" if many else "model.uff, read as ONNX, gives"
        engines = "engines" if many else "engine"
        return f"TensorRT {first.built.result.version} built the {engines} with its own UffParser, and {what}"
    if target.live and many:
        return f"{len(run.products)} engines are built, and the ONNX files they were built from give"
    if target.live:
        return "the engine is built, and the ONNX it was built from gives"
    files = " and ".join(_file(p, target) for p in run.products)
    form = "are ready for {}, and their ONNX forms give" if many else "is ready for {}, and its ONNX form gives"
    return f"{files} {form.format(target.name)}"


def _file(product: Product, target: Target) -> str:
    """The file that the target takes."""
    names = {"onnx": "model.onnx", "uff": "model.uff"}
    return product.place(names[target.parser]).name if target.parser in names else product.graph_file


def _open_question(run: Cure) -> str:
    for verified in (*(p.verified for p in run.products), None if run.is_host_right() else run.proof):
        if verified is not None and verified.judgement.verdict is not Verdict3.SAME:
            return f"{verified.judgement.verdict.value}, {verified.judgement.reason}"
    return run.doubt() or run.steps[-1].summary
