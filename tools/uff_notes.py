"""Limits of UFF targets that stand in the notes of ``uff_ops.json``, and the TensorFlow of each converter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from uff_facts import UFF_SOURCE, Row, Rows, confidence, release_number

NOTES: tuple[tuple[str, str, str, Row], ...] = (
    (
        "bias-const",
        "BiasAdd",
        "bias producer not Const",
        {"reason": "The bias must be a Const.", "remedy": "freeze; fold Identity chains"},
    ),
    (
        "const-partial",
        "Const",
        "a single stored value is tiled",
        {
            "reason": "A constant that stores more than one value and fewer than it has cannot be read.",
            "remedy": "store all values",
        },
    ),
    (
        "depth-multiplier",
        "DepthwiseConv2dNative",
        "weight layout stays TF",
        {"reason": "Only a depth multiplier of 1 is commonly reported to work.", "confidence": "low"},
    ),
    (
        "lrn-window",
        "LRN",
        "TF depth_radius is a half width",
        {
            "reason": "depth_radius, half the width, is passed on as the whole window.",
            "remedy": "write it in other ops",
        },
    ),
)
"""Name, op, beginning of the op's reject or note that says so, what the limit says."""
RANK_5 = "rank-5 tensors fail with the N+C default"
IDENTITY = (
    "An Identity that is an output, or that another Identity reads, is written as a layer. The lists of TensorRT 3 and "
    "4 have none, and 5.1 was seen to refuse it."
)
IDENTITY_SOURCE = f"TensorRT 3 and 4 guides; {UFF_SOURCE}; https://github.com/NVIDIA/TensorRT/issues/89"
TESTED = {"trt3": "5.1 GA", "trt4": "5.1 GA", "trt5": "5.1 GA", "trt6": "6.0.1"} | {
    "trt7-uff": "7.0-7.2",
    "trt8-uff": "8.0-8.6",
}
"""Target -> beginning of the release in the table of versions whose TensorFlow is that of its converter, or newer."""
FIRST_OWN = 5.1
"""The first release of which it is known which TensorFlow its converter was tested with."""


def noted_limits(facts: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """Limits of a UFF target by name."""
    uff = facts["uff_ops"]
    release = release_number(target["facts"][-1])
    return (
        dict(_of_ops(uff))
        | dict(_of_identities(uff, release))
        | dict(_of_softmax(uff, release))
        | tensorflow(uff, target)
    )


def _noted(uff: Mapping[str, Any], tf_op: str, beginning: str) -> tuple[str, str]:
    """The reject or note of an op that begins so, and the op's confidence; it must be there."""
    op = next(o for o in uff["ops"] if o["tf_op"] == tf_op)
    return next(t for t in (*op["rejects"], *op["notes"]) if t.startswith(beginning)), op["confidence"]


def _of_ops(uff: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    for name, tf_op, beginning, row in NOTES:
        text, sure = _noted(uff, tf_op, beginning)
        quoted = re.search(r'UffException "(.*)"', text)
        error = {"error": quoted[1]} if quoted else {}
        yield name, {"ops": [tf_op], **row, **error, "source": "@uff", "confidence": row.get("confidence", sure)}


def _of_identities(uff: Mapping[str, Any], release: float) -> Iterator[tuple[str, Row]]:
    topic = next(t for t in uff["general_behaviour"] if t["topic"] == "Identity")
    yield (
        "identity-once",
        {
            "ops": ["Identity"],
            "reason": "Each input looks through one Identity: a constant behind two is not found.",
            "remedy": "remove the Identity nodes",
            "source": "@uff",
            "confidence": topic["confidence"],
        },
    )
    if release < 6:
        yield (
            "identity-layer",
            {
                "ops": ["Identity"],
                "reason": IDENTITY,
                "error": "UFFParser: Validator error: NODE: Unsupported operation Identity",
                "remedy": "name the node in front of it with --output",
                "source": IDENTITY_SOURCE,
                "confidence": "low",
            },
        )


def _of_softmax(uff: Mapping[str, Any], release: float) -> Iterator[tuple[str, Row]]:
    _, sure = _noted(uff, "Softmax", RANK_5)
    if release == FIRST_OWN:
        yield (
            "softmax-rank-5",
            {
                "ops": ["Softmax"],
                "reason": "Rank 5 fails: the transpose that is put in front of it knows four dimensions at most.",
                "remedy": "reshape to four dimensions in front of it",
                "source": "NVIDIA/TensorRT sampleUffFasterRCNN/fix_softmax.patch",
                "confidence": sure,
            },
        )


def tensorflow(uff: Mapping[str, Any], target: Mapping[str, Any]) -> Rows:
    """The newest TensorFlow that the converter was tested with, as a limit called ``tensorflow-1.12`` or later."""
    version = next(v for v in uff["versions"] if v["trt"].startswith(TESTED[target["name"]]))
    newest = re.findall(r"\d+\.\d+", version["tested_tf"])[-1]
    own = release_number(target["facts"][-1]) >= FIRST_OWN
    said = f"The converter of TensorRT {version['trt']} was tested with TensorFlow {version['tested_tf']}"
    row = {
        "ops": ["*"],
        "reason": f"{said}." if own else f"{said}, earlier ones with that release or older ones.",
        "source": f"banner of uff {version['uff']}",
        "confidence": confidence(version["confidence"]) if own else "medium",
    }
    return {f"tensorflow-{newest}": row}
