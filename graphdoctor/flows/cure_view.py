"""A run of ``cure`` as the record that render takes."""

from __future__ import annotations

from graphdoctor.compare import Verdict3
from graphdoctor.engines.backends import UFF
from graphdoctor.flows.cure import Cure
from graphdoctor.render.text_cure import CureView


def cure_view(run: Cure) -> CureView:
    """The run as the record that render takes."""
    target = run.options.target.name
    code = run.exit_code()
    conclusions = {
        0: _cured(run),
        1: "not proven: " + _open_question(run),
        2: "failed: " + (str(run.failed) if run.failed else "NVIDIA's builder refuses the model"),
    }
    return CureView(run.model, target, code == 0, tuple(run.steps), conclusions[code])


def _cured(run: Cure) -> str:
    rest = "" if run.engine is None else "; what was cut off is in engine.host.py"
    if run.built is not None and run.built.result.parser == UFF:
        version = run.built.result.version
        told = "and model.uff, read as ONNX, gives TensorFlow's numbers"
        return f"cured: TensorRT {version} built the engine with its own UffParser, {told}{rest}"
    if run.options.target.live:
        return f"cured: the engine is built, and the ONNX it was built from gives TensorFlow's numbers{rest}"
    fixed = "fixed.pb" if run.engine is None else "engine.pb"
    file = {"onnx": "model.onnx", "uff": "model.uff", "tftrt": fixed}[run.options.target.parser]
    return f"cured: {file} is ready for {run.options.target.name}, and its ONNX form gives TensorFlow's numbers{rest}"


def _open_question(run: Cure) -> str:
    for verified in (run.verified, None if run.is_host_right() else run.proof):
        if verified is not None and verified.judgement.verdict is not Verdict3.SAME:
            return f"{verified.judgement.verdict.value}, {verified.judgement.reason}"
    return run.doubt()
