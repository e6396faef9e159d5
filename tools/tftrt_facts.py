"""TF-TRT targets: rows, limits and how segments are cut, from ``tftrt_ops.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Rows = dict[str, Row]

RELEASES: Mapping[str, Mapping[str, Any]] = {
    "tftrt1.12": {"lists": ("~1.11-1.12", "~1.12-1.13"), "trt": (4.0, 5.0), "complete": "medium"},
    "tftrt1.15": {"lists": ("~1.15",), "trt": (5.15, 6.0), "complete": "high"},
    "tftrt2.12": {
        "lists": ("~2.6-2.7", "~2.8-2.12 (additions/maps)"),
        "trt": (7.0, 8.6),
        "complete": "medium",
        "additive": True,
    },
}
"""Lists of the registry that a target is read from, and the TensorRT releases that its TensorFlow is built with.

``additive`` is True where the second list adds to the first; elsewhere an op must stand in every list, since the lists
are of about that release and what one lacks may have come later.
"""
REGISTRY = "TF-TRT registry: {source}"
SEGMENTER = "tensorflow/tensorflow compiler/tf2tensorrt/segment/segment.cc"
CONVERTER = "tensorflow/tensorflow compiler/tf2tensorrt/convert/convert_nodes.cc: which inputs must be weights"
FLOATS = ["float32", "float16"]
BINARY = "Add AddV2 Sub Mul Div RealDiv FloorDiv Minimum Maximum Pow SquaredDifference".split()
UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Neg Reciprocal Rsqrt Sin Sinh Sqrt
Square Tan Tanh Relu Relu6 Sigmoid Elu Selu Softplus Softsign LeakyRelu""".split()
RESTRICTED: Mapping[str, tuple[str, ...]] = {
    "Binary ops": tuple(BINARY),
    "Unary ops": tuple(UNARY),
    "ResizeBilinear/ResizeNearestNeighbor": ("ResizeBilinear", "ResizeNearestNeighbor"),
}
"""Groups of ``op_restrictions`` to the ops that they mean."""
PADDING: Row = {"attrs": {"padding": ["SAME", "VALID"]}}
NORM: Row = {"attrs": {"is_training": [False]}, "constant": [1, 2, 3, 4], "outputs": 1}
POOL_3D: Row = {"attrs": {"padding": ["SAME", "VALID"]}, "dtypes": FLOATS}
BY_RESTRICTION: Mapping[str, Row] = {
    "Softmax": {},
    "TopKV2": {"constant": [1]},
    "BatchMatMul": {"dtypes": FLOATS},
    "AddN": {"dtypes": FLOATS},
    "ResizeBilinear/ResizeNearestNeighbor": {"constant": [1], "inputs": [0], "dtypes": FLOATS},
    "Binary ops": {"dtypes": [*FLOATS, "int32"]},
    "Unary ops": {"dtypes": FLOATS},
    "CombinedNonMaxSuppression": {"constant": [2, 3, 4, 5]},
    "any": {},
}
"""What a row says of each entry of ``op_restrictions``; what is empty here is a limit."""
WEIGHTS: Mapping[str, Row] = {
    "ArgMax": {"constant": [1], "inputs": [0], "dtypes": FLOATS},
    "ArgMin": {"constant": [1], "inputs": [0], "dtypes": FLOATS},
    "AvgPool": {**PADDING, "dtypes": FLOATS},
    "MaxPool": {**PADDING, "dtypes": FLOATS},
    "AvgPool3D": POOL_3D,
    "MaxPool3D": POOL_3D,
    "BiasAdd": {"constant": [1], "dtypes": FLOATS},
    "Cast": {"dtypes": FLOATS, "dtype_attr": "DstT"},
    "ClipByValue": {"constant": [1, 2], "dtypes": FLOATS},
    "ConcatV2": {"constant": [-1]},
    "Conv2D": {**PADDING, "constant": [1], "dtypes": FLOATS},
    "Conv2DBackpropInput": {**PADDING, "constant": [0, 1], "inputs": [1, 2], "dtypes": FLOATS},
    "Conv3D": {**PADDING, "constant": [1], "dtypes": FLOATS},
    "Conv3DBackpropInputV2": {**PADDING, "constant": [0, 1], "inputs": [1, 2], "dtypes": FLOATS},
    "DepthwiseConv2dNative": {**PADDING, "constant": [1], "dtypes": FLOATS},
    "Einsum": {"dtypes": FLOATS},
    "ExpandDims": {"constant": [1], "inputs": [0]},
    "FakeQuantWithMinMaxVars": {"constant": [1, 2], "dtypes": FLOATS},
    "Fill": {"constant": [0]},
    "FusedBatchNorm": {**NORM, "dtypes": FLOATS},
    "FusedBatchNormV2": {**NORM, "dtypes": FLOATS},
    "FusedBatchNormV3": {**NORM, "dtypes": FLOATS},
    "GatherV2": {"constant": [2], "attrs": {"batch_dims": [0]}},
    "MatMul": {"dtypes": FLOATS},
    "BatchMatMulV2": {"dtypes": FLOATS},
    "Max": {"constant": [1], "inputs": [0]},
    "Mean": {"constant": [1], "inputs": [0]},
    "Min": {"constant": [1], "inputs": [0]},
    "Prod": {"constant": [1], "inputs": [0]},
    "Sum": {"constant": [1], "inputs": [0]},
    "Pad": {"constant": [1], "inputs": [0], "dtypes": FLOATS, "rank": [4]},
    "QuantizeAndDequantizeV2": {"constant": [1, 2], "dtypes": FLOATS},
    "QuantizeAndDequantizeV3": {"constant": [1, 2, 3], "inputs": [0], "dtypes": FLOATS},
    "Reshape": {"constant": [1], "inputs": [0]},
    "Slice": {"constant": [1, 2], "inputs": [0]},
    "Softmax": {"dtypes": FLOATS},
    "Split": {"constant": [0], "inputs": [1]},
    "StridedSlice": {
        "constant": [1, 2, 3],
        "inputs": [0],
        "attrs": {"new_axis_mask": [0], "ellipsis_mask": [0]},
    },
    "Tile": {"constant": [1], "inputs": [0]},
    "Transpose": {"constant": [1], "inputs": [0]},
}
"""Inputs that the converters of every release want as weights, and the types and attributes that they take.

A condition that is broken makes the answer unknown, never no: the lists of facts do not have them.
"""
HALF_PIXEL = {"doubt": {"half_pixel_centers": [True]}}
ADD_V2 = {
    "support": "unknown",
    "reason": "AddV2 is not in the registry that was read; the release may differ",
    "confidence": "low",
}
LIMITS: Mapping[str, Row] = {
    "tftrt-batch": {
        "ops": """Transpose MatMul Squeeze ExpandDims Pack GatherV2 Reshape StridedSlice Slice ConcatV2 Split Unpack
        Mean Sum Max Min Prod ArgMax ArgMin Tile""".split(),
        "reason": "The batch is implicit: no reshape, transposition, concat, slice or reduction over dimension 0.",
        "remedy": "Keep dimension 0 as the batch",
        "rule": "any",
    },
    "tftrt-rank": {
        "ops": ["*"],
        "reason": "The batch is implicit: one of the inputs needs two dimensions or more.",
        "remedy": "Give the tensor a batch dimension",
        "segmenter": "implicit-batch check",
    },
    "tftrt-static-dims": {
        "ops": ["*"],
        "reason": "The engine is built while converting: every dimension but the batch must be known.",
        "remedy": "Give the input its shape, or convert with is_dynamic_op=True",
        "default": "is_dynamic_op",
    },
    "tftrt-batch-matmul": {
        "ops": ["BatchMatMul", "BatchMatMulV2"],
        "reason": "A constant operand of a batched matrix product must have 1 as its first dimension.",
        "remedy": "Give the constant a first dimension of 1",
        "rule": "BatchMatMul",
    },
    "tftrt-add-n": {
        "ops": ["AddN"],
        "reason": "AddN takes two inputs or more, constants among them with a batch of 1, and broadcasts nothing.",
        "remedy": "Write it as a chain of Add",
        "rule": "AddN",
    },
    "tftrt-nms-top": {
        "ops": ["CombinedNonMaxSuppression"],
        "reason": "It becomes the plugin BatchedNMS, which keeps 4096 boxes at most.",
        "remedy": "Lower max_output_size_per_class and max_total_size to 4096",
        "rule": "CombinedNonMaxSuppression",
    },
    "tftrt-max-batch": {
        "ops": ["*"],
        "reason": "max_batch_size is 1 unless it is given: a segment with a larger batch runs in TensorFlow.",
        "remedy": "Give max_batch_size when converting",
        "default": "max_batch_size",
    },
    "tftrt-calibration": {
        "ops": [
            "FakeQuantWithMinMaxVars",
            "FakeQuantWithMinMaxArgs",
            "QuantizeAndDequantizeV2",
            "QuantizeAndDequantizeV3",
        ],
        "reason": "use_calibration is True unless it is given: with INT8, ranges that are in the graph want it False.",
        "remedy": "Give use_calibration=False with precision_mode='INT8'",
        "default": "use_calibration",
    },
}
"""Limits; what they are from is ``rule`` (entry of ``op_restrictions``), ``segmenter`` (words of an entry of
``segmenter``) or ``default`` (option of ``api_defaults``)."""
CONFIDENCE: Mapping[str, Mapping[str, str]] = {
    "tftrt-batch": dict.fromkeys(RELEASES, "high"),
    "tftrt-rank": {"tftrt1.12": "low", "tftrt1.15": "low", "tftrt2.12": "medium"},
    "tftrt-static-dims": {"tftrt1.12": "medium", "tftrt1.15": "medium"},
    "tftrt-batch-matmul": {"tftrt1.12": "low", "tftrt1.15": "low"},
    "tftrt-add-n": {"tftrt2.12": "medium"},
    "tftrt-nms-top": {"tftrt1.15": "medium", "tftrt2.12": "low"},
    "tftrt-max-batch": {"tftrt1.12": "high", "tftrt1.15": "high"},
    "tftrt-calibration": {"tftrt1.15": "high", "tftrt2.12": "high"},
}
"""The targets of each limit, and how sure it is that they have it: the tables do not say of which release they are."""
DEFAULTS_OF = {"tftrt1.12": "1.12", "tftrt1.15": "1.14-1.15", "tftrt2.12": "2.12"}


