"""Derives what TensorFlow's older releases know, and the packs that keep a graph to them, from the tables of facts.

    python tools/tf_history.py --check            exit 1 when a file differs from the facts
    python tools/tf_history.py --write            write the files

The files are ``rules/history/releases.toml``, ``rules/history/ops.toml`` and ``rules/rewrites/tf14.toml`` to
``tf115.toml``. ``tf112.toml`` is written by hand: what it says of attributes that have no effect, and why others cannot
go, is taken over from there. Of ``ops.toml`` the facts give the first list; the others are kept as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from graphdoctor.resources import load_toml  # noqa: E402
from graphdoctor.types import DType  # noqa: E402

READ = ("1.4", "1.7", "1.10", "1.12", "1.13", "1.14", "1.15")
"""Releases of TensorFlow 1 whose op definitions were read."""
BETWEEN = {"1.5": "1.4", "1.6": "1.4", "1.8": "1.7", "1.9": "1.7", "1.11": "1.10"}
"""Those that were not, and the one before: what that knows they know too."""
BY_HAND = "1.12"
RENAMES = {
    "rename-addv2": "1.7",
    "rename-fused-batch-norm": "1.14",
    "rename-batch-matmul": "1.14",
    "rename-select": "1.14",
    "rename-matrix-diag": "2",
    "rename-matrix-diag-part": "2",
    "rename-matrix-set-diag": "2",
}
"""Rewrites of the pack tf112, and the release from which on nobody needs them."""
EXTRA_WHY = {
    "dilations": "TensorFlow {release} has no dilation in the op; SpaceToBatchND, the op and BatchToSpaceND say it",
}
Table = dict[str, dict[str, dict[str, Any]]]


def number(release: str) -> tuple[int, ...]:
    """``1.10.0`` -> (1, 10)."""
    return tuple(int(part) for part in release.split("."))[:2]


def since(first_seen: str) -> str:
    """The release of :data:`READ` that first had it, ``2`` for all later ones."""
    short = ".".join(first_seen.split(".")[:2])
    return short if short in READ else "2"


def table_of(facts: Mapping[str, Any], pack: Mapping[str, Any]) -> dict[str, Any]:
    """What ``releases.toml`` says."""
    options = next(r["options"] for r in pack["rewrite"] if r["name"] == "strip-new-attributes")
    ops: dict[str, list[str]] = {}
    for op, first in sorted(facts["op_first_seen_all"].items()):
        if since(first) != READ[0]:
            ops.setdefault(since(first), []).append(op)
    why = {key: text.replace(BY_HAND, "{release}") for key, text in options["why"].items()}
    later = {op: {key: {"since": "2", "default": v} for key, v in row.items()} for op, row in options["later"].items()}
    return {
        "ops": ops,
        "attrs": merged(attributes(facts["attrs_added"]), later),
        "types": dtypes(facts["enum_values_added"]),
        "hints": options["hints"],
        "inference": {**options["inference"], "FusedBatchNormV3": ["exponential_avg_factor"]},
        "why": {**why, **EXTRA_WHY},
    }


def attributes(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Op to attribute to the release it came with and its default, where it has one."""
    found: Table = {}
    for row in rows:
        stated = {"since": since(row["first_seen"])}
        if row["default"] is not None:
            stated["default"] = labelled(row["default"])
        found.setdefault(row["op"], {})[row["attr"]] = stated
    return found


