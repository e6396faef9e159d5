from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.targets import DEFAULT_TARGET, Confidence, OpRow, all_target_names, load_target
from graphdoctor.targets.judge import judge
from graphdoctor.targets.rows import EngineTypes
from graphdoctor.types import Answer, DType, Shape, Support

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
NAMES = all_target_names()
UFF = ("trt3", "trt4", "trt5", "trt6", "trt7-uff", "trt8-uff")


@dataclass(frozen=True)
class Spec:
    dtype: DType = DType.FLOAT
    shape: Shape = (1, 8, 8, 3)
    constant: Any = None


F = Spec()
AXIS = Spec(DType.INT32, (), np.array(3, np.int32))


def ask(target: str, op: str, *specs: Spec | None, outputs: int = 1, **attrs: Any) -> Support:
    return load_target(target).supports(op, specs, attrs, outputs)


# --- what the tables say


def test_the_default_is_there_and_the_order_is_by_release() -> None:
    assert DEFAULT_TARGET == "trt3"
    assert NAMES.index("trt8.6") < NAMES.index("trt9") < NAMES.index("trt10.0") < NAMES.index("trt10.15")
    assert {"trt3", "trt8-uff", "trt8.6", "rtx1.7"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_and_limit_has_a_source(name: str) -> None:
    target = load_target(name)
    assert target.ops
    for row in (*target.ops.values(), target.absent):
        assert row.source
        assert not row.source.startswith("@")
        assert row.support is YES or row.reason or row.error
    for limit in target.limits.values():
        assert limit.source
        assert limit.reason
        assert target.has_limit(limit.name) is limit


@pytest.mark.parametrize("name", NAMES)
def test_parser_decides_what_an_absent_op_is(name: str) -> None:
    target = load_target(name)
    answer = target.supports("NoSuchOp", (F,), {})
    assert answer.ok is (UNKNOWN if target.parser == "onnx" else NO)
    assert "NoSuchOp" in answer.reason
    assert target.parser != "uff" or target.row("NoSuchOp").error.endswith("Unsupported operation _NoSuchOp")


DOCUMENTED = """Placeholder Const Add Sub Mul Div Minimum Maximum BiasAdd Neg Abs Sqrt Rsqrt Exp Log Tanh Relu Sigmoid
Softmax Mean ConcatV2 Reshape Transpose Conv2D DepthwiseConv2dNative Conv2DBackpropInput MaxPool AvgPool Pad Identity
RealDiv MatMul""".split()
MISSING_IN_3 = """FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Squeeze Square Relu6 LeakyRelu ExpandDims ArgMax Elu
Sin Sum Max LRN Pow AddV2 AddN Cast Slice Split Unpack PadV2 MirrorPad Switch Merge Enter While If StatelessIf
BatchMatMulV2 ResizeBilinear ResizeNearestNeighbor RandomUniform PlaceholderWithDefault StopGradient TRTEngineOp
Conv3D ReadVariableOp""".split()


def test_trt3_has_the_documented_ops_and_no_others() -> None:
    rows = load_target("trt3").ops
    assert {op for op, row in rows.items() if row.support is YES} == set(DOCUMENTED)


@pytest.mark.parametrize("op", MISSING_IN_3)
def test_trt3_refuses(op: str) -> None:
    answer = ask("trt3", op, F, F)
    assert answer.ok is NO
    assert answer.reason
    assert load_target("trt3").row(op).error or op == "FusedBatchNorm"


@pytest.mark.parametrize(
    ("op", "since"),
    [("FusedBatchNorm", 1), ("Squeeze", 1), ("Square", 1), ("Relu6", 2), ("Elu", 2), ("LeakyRelu", 3)],
)
def test_uff_ops_come_with_a_release_and_stay(op: str, since: int) -> None:
    assert [ask(name, op, F).ok for name in UFF] == [NO] * since + [YES] * (len(UFF) - since)


@pytest.mark.parametrize("op", ["AddV2", "FusedBatchNormV3", "Switch", "Cast", "Pow", "Slice", "ResizeBilinear"])
def test_no_uff_release_has(op: str) -> None:
    assert {ask(name, op, F).ok for name in UFF} == {NO}


def test_shape_chains_of_trt3_are_not_known_and_plugins_of_trt5_need_registering() -> None:
    assert ask("trt3", "Shape", F).ok is UNKNOWN
    assert ask("trt4", "StridedSlice", F).ok is UNKNOWN
    assert ask("trt5", "Shape", F).ok is YES
    assert ask("trt3", "NMS_TRT", F).ok is NO
    assert ask("trt5", "NMS_TRT", F).ok is YES  # the rules of family P look at the rest of it
    assert ask("trt5", "Normalize_TRT", F).ok is UNKNOWN


@pytest.mark.parametrize(
    ("limit", "having"),
    [
        ("batchnorm-missing", ("trt3",)),
        ("concat-channel-only", ("trt3", "trt4")),
        ("pad-followed", UFF),
        ("switch-merge", UFF),
        ("reduce-keepdims", UFF),
        ("uint8-input", (*UFF, "trt7", "trt8.0", "trt8.4")),
        ("scale-min-3d", UFF),
        ("squeeze-trt3", ("trt3",)),
        ("int64-narrowed", ("trt7", "trt8.0", "trt8.4", "trt8.6", "trt9")),
    ],
)
def test_limits_hold_where_the_facts_say(limit: str, having: tuple[str, ...]) -> None:
    assert {n for n in NAMES if load_target(n).has_limit(limit)} == set(having)


def test_a_limit_last_seen_in_7_is_only_a_lead_in_8() -> None:
    limit = load_target("trt8-uff").limits["scale-min-3d"]
    assert limit.confidence is Confidence.LOW
    assert load_target("trt7-uff").limits["scale-min-3d"].confidence is Confidence.HIGH


def test_opset_ranges() -> None:
    assert load_target("trt8.6").opset == (None, 17)
    assert load_target("trt10.0").opset == (9, 20)
    assert load_target("trt3").opset is None


def test_packs_are_inherited_and_one_target_is_asked_live() -> None:
    assert load_target("trt3").packs == load_target("trt8-uff").packs == ("tf112", "clean", "fold", "trt3", "uff")
    assert load_target("tftrt1.15").packs == ("tf112", "clean", "fold")
    assert [n for n in NAMES if load_target(n).live] == ["rtx1.7"]


# --- dtypes


@pytest.mark.parametrize(
    ("target", "op", "dtype", "expected"),
    [
        ("trt3", "Relu", DType.FLOAT, YES),
        ("trt3", "Relu", DType.BOOL, NO),
        ("trt3", "Relu", DType.DOUBLE, NO),
        ("trt3", "Relu", DType.INT64, UNKNOWN),
        ("trt3", "Relu", DType.INVALID, UNKNOWN),
        ("trt8-uff", "Conv2D", DType.INT32, NO),
        ("trt7-uff", "Conv2D", DType.INT32, YES),
        ("trt8.6", "MatMul", DType.INT32, NO),
        ("trt8.6", "MatMul", DType.INT64, NO),
        ("trt8.6", "MatMul", DType.DOUBLE, UNKNOWN),
        ("trt8.6", "Add", DType.INT64, UNKNOWN),
        ("trt8.6", "Add", DType.BOOL, NO),
        ("trt8.6", "Add", DType.INVALID, UNKNOWN),
        ("trt7", "Add", DType.BOOL, YES),
        ("trt7", "Add", DType.UINT8, UNKNOWN),
        ("trt10.0", "Add", DType.INT64, YES),
        ("rtx1.7", "Add", DType.HALF, YES),
        ("rtx1.7", "Add", DType.UINT8, NO),
        ("rtx1.7", "Add", DType.STRING, NO),
        ("rtx1.7", "Relu", DType.INT32, NO),
        ("rtx1.7", "Mish", DType.HALF, UNKNOWN),
    ],
)
def test_dtypes(target: str, op: str, dtype: DType, expected: Answer) -> None:
    assert ask(target, op, Spec(dtype), Spec(dtype)).ok is expected


def test_a_constant_is_narrowed_and_a_computed_int64_is_not_known() -> None:
    constant = Spec(DType.INT64, (3,), np.arange(3))
    assert ask("trt8.6", "Add", constant, Spec(DType.INT32)).ok is YES
    answer = ask("trt8.6", "Add", Spec(DType.INT64), Spec(DType.INT32))
    assert "narrowed to int32" in answer.reason


def test_axes_and_indices_are_not_held_against_the_types_of_the_data() -> None:
    axes = Spec(DType.INT64, (1,), np.array([1]))
    assert ask("trt8.6", "ReduceMean", F, axes).ok is YES
    assert ask("trt8.6", "Gather", F, Spec(DType.INT64)).ok is YES
    assert ask("trt8.6", "Where", Spec(DType.BOOL), F, F).ok is YES
    assert ask("trt8.6", "Gather", F, Spec(DType.INVALID)).ok is UNKNOWN


def test_dtypes_in_attributes() -> None:
    assert ask("trt3", "Placeholder", dtype=DType.FLOAT).ok is YES
    assert ask("trt3", "Placeholder", dtype=DType.UINT8).ok is NO
    assert ask("trt3", "Placeholder").ok is UNKNOWN
    assert ask("trt8.6", "Cast", F, to=DType.INT32).ok is YES
    assert ask("trt8.6", "Cast", F, to=DType.UINT16).ok is NO
    assert ask("trt8.6", "Cast", F, to=7).ok is UNKNOWN


# --- other conditions


def test_attributes() -> None:
    assert ask("trt3", "Conv2D", F, F, padding=b"SAME").ok is YES
    refused = ask("trt3", "Conv2D", F, F, padding="EXPLICIT")
    assert refused.ok is NO
    assert "padding is EXPLICIT" in refused.reason
    begin = Spec(DType.INT32, (1,), np.zeros(1, np.int32))
    assert ask("trt5", "StridedSlice", F, begin, begin, begin, ellipsis_mask=0).ok is YES
    assert ask("trt5", "StridedSlice", F, begin, begin, begin, new_axis_mask=1).ok is NO
    assert ask("rtx1.7", "AveragePool", F, dilations=(1, 1)).ok is YES
    assert ask("rtx1.7", "AveragePool", F, dilations=[2, 2]).ok is NO
    assert ask("trt8.6", "Resize", F, coordinate_transformation_mode="tf_half_pixel_for_nn").ok is UNKNOWN
    assert ask("trt8.6", "Resize", F, coordinate_transformation_mode="tf_crop_and_resize").ok is NO
    assert ask("trt8.6", "LSTM", F, F, F, direction="bidirectional").ok is UNKNOWN


def test_constants_ranks_and_outputs() -> None:
    assert ask("trt3", "ConcatV2", F, F, F, AXIS).ok is YES
    assert ask("trt3", "ConcatV2", F, F, F, Spec(DType.INT32, ())).ok is UNKNOWN
    assert ask("trt8.6", "Unsqueeze", F, axes=[0]).ok is YES
    assert ask("trt8.6", "Unsqueeze", F, Spec(DType.INT64, (1,))).ok is UNKNOWN
    assert ask("rtx1.7", "Reshape", F, Spec(DType.INT64, (2,))).ok is UNKNOWN
    assert ask("trt8.6", "MaxPool", F).ok is YES
    assert ask("trt8.6", "MaxPool", F, outputs=2).ok is NO
    assert ask("trt8.6", "MaxPool", Spec(shape=(1, 3, 8))).ok is NO
    assert ask("trt8.6", "MaxPool", Spec(shape=None)).ok is UNKNOWN
    assert ask("rtx1.7", "MatMul", Spec(shape=(4,)), F).ok is UNKNOWN
    assert ask("trt5", "FusedBatchNorm", F, F, F, F, F, outputs=4).ok is NO


def test_zero_points() -> None:
    scale, quantized = Spec(shape=(), constant=np.float32(0.1)), Spec(DType.INT8)
    zero, three = (Spec(DType.INT8, (), np.array(v, np.int8)) for v in (0, 3))
    assert ask("trt8.6", "DequantizeLinear", quantized, scale).ok is YES
    assert ask("trt8.6", "DequantizeLinear", quantized, scale, None).ok is YES
    assert ask("trt8.6", "DequantizeLinear", quantized, scale, zero).ok is YES
    assert ask("trt8.6", "DequantizeLinear", quantized, scale, three).ok is NO
    assert ask("trt8.6", "DequantizeLinear", quantized, scale, Spec(DType.INT8, ())).ok is UNKNOWN


def test_what_no_shipped_row_needs_alone() -> None:
    row = OpRow(YES, Confidence.HIGH, "here", static=True, unset=("axes",), doubt={"mode": ()})
    types = EngineTypes(frozenset({DType.FLOAT}))
    assert judge(row, (F,), {}, 1, types).ok is YES
    assert judge(row, (Spec(shape=(None, 2)),), {}, 1, types).ok is UNKNOWN
    assert judge(row, (F,), {"axes": [1]}, 1, types).ok is NO
    assert judge(row, (F,), {"mode": "any"}, 1, types).ok is UNKNOWN


def test_a_weaker_row_gives_a_weaker_answer() -> None:
    high = OpRow(YES, Confidence.HIGH, "here", dtypes=frozenset({DType.FLOAT}))
    specs = (Spec(DType.INT32),)
    answers = [judge(replace(high, confidence=c), specs, {}, 1, EngineTypes()).ok for c in Confidence]
    assert answers == [NO, UNKNOWN, UNKNOWN]
    assert judge(replace(high, confidence=Confidence.LOW), (F,), {}, 1, EngineTypes()).ok is UNKNOWN


# --- properties

DIMS = st.none() | st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))
SPECS = st.lists(st.builds(Spec, st.sampled_from(list(DType)), DIMS, st.none()), max_size=5)
ATTRS = st.dictionaries(st.sampled_from(["padding", "mode", "dtype", "to", "axis"]), st.sampled_from([0, b"SAME", "x"]))


