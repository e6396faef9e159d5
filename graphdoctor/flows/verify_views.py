"""A comparison as the record that render takes."""

from __future__ import annotations

from graphdoctor.compare import OutputJudgement
from graphdoctor.flows.verify import Verified
from graphdoctor.render.text_verify import Outcome, OutputCheck, PartCheck, VerifyView

_RUNNERS = {
    "tensorflow": "TensorFlow, CPU",
    "onnxruntime": "ONNX Runtime, CPU",
    "cut": "TensorFlow, CPU, and the host part",
}


def verify_view(verified: Verified) -> VerifyView:
    """The verdict and each output."""
    judgement = verified.judgement
    return VerifyView(
        reference=verified.reference.path,
        candidate=verified.candidate.path,
        outcome=_outcome(judgement.verdict.value),
        reason=judgement.reason,
        outputs=tuple(_output(o) for o in judgement.outputs),
        inputs=verified.inputs,
        data=verified.data,
        reference_runner=_RUNNERS[verified.reference.runner],
        candidate_runner=_RUNNERS[verified.candidate.runner],
        method=verified.method,
        parts=tuple(PartCheck(p.tensors, p.max_abs, p.max_rel) for p in verified.parts),
        notes=verified.in_parts.notes if verified.in_parts is not None else (),
    )


def _outcome(value: str) -> Outcome:
    outcomes: dict[str, Outcome] = {"same": "same", "different": "different", "inconclusive": "inconclusive"}
    return outcomes[value]


def _output(o: OutputJudgement) -> OutputCheck:
    c = o.comparison
    outcome = _outcome(o.verdict.value)
    if c is None:
        return OutputCheck(o.name, outcome, o.reason)
    return OutputCheck(
        name=o.name,
        outcome=outcome,
        reason=o.reason,
        rtol=c.tolerance.rtol,
        atol=c.tolerance.atol,
        size=c.size,
        mismatched=c.n_mismatched,
        max_abs=c.max_abs,
        mean_abs=c.mean_abs,
        max_rel=c.max_rel,
        worst_index=c.worst_index,
        worst_reference=c.worst_reference,
        worst_candidate=c.worst_candidate,
        needed_rtol=c.needed_rtol,
        needed_atol=c.needed_atol,
        moves=o.sensitivity.tolerances if o.sensitivity else None,
    )
