"""UFF targets: rows and limits from ``uff_ops.json``, ``trt_uff_parser_limits.json`` and ``plugins.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Rows = dict[str, Row]


WEAK = "weak"
"""Marks a row that only says that an op is not documented yet: an inherited row made by hand stands against it."""


def words(text: str) -> tuple[str, ...]:
    """The words of ``text``."""
    return tuple(text.split())


UFF_SOURCE = "uff 0.6.3 converter and its Apache-2.0 copy in NVIDIA/tao_tensorflow1_backend"
REJECTS: dict[str, Row] = {
    "padding other than SAME/VALID": {"attrs": {"padding": ["SAME", "VALID"]}},
    "data_format other than NHWC/NCHW": {"attrs": {"data_format": ["NHWC", "NCHW"]}},
    "ellipsis_mask != 0": {"attrs": {"ellipsis_mask": [0]}, "constant": [1, 2, 3]},
    "new_axis_mask != 0": {"attrs": {"new_axis_mask": [0]}},
    "axis producer not Const": {"constant": [-1]},
    "axes producer not Const": {"constant": [-1]},
    "permutation producer not Const": {"constant": [-1]},
    "bias producer not Const": {},  # a limit: biases may be larger than the values that inference carries
    "always fails the descriptor check": {},  # limit pow
    "any extra (control) input breaks the unpacking": {},
}
UFF_EXTRA: Rows = {  # what the tables say in prose
    "Placeholder": {"dtype_attr": "dtype"},
    "Const": {"dtype_attr": "dtype"},
    "FusedBatchNorm": {"outputs": 1, "note": "is_training is not looked at"},
    "Conv2DBackpropInput": {"constant": [0], "inputs": [1, 2], "attrs": {"dilations": [[1, 1, 1, 1]]}},
    "Pow": {"support": "no"},
    "GatherV2": {"attrs": {"batch_dims": [0]}},
    "ResourceGather": {"attrs": {"batch_dims": [0]}},
}
SOURCE_WORDS = {
    r"uff 0\.6\.3 converter \+ Apache-2\.0 TAO copy": UFF_SOURCE,
    r"(code search: public script quoting the error )?\(?find_string id \d+\)?": "public script that quotes the error",
    r"plugins\.json": "NVIDIA/TensorRT plugin sources by release branch",
}
DESCRIPTIONS = ("various", "parser failure", "parse returns", "output [", "only size-1")
"""Beginnings of entries that describe what happens and are no message."""
NOT_TF = frozenset(("Negative",))
LIST_NAMES = {"ConvTranspose2D": "Conv2DBackpropInput", "Negative": "Neg", "Pad (before conv/pool)": "Pad"}
UFF_DTYPE_OPS = {
    "Input": ("Placeholder",),
    "Identity": ("Identity",),
    "Const": ("Const",),
    "Conv": ("Conv2D", "DepthwiseConv2dNative"),
    "ConvTranspose": ("Conv2DBackpropInput",),
}
UFF_DTYPE_KEYS = {
    "trt6": ("dtypes", "dtypes_6_0"),
    "trt7-uff": ("dtypes", "dtypes_6_0"),
    "trt8-uff": ("dtypes", "dtypes_8"),
}
MAY_VANISH = frozenset(("Const", "Identity"))
"""Ops that the converter often folds away: a dtype outside their list is not known to fail."""

LIMIT_IS_ROW = words(
    """addv2 fusedbatchnormv3 cast-tofloat switch-merge resize-nearest resize-nearest-early slice split-unpack
    squeeze-trt3 square-trt3 padv2-mirrorpad conv3d pow leakyrelu-5 relu6-early placeholder-with-default trtengineop"""
)
"""Limits that say that their ops do not exist: they are rows as well."""
SAID_BY_ROWS = words("unsupported-op-generic expanddims leakyrelu-6")
HOW_TO_CALL = words("implicit-batch explicit-batch-flag-trtexec register-with-batch uff-version-check")
PACKAGING = words("deprecation-7 iplugin-removed-8 removal-samples-8.5 tf-version-banner")
NO_SUCH_TARGET = words("removal-9 implicit-batch-removed-10 plugins-removed-11 gridanchorrect-7.0")
NOT_A_LIMIT = frozenset((*SAID_BY_ROWS, *HOW_TO_CALL, *PACKAGING, *NO_SUCH_TARGET))
CARRIED: Mapping[str, tuple[str, ...]] = {
    "scale-min-3d": ("trt3", "trt4", "trt8-uff"),
    "binary-const-minmax": ("trt5", "trt6", "trt8-uff"),
    "pad-followed": ("trt8-uff",),
    "fc-3dims": ("trt3", "trt8-uff"),
    "argmax-layout": ("trt8-uff",),
    "transpose-order-confusion": ("trt6", "trt8-uff"),
    "gridanchor-input": ("trt8-uff",),
    "flattenconcat-fields": ("trt8-uff",),
    "reshape-multi-minus1": ("trt3",),
    "input-dims-zero": ("trt7-uff", "trt8-uff"),
}
"""Targets beside those that a limit was reported for, of which nothing says that it is gone or not there yet: leads."""
CONFIDENCE = {"int-types": "high"}  # high for the codes; low only for the wording of the error


def confidence(text: str) -> str:
    """The lowest word in ``text`` (``high (rename), medium (order)`` is medium)."""
    return next(word for word in ("low", "medium", "high") if word in text)


def joined(source: str | Iterable[str]) -> str:
    """One text for a source or a list of them."""
    text = source if isinstance(source, str) else "; ".join(source)
    for old, new in SOURCE_WORDS.items():
        text = re.sub(old, new, text)
    return text


def error_text(text: str | None) -> str:
    """What users see; empty where the tables only describe it."""
    if text in (None, "-") or "not verified" in text or text.startswith(DESCRIPTIONS):
        return ""
    return re.sub(r"\s+\((then:|no underscore).*\)$", "", text)


def release_number(text: str) -> float:
    """The release at the start of ``3 (documented)`` or ``5.1``."""
    match = re.match(r"\d+(\.\d+)?", text)
    assert match, text
    return float(match[0])


def uff_rows(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Rows of a UFF target: registry, documented lists, op limits, plugins."""
    rows: Rows = {o["tf_op"]: uff_row(o, target, facts["uff_ops"]) for o in facts["uff_ops"]["ops"]}
    for limit in facts["limits"]["limits"]:
        if limit["id"] in LIMIT_IS_ROW and set(limit["trt_versions"]) & set(target["facts"]):
            rows |= {op: op_limit_row(op, limit) for op in limit["tf_ops"]}
    for plugin in facts["plugins"]["plugins"]:
        if has_plugin(plugin, target["facts"], facts["plugins"]["meta"]["releases_compared"]):
            rows[plugin["op"]] = plugin_row(plugin)
    return {op: row for op, row in rows.items() if op not in NOT_TF}


