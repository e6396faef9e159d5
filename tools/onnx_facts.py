"""ONNX targets: rows and limits from ``onnx_trt_ops.json`` (tables) and ``rtx_live.json`` (measured)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from uff_facts import Row, Rows, merge, words

from graphdoctor.types import DType

Case = Mapping[str, Any]

TABLE_DTYPES = {
    "FP32": "float32",
    "FP16": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "FP4": "",  # no TensorFlow number
    "INT64": "int64",
    "INT32": "int32",
    "INT8": "int8",
    "INT4": "int4",
    "UINT8": "uint8",
    "BOOL": "bool",
}
IO_ONLY = "uint8"
"""A type of network inputs and outputs that no tensor between them has."""
NOT_CONSTANT = ("int8",)
"""Types that the builder of TensorRT-RTX takes for quantized weights where a constant has them (measured, 1.7.1)."""
MEASURED_DTYPES = {"f8e4m3fn": "float8_e4m3fn", "f8e5m2": "float8_e5m2"} | {
    "f8e4m3fnuz": "float8_e4m3fnuz",
    "f8e5m2fnuz": "float8_e5m2fnuz",
}
FIRST_ONLY = words(
    """AffineGrid CastLike CenterCropPad Col2Im Compress CumProd CumSum DFT DequantizeLinear Dropout Expand Gather
    GatherElements GatherND MaxUnpool Pad QuantizeLinear ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape Resize ReverseSequence STFT Slice Split
    SplitToSequence Squeeze Tile TopK Trilu Unsqueeze Upsample"""
)
INPUTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(words("ConstantOfShape If Loop Scan"), ()),
    **dict.fromkeys(words("GRU LSTM RNN Attention RotaryEmbedding"), (0, 1, 2)),
    **dict.fromkeys(words("Scatter ScatterElements ScatterND"), (0, 2)),
    **dict.fromkeys(words("NonMaxSuppression RoiAlign TensorScatter"), (0, 1)),
    **dict.fromkeys(FIRST_ONLY, (0,)),
    "OneHot": (2,),
    "Where": (1, 2),
}
"""Inputs that an op's types speak of, where others (axes, shapes, indices, flags) have types of their own."""

OPERANDS = {"axes": 1, "axis": 1, "depth": 1, "split": 1, "K": 1, "min": 1, "max": 2, "scale": 1, "B": 2} | {
    "zero_point": 2,
    "frame_step": 1,
    "window": 2,
}
AXES_AT = {"Slice": 3, "Pad": 3}
RESIZE_DEFAULTS = {
    "coordinate_transformation_mode": "half_pixel",
    "mode": "nearest",
    "nearest_mode": "round_prefer_floor",
}
HALF_PIXEL_NN = "tf_half_pixel_for_nn"
FIXED: Rows = {
    "zero_point": {"zero": [2]},
    "training_mode_constant_false": {"zero": [2]},
    "no_output": {"outputs": 1},
    "outputs_used": {"outputs": 1},
    "static_shapes": {"static": True},
    "seed_ignored": {"note": "the seed has no effect"},
    "same_activation_both_directions": {"doubt": {"direction": ["bidirectional"]}},
    "dilations_all_ones": {"attrs": {"dilations": [[1], [1, 1], [1, 1, 1]]}},
    "axes_resolvable_to_constant": {"constant": [1]},
    "axis_build_time_constant": {"constant": [1]},
    "float_inputs_constant": {"constant": [0, 1, 2]},
    "antialias": {"attrs": {"antialias": [0]}},
    "axes": {"doubt": {"axes": []}},
    "trt_types_only": {"dtype_attr": "to"},
    "value": {"zero": [2]},
}
"""Constraint -> condition, whatever its value."""
ONE_VALUE = words("input_forget layout axis sorted")
COMPUTED: dict[str, Callable[[str, Any], Row]] = {
    "constant_inputs": lambda op, names: operands(op, names),
    "spatial_rank_in": lambda op, ranks: {"rank": [r + 2 for r in ranks]},
    "input_rank": lambda op, rank: {"rank": [rank]},
    "input_rank_range": lambda op, ends: {"rank": list(range(ends[0], ends[1] + 1))},
    "attrs_unsupported": lambda op, names: {"unset": names},
    "mode": lambda op, allowed: {"attrs": {"mode": allowed}},
    "reduction": lambda op, allowed: {"attrs": {"reduction": allowed}},
    "keep_aspect_ratio_policy": lambda op, allowed: {"attrs": {"keep_aspect_ratio_policy": allowed}},
}
LIMIT_KEYS = {
    "weights_constant": ("conv-weights-const", "The weights must be an initializer."),
    "indices_non_negative_unless_built_with": (
        "gather-negative-index",
        "Negative indices need another build.",
    ),
    "padded_dims": ("pad-last-two", "Zeros are added to the last two dimensions alone."),
    "max_padded_dims": ("pad-two-dims", "Zeros are added to at most two dimensions."),
}
"""Restrictions that only a rule can look for: they become limits."""
LAYER_TAKES_MORE = words("NonZero")
"""Ops whose layer takes more types than the table lists: what is not listed is not known to fail. (INonZeroLayer in the
TensorRT API documentation, 10.2: float, half, int32 and bool; the table says FP32 and FP16.)"""
MAX_RANK = 8
"""Dimensions of a tensor beyond which the parser of TensorRT-RTX refuses it (measured, 1.7.1)."""
TOP_K = "k_max_exclusive"
TOP_K_REPORT = "https://github.com/NVIDIA/TensorRT/issues/2718"
SAID_BY_RULES = frozenset((*LIMIT_KEYS, TOP_K, "position_ids"))


