"""The fixed report that every format is tested with: two models, five targets, groups, an unknown verdict."""

from __future__ import annotations

from graphdoctor.findings import (
    Finding,
    Fix,
    ModelReport,
    Report,
    Safety,
    Severity,
    TargetVerdict,
    TensorInfo,
    Verdict,
)
from graphdoctor.render import RuleInfo
from graphdoctor.types import DType

TF112 = Fix("rename-add-v2", Safety.SAFE, "tf112")
RULES = {
    "GDV001": RuleInfo(
        "op-newer-than-1.12",
        "An op that TensorFlow 1.12 does not have",
        "The UFF converter reads graphs as TensorFlow 1.12 writes them and stops at any op it does not know.",
        "Run graphdoctor fix --rules tf112",
    ),
    "GDU011": RuleInfo(
        "concat-axis",
        "A concat on another axis than the channels",
        "The UFF parser of TensorRT 3 concatenates channels alone.",
        "Move the concat behind the engine",
    ),
}


def _add(node: str, target: str) -> Finding:
    message = f"{node}: AddV2 is newer than TensorFlow 1.12, the last release whose graphs the UFF converter reads"
    return Finding("GDV001", "op-newer-than-1.12", Severity.ERROR, target, node, "AddV2", message, fix=TF112)


def _concat(target: str) -> Finding:
    return Finding(
        "GDU011",
        "concat-axis",
        Severity.ERROR,
        target,
        "head/concat",
        "ConcatV2",
        "concatenates on axis 1; the parser concatenates channels (axis 3 of NHWC) alone",
        remedy="Cut the graph in front of head/concat and concatenate after the engine",
    )


def _resnet_findings() -> tuple[Finding, ...]:
    adds = [
        _add(f"resnet/stage_{s}/block_{b}/add", t)
        for t in ("trt3", "trt8-uff")
        for s in range(1, 5)
        for b in range(1, 5)
    ]
    softmax = Finding(
        "GDH004",
        "unknown-shape",
        Severity.ERROR,
        "trt8.6",
        "head/Reshape",
        "Reshape",
        "the new shape comes from head/pack, whose second element no rule could work out",
        certain=False,
        remedy="Give the batch size: --input input:float32[1,224,224,3]",
    )
    dead = [
        Finding(
            "GDS003",
            "dead-node",
            Severity.INFO,
            "",
            n,
            op,
            "leads to no output",
            fix=Fix("drop-dead", Safety.SAFE, "clean"),
        )
        for n, op in (("save/Const", "Const"), ("save/SaveV2", "SaveV2"), ("init", "NoOp"), ("summary/acc", "Const"))
    ]
    pad = Finding(
        "GDU020",
        "pad-before-other",
        Severity.WARNING,
        "trt3",
        "resnet/pad",
        "Pad",
        "Pad in front of Relu is dropped by the parser without a word",
        fix=Fix("pad-into-conv", Safety.UNSAFE, "trt3"),
    )
    return (*adds, _concat("trt3"), softmax, *dead, pad)


RESNET = ModelReport(
    path="nets/resnet50_v2.pb",
    sha256="9f2c41d0b7a83e5566f0c1d2e3a4b5968778695a4b3c2d1e0f9081726354a5b6",
    kind="frozen GraphDef",
    producer=1987,
    nodes=1204,
    inputs=(TensorInfo("input", DType.FLOAT, (None, 224, 224, 3)),),
    outputs=(TensorInfo("Identity", DType.FLOAT, (None, 1000)), TensorInfo("aux", DType.HALF, None)),
    verdicts=(
        TargetVerdict("trt3", Verdict.INCOMPATIBLE, 125, 142),
        TargetVerdict("trt8-uff", Verdict.INCOMPATIBLE, 126, 142),
        TargetVerdict("trt8.6", Verdict.UNKNOWN, 141, 142, "the shape of head/Reshape is not known"),
        TargetVerdict("rtx1.7", Verdict.COMPATIBLE, 142, 142),
        TargetVerdict("tftrt2.12", Verdict.UNKNOWN, 120, 142, segments=3),
    ),
    findings=_resnet_findings(),
    not_checked=(
        "3 functions of the library: no live node calls them",
        "weights of 2 constants over 1 GB were not read",
    ),
    chosen=("trt3", "trt8-uff", "trt8.6"),
)
LENET = ModelReport(
    path="nets/lenet.pb",
    sha256="00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff",
    kind="frozen GraphDef",
    producer=27,
    nodes=31,
    inputs=(TensorInfo("x", DType.FLOAT, (1, 1, 28, 28)),),
    outputs=(TensorInfo("prob", DType.FLOAT, (1, 10)),),
    verdicts=tuple(
        TargetVerdict(t, Verdict.COMPATIBLE, 14, 14) for t in ("trt3", "trt8-uff", "trt8.6", "rtx1.7", "tftrt2.12")
    ),
    findings=(),
    chosen=("trt3",),
)
REPORT = Report("graphdoctor 0.1.0", (RESNET, LENET))
