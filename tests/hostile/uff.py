"""UFF files for hostile tests, and everything that is done with one, in this process."""

from __future__ import annotations

from random import Random

from graphdoctor.errors import InputError
from graphdoctor.findings import ModelReport
from graphdoctor.flows.check import CheckOptions
from graphdoctor.flows.check_uff import check_uff
from graphdoctor.flows.uff_views import inspect_uff
from graphdoctor.formats.kinds import Kind, sniff
from graphdoctor.formats.uff.compare import compare_uff
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
OPTIONS = CheckOptions(("trt3", "trt8-uff", "trt10.0"), live=False)


def small() -> bytes:
    """A file with every kind of field in it."""
    return uff_bytes(parse_uff(SMALL))


def outcome(data: bytes, what: str) -> ModelReport | None:
    """What ``check`` says of ``data``, or ``None`` where it is refused with a reason and what to do."""
    model = _read(data, what)
    if model is None:
        return None
    if sniff(data) is not Kind.UFF:  # damage can make it look like another
        return None
    report = check_uff("m.uff", data, OPTIONS)
    assert [f.message for f in report.findings if f.code == "GDF002"] == [], what
    assert compare_uff(model, model).is_empty, what
    assert uff_text(model) is not None
    written = uff_bytes(model)
    assert written == data or model.lost or read_uff(written) == model, what
    inspect_uff("m.uff", data)
    return report


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
