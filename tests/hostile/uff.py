"""UFF files for hostile tests, and everything that is done with one, in this process."""

from __future__ import annotations

from random import Random

from graphdoctor.errors import InputError
from graphdoctor.flows.uff_views import inspect_uff
from graphdoctor.formats.kinds import Kind, sniff
from graphdoctor.formats.uff.compare import compare_uff
from graphdoctor.lint import LintResult, lint_uff, subject_of
from graphdoctor.targets import load_target
from graphdoctor.wire.uff import UffModel, read_uff, uff_bytes, uff_text
from graphdoctor.wire.uff.notation_read import parse_uff

SMALL = """
x = Input {shape: [-1,4,4,1], dtype: float32}
w = Const float32[1,1,1,2] [2.0, -1.0]
c = Conv(x, w) {strides: [1,1], inputs_orders: orders(N+C, +CK), implicit_padding: "same"}
p = _LReLU_TRT(c) {negSlope_u_float: 0.1, l: [true], q: ["a"], o: order(N+C), e: nothing, t: [int8]}
m = Reduce(p) {func: "mean", axes: [1,2], keepdims: false}
s = Softmax(m) {axis: 0, inputs_orders: orders(N+C)}
MarkOutput_0 = MarkOutput(s)
"""
TARGETS = [load_target(n) for n in ("trt3", "trt8-uff", "rtx1.7")]


def small() -> bytes:
    """A file with every kind of field in it."""
    return uff_bytes(parse_uff(SMALL))


def outcome(data: bytes, what: str) -> LintResult | None:
    """What the rules say of ``data``, or ``None`` where it is refused with a reason and what to do."""
    model = _read(data, what)
    if model is None:
        return None
    result = lint_uff(subject_of(model), TARGETS)
    assert [f.message for f in result.findings if f.code == "GDF002"] == [], what
    assert {v.verdict.value for v in result.verdicts} <= {"unknown", "incompatible"}, what
    assert compare_uff(model, model).is_empty, what
    assert uff_text(model) is not None
    written = uff_bytes(model)
    assert written == data or model.lost or read_uff(written) == model, what
    if sniff(data) is Kind.UFF:  # damage can make it look like another
        inspect_uff("m.uff", data)
    return result


def _read(data: bytes, what: str) -> UffModel | None:
    refused: InputError | None = None
    try:
        return read_uff(data)
    except InputError as e:
        refused = e
    assert refused.message, what
    assert refused.remedy, what
    return None


def flipped(data: bytes, random: Random) -> bytes:
    """``data`` with one to eight bits turned."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, 8)):
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)