def dtypes(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Op to attribute to release to the dtypes that came with it, each where it came first."""
    found: Table = {}
    for row in sorted(rows, key=lambda r: number(r["first_seen"])):
        kinds = [v for v in row["added"] if isinstance(v, str) and v.startswith("DT_")]
        by_release = found.setdefault(row["op"], {}).setdefault(row["attr"], {})
        known = {label for labels in by_release.values() for label in labels}
        if new := sorted({labelled(k) for k in kinds} - known):
            by_release[since(row["first_seen"])] = sorted({*by_release.get(since(row["first_seen"]), ()), *new})
    return {op: kept for op, row in found.items() if (kept := {a: r for a, r in row.items() if r})}


def labelled(value: Any) -> Any:
    """``DT_HALF`` -> ``float16``; other values as they are."""
    if isinstance(value, list):
        return [labelled(v) for v in value]
    return DType[value.removeprefix("DT_")].label if isinstance(value, str) and value.startswith("DT_") else value


def merged(first: Table, second: Table) -> Table:
    """``first``, and of ``second`` what it does not have."""
    return {op: {**second.get(op, {}), **first.get(op, {})} for op in sorted({*first, *second})}


def pack_of(release: str) -> str:
    """The pack file of ``release``: ``1.4`` -> tf14."""
    return f"tf{release.replace('.', '')}"


def rewrite_of(release: str) -> str:
    """What strips the attributes that came after ``release``."""
    return f"keep-to-{release.replace('.', '-')}"


def included(release: str) -> list[str]:
    """Rewrites of other packs that the pack of ``release`` needs."""
    names = [name for name, end in RENAMES.items() if number(release) < number(end)]
    own = [name for name, (first, end) in OWN.items() if number(first) <= number(release) < number(end)]
    leaky = ["trt3/leaky-relu-to-mul-maximum"] * (number(release) < (1, 13))
    return [*leaky, *(f"tf112/{n}" for n in names), *(f"tf1/{n}" for n in own)]


OWN = {
    "rename-batch-matmul-v3": ("1.14", "2"),
    "rename-non-max-suppression-v5": ("1.4", "1.15"),
    "rename-non-max-suppression-v4": ("1.4", "1.12"),
    "rename-non-max-suppression-v3": ("1.4", "1.10"),
    "clip-to-minimum-maximum": ("1.4", "1.10"),
    "ensure-shape-to-identity": ("1.4", "1.12"),
}
"""Rewrites of the pack tf1: the first release that can take what they give, and the first that needs them no more."""


# Writing


def toml(value: Any) -> str:
    """``value`` in TOML, tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key_of(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value)


def key_of(key: str) -> str:
    """A TOML key, quoted where it must be."""
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


HEADER = """\
# What came to TensorFlow's ops after release 1.4. Written by tools/tf_history.py.
# Source: op definitions in the published packages of TensorFlow 1.4.0 to 2.12.0; releases that were not read count as
# the one before.
"""


def table_text(table: Mapping[str, Any]) -> str:
    """The text of ``releases.toml``."""
    releases = f"releases = {toml(list(READ))}\nbetween = {toml(BETWEEN)}"
    blocks = [f"{HEADER}\n{releases}", "# Ops by the first release that has them.\n[ops]"]
    for release, names in sorted(table["ops"].items(), key=lambda item: number(item[0])):
        lines = "\n".join(wrap(" ".join(names), 118))
        blocks.append(f'"{release}" = """\n{lines}\n"""')
    notes = {
        "attrs": "Op, attribute, the release it came with, and the default that changes nothing, where it has one.",
        "types": "Op, attribute, release, and the dtypes that it takes from then on.",
        "hints": "Attributes that say nothing about the result, whatever their value.",
        "inference": "Attributes that matter in training alone.",
        "why": "What cannot be said without the attribute.",
    }
    for name, note in notes.items():
        rows = "\n".join(f"{key_of(key)} = {toml(value)}" for key, value in table[name].items())
        blocks.append(f"# {note}\n[{name}]\n{rows}")
    return "\n\n".join(blocks) + "\n"


def pack_text(release: str) -> str:
    """The text of the pack of ``release``."""
    read = BETWEEN.get(release, release)
    include = included(read) + ([f"{pack_of(read)}/{rewrite_of(read)}"] if read != release else [])
    lines = ["# Written by tools/tf_history.py.", f"name = {toml(pack_of(release))}"]
    lines += [f"title = {toml(f'TensorFlow {release}')}"]
    said = f"Say the graph in the ops and attributes that TensorFlow {release} knows"
    said += f"; what came between {read} and {release} counts as unknown" if read != release else ""
    lines += [f"summary = {toml(said)}", "include = ["]
    lines += [*(f"  {toml(i)}," for i in include), "]"]
    if read == release:
        lines += [
            "",
            "[[rewrite]]",
            f"name = {toml(rewrite_of(release))}",
            'find = "keep-to-release"',
            'safety = "safe"',
        ]
        lines += [
            f'summary = "Remove attributes that came after {release}, where they are at their default or say nothing '
            'about the result"'
        ]
        lines += ['note = "says of ops, attributes and dtypes that came later why they cannot go"']
        lines += [f"options = {toml({'release': release})}"]
    return "\n".join(lines) + "\n"


OPS_HEADER = """\
# Every op that TensorFlow has or had, and those that a converter reads although no release defines them. Written by
# tools/tf_history.py from the op definitions in the published packages of TensorFlow 1.4.0 to 2.12.0 (which leave out
# ops with an underscore in front); the lists with other names were added by hand.
"""
OPS_NOTES = {
    "registry": "Further ops in the registry of TensorFlow 2.21.0 (TF_GetAllOpList), those of its rewriters included.",
    "gpu": "Ops that only builds for GPUs, or extra libraries of the 1.x packages, register.",
    "converters": "Names that tf2onnx 1.17 has a handler for: what its rewriters make, and ops of tensorflow-text.",
}


def ops_text(facts: Mapping[str, Any], kept: Mapping[str, str]) -> str:
    """The text of ``ops.toml``; ``kept`` has the lists that are not from the facts."""
    published = set(facts["op_first_seen_all"])
    blocks = [f"{OPS_HEADER}\n[ops]\n{names_text('published', published)}"]
    for name, note in OPS_NOTES.items():
        blocks.append(f"# {note}\n{names_text(name, set(kept.get(name, '').split()) - published)}")
    return "\n".join(blocks)


def names_text(key: str, names: Iterable[str]) -> str:
    """A list of names under ``key``."""
    lines = "\n".join(wrap(" ".join(sorted(names)), 118, break_on_hyphens=False))
    return f'{key} = """\n{lines}\n"""\n'


def files(facts: Mapping[str, Any]) -> dict[Path, str]:
    """Every file and its text."""
    rules = ROOT / "rules"
    names = rules / "history" / "ops.toml"
    pack = load_toml(rules / "rewrites" / "tf112.toml")
    texts = {rules / "history" / "releases.toml": table_text(table_of(facts, pack))}
    texts[names] = ops_text(facts, load_toml(names)["ops"])
    for release in sorted({*READ, *BETWEEN} - {BY_HAND}, key=number):
        texts[rules / "rewrites" / f"{pack_of(release)}.toml"] = pack_text(release)
    return texts


def main(argv: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = options.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    options.add_argument("--facts", type=Path, default=ROOT.parent / "shared" / "facts")
    given = options.parse_args(argv)
    texts = files(json.loads((given.facts / "tf_op_history.json").read_text()))
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        print(f"{'writes' if given.write else 'differs'}: {path.relative_to(ROOT)}")
        if given.write:
            path.write_text(texts[path])
    return 1 if stale and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