@given(st.sampled_from(NAMES), st.text(min_size=1), SPECS, ATTRS)
def test_an_unknown_op_is_never_supported(name: str, op: str, specs: list[Spec], attrs: dict[str, Any]) -> None:
    target = load_target(name)
    answer = target.supports(f"{op}?", specs, attrs)
    assert answer.ok is not YES
    assert answer.reason
    assert answer.source


@settings(max_examples=300)
@given(st.data(), st.sampled_from(NAMES), SPECS, ATTRS)
def test_not_knowing_a_dtype_never_helps(data: Any, name: str, specs: list[Spec], attrs: dict[str, Any]) -> None:
    target = load_target(name)
    op = data.draw(st.sampled_from(sorted(target.ops)))
    answer = target.supports(op, specs, attrs)
    blind = target.supports(op, [replace(s, dtype=DType.INVALID) for s in specs], attrs)
    assert answer.ok is YES or answer.reason or target.row(op).error
    assert not specs or blind.ok is not YES
    assert target.ops[op].confidence is not Confidence.LOW or answer.ok is UNKNOWN


@settings(max_examples=300)
@given(st.data(), st.sampled_from(NAMES), SPECS, ATTRS)
def test_a_row_of_low_confidence_is_never_more_than_unknown(
    data: Any, name: str, specs: list[Spec], attrs: dict[str, Any]
) -> None:
    target = load_target(name)
    op = data.draw(st.sampled_from([*sorted(target.ops), "NoSuchOp"]))
    lead = replace(target.row(op), confidence=Confidence.LOW)
    weak = replace(target, ops={**target.ops, op: lead})
    assert weak.supports(op, specs, attrs).ok is UNKNOWN


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_low_confidence_says_why(name: str) -> None:
    for op, row in load_target(name).ops.items():
        if row.confidence is Confidence.LOW:
            answer = ask(name, op, F, F, F)
            assert answer.ok is UNKNOWN
            assert answer.reason