def registry(facts: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    """The list called ``label``."""
    found: Mapping[str, Any] = next(r for r in facts["tftrt"]["registries"] if r["tf"] == label)
    return found


def tftrt_rows(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """One row for each op of the lists of a target; what its newest list lacks is no row."""
    release = RELEASES[target["name"]]
    lists = [registry(facts, label) for label in release["lists"]]
    rows: Rows = {}
    for listed in lists:
        source = source_of(facts, listed)
        rows |= {op: {"support": "yes", "confidence": level(listed), "source": source} for op in listed["ops"]}
        for op, gate in listed.get("gated", {}).items():
            rows.setdefault(op, gated(gate, release, level(listed), source))
    if not release.get("additive"):
        for op in rows:
            if not all(op in x["ops"] or op in x.get("gated", {}) for x in lists):
                rows[op] = later(rows[op], lists[-1])
    if target["name"] == "tftrt1.15":
        rows["AddV2"] = {**ADD_V2, "source": source_of(facts, lists[-1])}
    if "Shape" in rows:
        rows["Shape"] |= {"support": "unknown", "reason": "not known to convert while the batch is implicit"}
    return {op: restricted(op, row, target["name"], facts) for op, row in rows.items()}


def source_of(facts: Mapping[str, Any], listed: Mapping[str, Any]) -> str:
    """Where a list is from; ``same file`` is that of the list before."""
    text = str(listed["source"])
    before = ""
    for entry in facts["tftrt"]["registries"]:
        before = before if entry["source"].startswith("same file") else entry["source"]
        if entry is listed:
            break
    if text.startswith("same file"):
        text = f"{before.removesuffix(' candidate set')}, about TensorFlow {listed['tf'].removeprefix('~')}"
    return REGISTRY.format(source=text)


def level(listed: Mapping[str, Any]) -> str:
    """How sure it is that an op of a list is in the registry."""
    text = str(listed["confidence"])
    return text.split()[0]


def gated(gate: str, release: Mapping[str, Any], confidence: str, source: str) -> Row:
    """The row of an op that the registry has from a TensorRT release on."""
    if "memory" in gate:
        return {
            "support": "unknown",
            "reason": f"from {engine(gate)} on, if at all",
            "confidence": "low",
            "source": source,
        }
    if "explicit batch" in gate:
        reason = "needs dynamic shapes (use_dynamic_shape), which are off unless asked for"
        return {"support": "no", "reason": reason, "confidence": "medium", "source": source}
    needed, least = wanted(gate), release["trt"][0]
    if needed <= least:
        return {"support": "yes", "confidence": "medium", "note": f"from {engine(gate)} on", "source": source}
    reason = f"needs {engine(gate)}, and which one TensorFlow was built with is not known"
    return {"support": "unknown", "reason": reason, "confidence": "medium", "source": source}


def engine(gate: str) -> str:
    """The release that a gate names."""
    return re.sub(r"TRT>=?", "TensorRT ", gate.split(" (")[0])


def wanted(gate: str) -> float:
    """``TRT>=7.1.3`` as 7.13, so that releases compare; ``TRT>3`` as 3.1."""
    found = re.match(r"TRT(>=|>)(\d+)(?:\.(\d+))?(?:\.(\d+))?", gate)
    assert found, gate
    major, minor, patch = (int(n or 0) for n in found.groups()[1:])
    return major + minor / 10 + patch / 100 + (0.1 if found[1] == ">" else 0)


def later(row: Row, newest: Mapping[str, Any]) -> Row:
    """A row of an op that stands in some of the lists of about this release alone."""
    reason = f"it came about this release: not every source of {newest['tf'].removeprefix('~')} has it"
    return {"support": "unknown", "reason": reason, "confidence": "low", "source": row["source"]}


def restricted(op: str, row: Row, target: str, facts: Mapping[str, Any]) -> Row:
    """``row`` with what the converter of ``op`` wants; a broken condition is then a doubt."""
    if row["support"] != "yes":
        return row
    more: list[tuple[Row, str]] = []
    for entry in facts["tftrt"]["op_restrictions"]:
        said = BY_RESTRICTION[entry["op"]]
        if said and op in RESTRICTED.get(entry["op"], (entry["op"],)):
            more.append((said, "" if entry["op"] in RESTRICTED else entry["rule"]))
    if op in WEIGHTS:
        more.append((WEIGHTS[op], ""))
    if op.startswith("Resize") and target == "tftrt1.15":
        more.append((HALF_PIXEL, ""))
    found = dict(row)
    for said, note in more:
        found |= {k: {**found.get(k, {}), **v} if isinstance(v, dict) else v for k, v in said.items()}
        found |= {"confidence": "medium"} | ({"note": note} if note else {})
    return found


def tftrt_limits(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Limits of a TF-TRT target by name."""
    found: Rows = {}
    for name, limit in LIMITS.items():
        confidence = CONFIDENCE[name].get(target["name"])
        if confidence is not None:
            kept = {k: v for k, v in limit.items() if k in ("ops", "reason", "remedy")}
            found[name] = kept | {"source": limit_source(facts, limit, target), "confidence": confidence}
    return found


def limit_source(facts: Mapping[str, Any], limit: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Where a limit is from; fails where the tables have lost the entry."""
    tables = facts["tftrt"]
    if "rule" in limit:
        assert any(e["op"] == limit["rule"] for e in tables["op_restrictions"]), limit
        return CONVERTER.partition(":")[0]
    if "segmenter" in limit:
        assert any(limit["segmenter"] in text for text in tables["segmenter"]), limit
        return SEGMENTER
    entry = defaults(facts, target["name"])
    assert limit["default"] in entry, limit
    return f"{entry['entry']} of TensorFlow {entry['tf']}: defaults"


def defaults(facts: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    """The defaults of the conversion call of a target."""
    found: Mapping[str, Any] = next(e for e in facts["tftrt"]["api_defaults"] if e["tf"] == DEFAULTS_OF[target])
    return found


def segments(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Row:
    """How the segments of a target are cut."""
    tables = facts["tftrt"]
    uncounted = next(re.match(r".*; (.*) do not count", t) for t in tables["segmenter"] if "do not count" in t)
    assert uncounted
    return {
        "minimum": defaults(facts, target["name"])["minimum_segment_size"],
        "engines": int(tables["env_vars"]["TF_TRT_MAX_ALLOWED_ENGINES"]),
        "uncounted": re.split(r", | and ", uncounted[1]),
    }


def engine_dtypes(facts: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Types that a segment can be given and gives back: the newest list, or the older one behind it."""
    newest, older = re.findall(r"[\{ ]((?:\w+,)+\w+)", facts["tftrt"]["engine_op"]["attrs"]["InT"])
    words: Iterable[str] = (newest if target["name"] == "tftrt2.12" else older).split(",")
    return [w for w in words if w != "resource"]