CHECKED: Mapping[str, Row] = {
    "FlattenConcat_TRT": {"rank": [4], "confidence": "medium"},
    "GridAnchorRect_TRT": {},
    "GridAnchor_TRT": {},
    "NMS_TRT": {},
}
"""Plugins of which the rules GDP look at every field, input and number of boxes: a node that they let pass runs.

FlattenConcat_TRT asserts three dimensions beside the batch; whether the parser adds one to two is not known.
"""


def plugin_row(plugin: Mapping[str, Any]) -> Row:
    """A plugin of NVIDIA's library. What is registered is not said by the graph: one call does it for all of them."""
    row: Row = {"confidence": confidence(plugin["confidence"].partition(";")[0]), "source": "@plugins"}
    if plugin["op"] in CHECKED:
        note = "initLibNvInferPlugins must be called before parsing"
        return row | {"support": "yes", "note": note} | CHECKED[plugin["op"]]
    reason = "a plugin of NVIDIA's library; it must be registered before parsing"
    return row | {"support": "unknown", "reason": reason}


def uff_row(op: Mapping[str, Any], target: Mapping[str, Any], uff: Mapping[str, Any]) -> Row:
    """One registered op. From 5.1 on the registry was read; before, the documented lists decide."""
    name, first = op["tf_op"], op["first_documented_trt"]
    number = release_number(target["facts"][-1])
    if release_number(first) > number:
        error = f"UffParser: Validator error: X: Unsupported operation _{name}"
        reason = f"{name} is first documented for TensorRT {release_number(first):g}"
        return {
            "support": "no",
            "reason": reason,
            "error": error,
            "confidence": "medium",
            "source": "@list3",
            WEAK: True,
        }
    row: Row = {"support": "yes", "confidence": op["confidence"], "source": "@uff"}
    if number < 5:
        listed = name in {LIST_NAMES.get(n, n) for n in uff["documented_tf_op_lists"]["3.0"]}
        row |= {"source": "@list3", "confidence": "high"} if listed else {"confidence": "medium"}
    for text in op["rejects"]:
        merge(row, REJECTS[next(word for word in REJECTS if text.startswith(word))])
    merge(row, UFF_EXTRA.get(name, {}))
    for entry in uff["documented_uff_operator_dtypes"]["rows"]:
        if name in UFF_DTYPE_OPS[entry["op"]]:
            labels = next((entry[k] for k in UFF_DTYPE_KEYS.get(target["name"], ()) if k in entry), None)
            row |= {"dtypes": labels, **({"open": True} if name in MAY_VANISH else {})} if labels else {}
    return row


