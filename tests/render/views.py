"""Fixed records for the pages of the other commands."""

from __future__ import annotations

from graphdoctor.errors import InputError, WorkerError
from graphdoctor.findings import Fix, Safety, Severity, TargetVerdict, TensorInfo, Verdict
from graphdoctor.render.parts.options import RuleInfo
from graphdoctor.render.text_build import BuildProblem, BuildView
from graphdoctor.render.text_cure import Artefact, CureStep, CureView
from graphdoctor.render.text_fix import (
    AppliedRewrite,
    FixSummary,
    NodeDiff,
    RefusedRewrite,
    RolledBackRewrite,
    VerdictChange,
)
from graphdoctor.render.text_inspect import InspectView, RankedOutput, Suggestion, Weight
from graphdoctor.render.text_rules import RulePage, RuleRow
from graphdoctor.render.text_targets import PackRow, RewriteRow, TargetRow
from graphdoctor.render.text_verify import OutputCheck, VerifyView
from graphdoctor.types import DType

INPUT = TensorInfo("input", DType.FLOAT, (1, 224, 224, 3))
IDENTITY = TensorInfo("Identity", DType.FLOAT, (1, 1000))

INSPECT = InspectView(
    path="kws/kws_ds_cnn_s.pb",
    kind="frozen GraphDef",
    size=171_024,
    sha256="5b0e1f4c8d2a49937766554433221100ffeeddccbbaa99887766554433221100",
    producer=24,
    nodes=176,
    inputs=(TensorInfo("wav_data", DType.STRING, ()),),
    outputs=(
        RankedOutput(TensorInfo("labels_softmax", DType.FLOAT, (None, 12)), "nothing reads it; a Softmax"),
        RankedOutput(TensorInfo("AudioSpectrogram", DType.FLOAT, None), "nothing reads its second output"),
    ),
    ops=(
        ("Const", 84),
        ("Identity", 31),
        ("Relu", 9),
        ("BiasAdd", 9),
        ("FusedBatchNorm", 9),
        ("Conv2D", 5),
        ("DepthwiseConv2dNative", 4),
        *(
            (name, 1)
            for name in ("AudioSpectrogram", "AvgPool", "DecodeWav", "MatMul", "Mfcc", "Placeholder", "Squeeze")
        ),
    ),
    weight_count=84,
    weight_size=98_304,
    weights=(
        Weight(TensorInfo("DS-CNN/conv_1/weights", DType.FLOAT, (10, 4, 1, 64)), 10_240),
        Weight(TensorInfo("DS-CNN/fc1/weights", DType.FLOAT, (64, 12)), 3_072),
    ),
    notes=("DecodeWav, AudioSpectrogram and Mfcc run on no target",),
    suggestions=(
        Suggestion("Cut the graph behind its audio front end:", "graphdoctor check kws/kws_ds_cnn_s.pb --input Mfcc:0"),
    ),
)
DIFFS = (
    NodeDiff("block_1/add = AddV2(block_1/relu, input)", "block_1/add = Add(block_1/relu, input)", "rename-add-v2"),
    NodeDiff(
        "block_2/add = AddV2(block_2/relu, block_1/add)",
        "block_2/add = Add(block_2/relu, block_1/add)",
        "rename-add-v2",
    ),
    NodeDiff("bn/y = FusedBatchNormV3(conv, s, b, m, v)\nbn/id = Identity(bn/y)", "", "fold-batch-norm"),
    NodeDiff("", "conv/bias = Const(float32[64])", "fold-batch-norm"),
)
FIX = FixSummary(
    path="nets/resnet50_v2.pb",
    output="nets/resnet50_v2.fixed.pb",
    nodes_before=1204,
    nodes_after=391,
    applied=(
        AppliedRewrite("rename-add-v2", "tf112", Safety.SAFE, 16),
        AppliedRewrite("fold-batch-norm", "fold", Safety.SAFE, 53),
        AppliedRewrite("pad-into-conv", "trt3", Safety.UNSAFE, 1),
    ),
    refused=(
        *(RefusedRewrite("relu6", f"head/relu6_{i}", "its input has an unknown dtype") for i in range(6)),
        RefusedRewrite("squeeze-as-reshape", "head/squeeze", "the batch size would be baked in", held_back=True),
    ),
    rolled_back=(RolledBackRewrite("merge-concat", "head/concat reads port 1 of pad, which has one output"),),
    rounds=3,
    verdicts=(
        VerdictChange(
            TargetVerdict("trt3", Verdict.INCOMPATIBLE, 125, 142), TargetVerdict("trt3", Verdict.COMPATIBLE, 126, 126)
        ),
        VerdictChange(
            TargetVerdict("trt8.6", Verdict.UNKNOWN, 141, 142), TargetVerdict("trt8.6", Verdict.UNKNOWN, 125, 126)
        ),
    ),
)
NOTHING_FIXED = FixSummary("nets/lenet.pb", "", 31, 31)
VERIFY = VerifyView(
    reference="nets/resnet50_v2.pb",
    candidate="out/resnet50_v2.onnx",
    outcome="different",
    reason="aux is outside tolerance, and probs could not have been",
    outputs=(
        OutputCheck(
            "Identity",
            "same",
            rtol=1e-3,
            atol=1e-5,
            size=1000,
            max_abs=3.1e-7,
            mean_abs=2.2e-8,
            max_rel=4.8e-6,
            worst_index=(0, 412),
            worst_reference=0.001234567,
            worst_candidate=0.001234877,
            needed_rtol=0.0,
            needed_atol=0.0,
            moves=5312.4,
        ),
        OutputCheck(
            "aux",
            "different",
            "118 of 1,000 elements are outside tolerance",
            rtol=1e-3,
            atol=1e-5,
            size=1000,
            mismatched=118,
            max_abs=0.5,
            mean_abs=0.0321,
            max_rel=float("inf"),
            worst_index=(0, 7),
            worst_reference=0.0,
            worst_candidate=0.5,
            needed_atol=0.5,
            moves=41.0,
        ),
        OutputCheck(
            "probs",
            "inconclusive",
            "the reference moves by less than 10 tolerances between two inputs",
            rtol=1e-3,
            atol=1e-5,
            size=10,
            max_abs=0.0,
            mean_abs=0.0,
            max_rel=0.0,
            needed_rtol=0.0,
            needed_atol=0.0,
            moves=0.31,
        ),
        OutputCheck("mask", "different", "the candidate has no such output"),
    ),
    inputs=(INPUT,),
    data="random, seed 0",
    reference_runner="TensorFlow 2.21.0",
    candidate_runner="ONNX Runtime 1.31.0, CPU",
)
SAME = VerifyView("a.pb", "b.onnx", "same")
BUILT = BuildView(
    model="out/resnet50_v2.onnx",
    ok=True,
    plan="out/resnet50_v2.plan",
    backend="tensorrt_rtx_bindings",
    version="1.7.1",
    compute_capabilities=("8.0", "8.6", "8.9", "12.0"),
    size=102_760_448,
    seconds=0.94,
    steps=(("import", 0.21), ("parse", 0.08), ("build", 0.62)),
    inputs=(INPUT,),
    outputs=(IDENTITY,),
    sidecar="out/resnet50_v2.plan.json",
    warnings=("the plan needs a GPU of one of these compute capabilities to run",),
)
NOT_BUILT = BuildView(
    model="out/ssd.onnx",
    ok=False,
    plan="out/ssd.plan",
    backend="tensorrt_rtx_bindings",
    version="1.7.1",
    seconds=0.4,
    problems=(
        BuildProblem(
            tuple(f"Postprocessor/nms/{i}" for i in range(5)),
            "NonMaxSuppression",
            "the parser takes it, the builder has no implementation of it",
            "build",
        ),
        BuildProblem((), "", "no optimization profile for the dynamic input image"),
    ),
    tried=("tensorrt: not installed", "tensorrt_rtx: not installed"),
)
CURE = CureView(
    model="nets/resnet50_v2.pb",
    target="rtx1.7",
    ok=True,
    steps=(
        CureStep("check", "done", 0.41, "incompatible: 125 of 142 ops convert; 2 blockers, 2 fixable"),
        CureStep(
            "fix",
            "done",
            0.33,
            "70 rewrites: tf112 16, fold 53, trt3 1",
            (Artefact("out/resnet50_v2.fixed.pb", 102_211_334),),
            ("1,204 nodes before, 391 after",),
        ),
        CureStep("convert", "done", 0.52, "126 of 126 ops lowered", (Artefact("out/resnet50_v2.onnx", 102_144_000),)),
        CureStep(
            "build",
            "done",
            0.94,
            "TensorRT-RTX 1.7.1, compute capability 8.0, 8.6, 8.9, 12.0",
            (Artefact("out/resnet50_v2.plan", 102_760_448), Artefact("out/resnet50_v2.plan.json", 1_204)),
        ),
        CureStep("verify", "done", 4.2, "same as TensorFlow 2.21.0: max error 3.1e-07"),
    ),
    conclusion="cured: the engine is built and the numbers are the same",
)
NOT_CURED = CureView(
    model="ssd.pb",
    target="trt8.6",
    ok=False,
    steps=(
        CureStep("check", "failed", 0.08, "incompatible: 3 of 4 ops convert; 1 blocker, none fixable"),
        CureStep("fix", "unknown", 0.02, "nothing to fix"),
        CureStep("convert", "skipped", 0.0, "skipped: NonMaxSuppressionV5 has no lowering"),
        CureStep("build", "skipped"),
        CureStep("verify", "skipped"),
    ),
    conclusion="not cured: convert could not be done",
)
RULE = RulePage(
    code="GDV001",
    info=RuleInfo(
        "op-newer-than-1.12",
        "An op that TensorFlow 1.12 does not have",
        "The UFF converter reads graphs as TensorFlow 1.12 writes them. It stops at the first op it does not know, or "
        "takes it for a custom layer that the parser then cannot find.",
        "Rename the op where an older one does the same; the rewrite refuses where none does.",
    ),
    targets=("trt3", "trt4", "trt5", "trt6", "trt7-uff", "trt8-uff"),
    errors=(
        "No conversion function registered for layer: AddV2 yet.",
        "UffParser: Validator error: add: Unsupported operation _AddV2",
    ),
    fix=Fix("rename-add-v2", Safety.SAFE, "tf112"),
    example="x = Placeholder() float32[1,4]\ny = AddV2(x, x)",
    fixed="x = Placeholder() float32[1,4]\ny = Add(x, x)",
    references=("https://github.com/tensorflow/tensorflow/releases/tag/v1.13.1",),
)
ROWS = (
    RuleRow("GDV001", "op-newer-than-1.12", Severity.ERROR, "An op that TensorFlow 1.12 does not have", RULE.fix),
    RuleRow(
        "GDU020",
        "pad-before-other",
        Severity.WARNING,
        "Pad in front of an op that does not take it over, which the parser drops without a word",
        Fix("pad-into-conv", Safety.UNSAFE, "trt3"),
    ),
    RuleRow("GDS003", "dead-node", Severity.INFO, "A node that leads to no output"),
)
TARGETS = (
    TargetRow("trt3", "TensorRT 3.0", "uff", 58, 40, 12, default=True),
    TargetRow("trt8.6", "TensorRT 8.6", "onnx", 1141, 1, 1),
    TargetRow("rtx1.7", "TensorRT-RTX 1.7.1", "onnx", 160, 0, 4, live=True),
)
PACKS = (
    PackRow(
        "tf112",
        "Say the graph in the words of TensorFlow 1.12",
        (
            RewriteRow("rename-add-v2", Safety.SAFE, "AddV2 as Add"),
            RewriteRow(
                "strip-new-attributes",
                Safety.SAFE,
                "drop attributes that 1.12 does not know where they have their default",
            ),
        ),
    ),
    PackRow(
        "trt3",
        "What the parser of TensorRT 3 wants",
        (RewriteRow("pad-into-conv", Safety.UNSAFE, "Pad into the convolution"),),
    ),
)
ERROR = InputError(
    "holds a Git-LFS pointer, not a model; the real file has 102 MB and was never fetched",
    where="nets/resnet50_v2.pb",
    remedy="Run git lfs pull",
)
CRASH = WorkerError(
    "the builder died with signal 11 (SIGSEGV)",
    where="build",
    remedy="Try another backend: --backend tensorrt",
    log="[I] parsing\n[W] \x1b[33mint64 weights\x1b[0m\n[E] out of memory\n",
)
