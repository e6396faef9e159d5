"""Derives ``rules/plugins/*.toml`` from ``plugins.json``: NVIDIA's plugins with their fields and releases.

    python tools/plugins_from_facts.py --check            exit 1 and a diff when a file differs from the facts
    python tools/plugins_from_facts.py --write            write the files

Releases are written out one by one, so that code asks for a common one and compares no version numbers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from derived import run  # noqa: E402
from targets_from_facts import toml  # noqa: E402

HEADER = "# Written by tools/plugins_from_facts.py from the tables of facts.\n"
INPUTS: Mapping[str, tuple[int, ...]] = {
    "GridAnchor_TRT": (1,),
    "GridAnchorRect_TRT": (1,),
    "NMS_TRT": (3, 3),
    "FlattenConcat_TRT": (1,),
    "BatchedNMS_TRT": (2, 2),
    "ResizeNearest_TRT": (1, 1),
    "PyramidROIAlign_TRT": (5, 5),
    "ProposalLayer_TRT": (2, 2),
    "DetectionLayer_TRT": (3, 3),
    "SpecialSlice_TRT": (1, 1),
    "Normalize_TRT": (1, 1),
    "PriorBox_TRT": (2, 2),
    "LReLU_TRT": (1, 1),
    "BatchTilePlugin_TRT": (2, 2),
    "CropAndResize": (2, 2),
    "Proposal": (2, 2),
    "Region_TRT": (1, 1),
    "Reorg_TRT": (1, 1),
    "RPROI_TRT": (4, 4),
    "Clip_TRT": (1, 1),
    "EfficientNMS_TRT": (2, 3),
    "InstanceNormalization_TRT": (1, 1),
    "GenerateDetection_TRT": (3, 3),
    "MultilevelProposeROI_TRT": (1,),
    "MultilevelCropAndResize_TRT": (2,),
}
"""Smallest and largest number of inputs, as the text ``inputs`` of each entry says; no largest for any number."""
LISTS = frozenset(
    """aspectRatios featureMapShapes weights anchorsRatios anchorsScales scales bias anchor_sizes anchor_ratios
    smTree""".split()
)
"""Fields of any number of elements; the tables give them length 1, as the plugin declares them."""
CLOSED = "closed"
"""A word of notes that say that NVIDIA's library had the plugin before its source was published."""
MANDATORY_LATER = {"FlattenConcat_TRT": "7.0"}
"""First release in which all fields are mandatory, from the plugin's ``constraints``."""


def releases(plugin: Mapping[str, Any], order: Sequence[str]) -> list[str]:
    """The releases whose library has the plugin."""
    if "present_in" in plugin:
        said = [r.removesuffix(".x") for r in plugin["present_in"]]
        return [r for r in order if r in said or r.partition(".")[0] in said]
    first = order[0] if CLOSED in plugin.get("note", "") else plugin["oss_source_first"]
    return list(order[order.index(first) : order.index(plugin["oss_source_last"]) + 1])


def field_table(field: Mapping[str, Any], plugin: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """One field as the file has it."""
    had = releases(plugin, order)
    hidden = field["first_release"] == plugin["oss_source_first"]
    since = order.index(had[0] if hidden else field["first_release"])
    present = [r for r in had if order.index(r) >= since]
    later = MANDATORY_LATER.get(plugin["op"])
    table: dict[str, Any] = {"name": field["name"], "type": field["type"]}
    if field["length"] > 1:
        table["length"] = field["length"]
    if field["name"] in LISTS or (plugin["op"] == "PriorBox_TRT" and field["name"] in ("minSize", "maxSize")):
        table["many"] = True
    if present != had:
        table["releases"] = present
    if field["required"]:
        table["required"] = True
        if later is not None:
            table["optional_in"] = [r for r in present if order.index(r) < order.index(later)]
    if field["default"] is not None:
        table["default"] = str(field["default"])
    return table


def text_of(plugin: Mapping[str, Any], order: Sequence[str]) -> str:
    """The text of one plugin's file."""
    confidence = plugin["confidence"].partition(";")[0]
    had = releases(plugin, order)
    head: dict[str, Any] = {
        "name": plugin["op"],
        "purpose": plugin["purpose"],
        "inputs": list(INPUTS[plugin["op"]]),
        "releases": had,
        "published": plugin["oss_source_first"] if plugin["oss_source_first"] in had else had[0],
        "removed": (plugin["removed_in"] or "").removesuffix(".x"),
        "notes": [*plugin["constraints"], *([plugin["note"]] if "note" in plugin else [])],
        "same": plugin.get("names_in_family", []),
        "source": plugin["source"],
        "confidence": "high" if "high" in confidence else "medium",
    }
    lines = [f"{k} = {toml(v)}\n" for k, v in head.items() if v not in ("", [])]
    for field in plugin["fields"]:
        lines.append("\n[[fields]]\n")
        lines += [f"{k} = {toml(v)}\n" for k, v in field_table(field, plugin, order).items()]
    return HEADER + "".join(lines)


def render_all(facts: Path) -> dict[str, str]:
    """File name -> text, for every plugin."""
    data = json.loads((facts / "plugins.json").read_text("utf-8"))
    order = data["meta"]["releases_compared"]
    assert all(re.fullmatch(r"\w+", p["op"]) for p in data["plugins"])
    return {f"{p['op']}.toml": text_of(p, order) for p in data["plugins"]}


def main(argv: list[str] | None = None) -> int:
    """0 when the files agree with the facts or were written, 1 when they differ, 2 without facts."""
    return run(argv, __doc__, "plugins", lambda facts, folder: render_all(facts))


if __name__ == "__main__":
    sys.exit(main())