def merge(row: Row, more: Mapping[str, Any]) -> None:
    """Adds ``more``; tables and lists of both are united."""
    for key, value in more.items():
        if isinstance(value, dict):
            row[key] = {**row.get(key, {}), **value}
        elif isinstance(value, list):
            row[key] = row.get(key, []) + [v for v in value if v not in row.get(key, [])]
        else:
            row[key] = value


def op_limit_row(op: str, limit: Mapping[str, Any]) -> Row:
    """``no`` for an op that a limit says does not exist."""
    error = re.sub(r"(Unsupported operation _)\w+", rf"\g<1>{op}", error_text(limit["error_text_users_see"]))
    common = {"reason": limit["constraint"], "source": joined(limit["source"]), "error": error}
    return {"support": "no", "confidence": confidence(limit["confidence"]), **common}


def has_plugin(plugin: Mapping[str, Any], releases: Iterable[str], order: list[str]) -> bool:
    """True if a release of the target has the plugin: its source, or, as a note says, the closed library before."""
    first = order[0] if "closed" in plugin.get("note", "") else plugin["oss_source_first"]
    span = order[order.index(first) : order.index(plugin["oss_source_last"]) + 1]
    present = plugin.get("present_in", span)
    return any(p == r or p.startswith(f"{r}.") for p in present for r in releases)


def uff_limits(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Limits of a UFF target by name."""
    found: Rows = {}
    for limit in facts["limits"]["limits"]:
        applies = bool(set(limit["trt_versions"]) & set(target["facts"]))
        carried = target["name"] in CARRIED.get(limit["id"], ())
        if limit["id"] in NOT_A_LIMIT or not (applies or carried):
            continue
        row = {
            "ops": limit["tf_ops"],
            "reason": limit["constraint"] + ("" if applies else reported(limit, target)),
            "error": error_text(limit["error_text_users_see"]),
            "remedy": limit["workaround"],
            "source": joined(limit["source"]),
            "confidence": CONFIDENCE.get(limit["id"], confidence(limit["confidence"])) if applies else "low",
        }
        found[limit["id"]] = {k: v for k, v in row.items() if v not in (None, "-", "")}
    return found


def reported(limit: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Which release is the nearest that ``limit`` was reported for, as a sentence."""
    releases = sorted(map(release_number, limit["trt_versions"]))
    before = release_number(target["facts"][0]) > releases[-1]
    return f" {'Last' if before else 'First'} reported for TensorRT {releases[-1 if before else 0]:g}."