def table_rows(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Rows of a release's operator table."""
    release = target["facts"][0]
    table = facts["onnx_ops"]["releases"][release]
    return {op: table_row(op, row) | {"confidence": "high", "source": "@table"} for op, row in table.items()}


def table_row(op: str, entry: Mapping[str, Any]) -> Row:
    """One operator: its types and what its restrictions mean; what cannot be decided gives ``unknown``."""
    if not entry["supported"]:
        return {"support": "no", "reason": "listed as not supported"}
    row: Row = {"support": "yes"}
    types = [w for t in entry.get("types", []) for w in t.split()]
    if types:
        row["dtypes"] = [TABLE_DTYPES[w] for w in types if TABLE_DTYPES[w]]
        row |= {"inputs": list(INPUTS[op])} if op in INPUTS else {}
        row |= {"dtype_attr": "to"} if op == "Cast" else {}
        row |= {"open": True} if op in LAYER_TAKES_MORE else {}
    for restriction in entry.get("restrictions", []):
        row |= restricted(op, restriction)
    return row


def restricted(op: str, restriction: Mapping[str, Any]) -> Row:
    """The conditions of a restriction, or ``unknown`` with its text."""
    row: Row = {"attrs": {}, "doubt": {}}
    for key, value in restriction["constraints"].items():
        condition = {"note": restriction["text"]} if key in SAID_BY_RULES else condition_of(op, key, value)
        if condition is None:
            return {"support": "unknown", "reason": restriction["text"]}
        merge(row, condition)
    return {k: v for k, v in row.items() if v}


def condition_of(op: str, key: str, value: Any) -> Row | None:
    """What a constraint asks of a node; ``None`` when a row cannot say it."""
    if key in FIXED:
        return FIXED[key]
    if key in ONE_VALUE:
        return {"attrs": {key: [value]}}
    if op == "Resize" and key in RESIZE_DEFAULTS:
        return resize(key, value)
    meaning = COMPUTED.get(key)
    return meaning(op, value) if meaning else None


def operands(op: str, names: list[str]) -> Row:
    """Operands that must be constant, by position."""
    return {"constant": [AXES_AT.get(op, 1) if name == "axes" else OPERANDS[name] for name in names]}


def resize(key: str, allowed: list[str]) -> Row | None:
    """Resize's modes. Not sayable where ONNX's default is not among them; one mode is half supported."""
    if RESIZE_DEFAULTS[key] not in allowed:
        return None
    doubt = {"doubt": {key: [HALF_PIXEL_NN]}} if HALF_PIXEL_NN in allowed else {}
    return {"attrs": {key: allowed}, **doubt}


def table_limits(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Limits that the tables' notes and headers give."""
    onnx, release = facts["onnx_ops"], target["facts"][0]
    notes = {note["topic"]: note for note in onnx["notes"]}
    found = {
        "double-missing": {
            "reason": "The engine has no double: FP64 in the file is narrowed to FP32.",
            "source": "@table",
            "confidence": "high",
        },
    }
    if not casts_uint8(onnx["releases"][release]):
        found["uint8-input"] = note_limit(notes["UINT8 inputs"], "replace the input by a float32 one")
    if narrows_int64(release):
        found["int64-narrowed"] = note_limit(notes["INT64"], "keep integers within 32 bits")
    if release.startswith("10.") or release in ("8.6", "9.3"):
        found["resize-half-pixel-nn"] = {"ops": ["Resize"], **note_limit(notes["Resize from TF2"], "")}
    if release == "7.2":
        found["reduce-axes-input"] = {"ops": ["ReduceSum"], **note_limit(notes["ReduceSum axes input"], "")}
    found |= top_k_limit(restriction_has(onnx["releases"][release].get("TopK", {}), TOP_K))
    if onnx["releases"][release].get("NonMaxSuppression", {}).get("supported"):
        found |= NMS_LIMIT
    for key, (name, reason) in LIMIT_KEYS.items():
        ops = [op for op, row in onnx["releases"][release].items() if restriction_has(row, key)]
        if ops:
            found[name] = {"ops": ops, "reason": reason, "source": "@table", "confidence": "high"}
    return found


NMS_LIMIT = {
    "nms-5000": {
        "ops": ["NonMaxSuppression"],
        "reason": "Of each image, the 5000 best of all boxes above the score threshold are looked at.",
        "remedy": "raise the score threshold, or keep the best boxes with TopK first",
        "source": "https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-1070/operators/docs/NMS.html",
        "confidence": "high",
    }
}
"""What the page of the layer says in every release from 8.5 on (2000 on SM 5.3 and 6.2, of which no target tells)."""


def top_k_limit(listed: bool) -> Rows:
    """The largest K: a lead where the release's table does not say it."""
    source, sure = ("@table", "high") if listed else (TOP_K_REPORT, "low")
    row = {"ops": ["TopK"], "reason": "K is less than 3840.", "remedy": "lower K, or sort in parts"}
    return {"top-k-3840": {**row, "source": source, "confidence": sure}}


def casts_uint8(table: Mapping[str, Any]) -> bool:
    """True from TensorRT 8.5 on, where a uint8 input can be cast (onnx-tensorrt changelog, 8.5 GA)."""
    return any("UINT8" in types.split() for types in table["Cast"].get("types", []))


def narrows_int64(release: str) -> bool:
    """True up to TensorRT 9, as the note on INT64 says (the tables of 9 list INT64 and do not mention it)."""
    return not release.startswith("10.")


def restriction_has(row: Mapping[str, Any], key: str) -> bool:
    """True if a restriction of ``row`` has the constraint ``key``."""
    return any(key in r["constraints"] for r in row.get("restrictions", []))


def note_limit(note: Mapping[str, Any], remedy: str) -> Row:
    """A note of the table as a limit."""
    row = {"reason": note["fact"], "source": note.get("source", "@table"), "confidence": note["confidence"]}
    return {**row, **({"remedy": remedy} if remedy else {})}


def engine_dtypes(onnx: Mapping[str, Any], release: str) -> list[str]:
    """Element types that any operator of the table takes; the header's list where the table has none."""
    found = {w for row in onnx["releases"][release].values() for t in row.get("types", []) for w in t.split()}
    if not found:
        found = {w for text in onnx["meta"]["data_types"][release] if "narrowed" not in text for w in text.split()}
        found |= {"INT32"}
    return [label for word, label in TABLE_DTYPES.items() if word in found and label not in ("", IO_ONLY)]


# --- measured


NOT_A_TENSOR = "0["
"""How the cases write an input that is a sequence or an optional; TensorFlow graphs have none."""


def builds(case: Case) -> bool:
    """True if the builder built the case, as it is or with constant operands."""
    return bool(case["builds"] or (case.get("with_constant_operands") or {}).get("builds"))


def dtype_of(text: str) -> str:
    """The dtype of ``float32[3,4]``, empty for one that TensorFlow has no number for."""
    word = text.partition("[")[0]
    word = MEASURED_DTYPES.get(word, word)
    return word if DType.parse(word) else ""


def measured_rows(facts: Mapping[str, Any]) -> Rows:
    """One row per op that stands alone in at least one case."""
    alone: dict[str, list[Case]] = defaultdict(list)
    for case in facts["rtx"]["cases"]:
        if len(case["ops"]) == 1:
            alone[case["ops"][0]].append(case)
    return {op: measured_row(op, cases) | {"confidence": "high", "source": "@rtx"} for op, cases in alone.items()}


def measured_row(op: str, cases: list[Case]) -> Row:
    """yes if every case builds, or every case of some dtypes; no if none does; else unknown, with reasons."""
    cases = [c for c in cases if not any(i.startswith(NOT_A_TENSOR) for i in c["inputs"])] or cases
    good = [c for c in cases if builds(c)]
    if not good:
        stage = "the builder fails" if any(c["parser"] for c in cases) else "the parser refuses it"
        return {"support": "no", "reason": f"{stage} in every measured case ({len(cases)})", **error_of(cases)}
    taken, lost = (data_dtypes(op, [c for c in cases if builds(c) is b]) for b in (True, False))
    row: Row = {"support": "yes", "dtypes": taken, "open": True}
    if set(taken) & set(lost) or (len(good) < len(cases) and not lost):
        failed = [c for c in cases if not builds(c)]
        reason = f"{len(good)} of {len(cases)} measured cases build"
        return {"support": "unknown", "reason": reason, **error_of(failed)}
    row |= {"refused": lost} if lost else {}
    row |= {"inputs": list(INPUTS[op])} if op in INPUTS else {}
    if op in INPUTS and any(not c["builds"] for c in good):
        row["rest_constant"] = True
    return row


def data_dtypes(op: str, cases: Iterable[Case]) -> list[str]:
    """dtypes of the inputs that count, over ``cases``."""
    found = set()
    for case in cases:
        positions = INPUTS.get(op, range(len(case["inputs"])))
        found |= {dtype_of(case["inputs"][p]) for p in positions if p < len(case["inputs"])}
    return [d.label for d in DType if d.label in found]


def error_of(cases: Iterable[Case]) -> Row:
    """The commonest text of the parser over ``cases``, in one line; none where the builder says nothing."""
    errors = [(c.get("with_constant_operands") or c)["error"] or c["error"] for c in cases]
    texts = Counter(" ".join(e["text"].split())[:160] for e in errors if e)
    top = texts.most_common(1)[0][0] if texts else "false"
    return {} if top == "false" else {"error": top}


def measured_dtypes(facts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """dtypes that occur in a case that builds, and dtypes that the parser can never convert."""
    taken: set[str] = set()
    lost: Counter[str] = Counter()
    for case in facts["rtx"]["cases"]:
        labels = {dtype_of(i) for i in case["inputs"]}
        taken |= labels if builds(case) else set()
        if not builds(case) and case["error"] and "convertDtype(onnxDtype" in case["error"]["text"]:
            lost.update(labels)
    order = [d.label for d in DType]
    return [d for d in order if d in taken - {IO_ONLY}], [d for d in order if d in lost and d not in taken]


def measured_opsets(facts: Mapping[str, Any]) -> dict[str, int]:
    """Smallest and largest opset of the cases that build."""
    opsets = [c["opset"] for c in facts["rtx"]["cases"] if builds(c) and c["opset"]]
    return {"min": min(opsets), "max": max(opsets)}
