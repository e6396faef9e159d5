"""Derives ``rules/targets/*.toml`` from the tables of facts.

    python tools/targets_from_facts.py --check            exit 1 and a diff when a file differs from the facts
    python tools/targets_from_facts.py --write            write the files

Rows and limits with ``hand = true`` are not derived: they stay in the TOML files as they are, and win over what
the tables say. Everything else in those files is overwritten. A word in the tables that this tool does not know
stops it, so that no fact is dropped silently.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import onnx_facts  # noqa: E402
import tftrt_facts  # noqa: E402
import uff_facts  # noqa: E402
import uff_notes  # noqa: E402
from derived import run  # noqa: E402
from uff_facts import WEAK, Row, Rows  # noqa: E402

from graphdoctor.resources import load_toml  # noqa: E402
from graphdoctor.types import DType  # noqa: E402

FILES = {
    "uff_ops": "uff_ops.json",
    "limits": "trt_uff_parser_limits.json",
    "plugins": "plugins.json",
    "onnx_ops": "onnx_trt_ops.json",
    "rtx": "rtx_live.json",
    "tftrt": "tftrt_ops.json",
}
UFF = ("tf112", "clean", "fold", "trt3", "uff")
TF112 = UFF[:3]
ONNX = ("clean", "fold")
"""Packs of rewrites that bring a graph to a target."""
TARGETS: tuple[dict[str, Any], ...] = (
    {"name": "trt3", "title": "TensorRT 3.0, UFF parser", "parser": "uff", "packs": UFF, "facts": ("3",)},
    {"name": "trt4", "title": "TensorRT 4.0.1, UFF parser", "extends": "trt3", "facts": ("4",)},
    {"name": "trt5", "title": "TensorRT 5.1, UFF parser", "extends": "trt4", "facts": ("5", "5.1")},
    {"name": "trt6", "title": "TensorRT 6.0.1, UFF parser", "extends": "trt5", "facts": ("6",)},
    {"name": "trt7-uff", "title": "TensorRT 7.2, UFF parser", "extends": "trt6", "facts": ("7",)},
    {"name": "trt8-uff", "title": "TensorRT 8.6, UFF parser", "extends": "trt7-uff", "facts": ("8",)},
    {"name": "trt7", "title": "TensorRT 7.2, ONNX parser", "parser": "onnx", "packs": ONNX, "facts": ("7.2",)},
    {"name": "trt8.0", "title": "TensorRT 8.0, ONNX parser", "extends": "trt7", "facts": ("8.0",)},
    {"name": "trt8.4", "title": "TensorRT 8.4, ONNX parser", "extends": "trt8.0", "facts": ("8.4",)},
    {"name": "trt8.6", "title": "TensorRT 8.6, ONNX parser", "extends": "trt8.4", "facts": ("8.6",)},
    {"name": "trt9", "title": "TensorRT 9.3, ONNX parser", "extends": "trt8.6", "facts": ("9.3",)},
    {"name": "trt10.0", "title": "TensorRT 10.0, ONNX parser", "extends": "trt9", "facts": ("10.0",)},
    {"name": "trt10.15", "title": "TensorRT 10.15, ONNX parser", "extends": "trt10.0", "facts": ("10.15",)},
    {
        "name": "rtx1.7",
        "title": "TensorRT-RTX 1.7.1, ONNX parser",
        "parser": "onnx",
        "live": True,
        "packs": ONNX,
        "facts": ("rtx",),
    },
    {
        "name": "tftrt1.12",
        "title": "TF-TRT of TensorFlow 1.12, TensorRT 4 and 5.0",
        "parser": "tftrt",
        "packs": TF112,
    },
    {
        "name": "tftrt1.15",
        "title": "TF-TRT of TensorFlow 1.15, TensorRT 5.1 and 6",
        "parser": "tftrt",
        "packs": TF112,
    },
    {"name": "tftrt2.12", "title": "TF-TRT of TensorFlow 2.12, TensorRT 7 and 8", "parser": "tftrt", "packs": ONNX},
)
RELEASES: Mapping[str, tuple[str, ...]] = {
    "trt5": ("5",),
    "trt6": ("6",),
    "trt7-uff": ("7",),
    "trt8-uff": ("8",),
}
"""How the version of a ``tensorrt`` module begins whose UFF parser is the target's."""
PLUGINS: Mapping[str, tuple[str, ...]] = {
    "trt5": ("5.1",),
    "trt6": ("6.0",),
    "trt7-uff": ("7.2",),
    "trt8-uff": ("8.6",),
    "trt7": ("7.2",),
    "trt8.0": ("8.0",),
    "trt8.4": ("8.4",),
    "trt8.6": ("8.6",),
    "trt9": ("9.3",),
    "trt10.0": ("10.0",),
    "trt10.15": ("10.8", "10.16"),
}
"""Releases of the plugin library that were read and that a target has; of 10.15 the two around it."""
LAYOUTS = {"uff": "NCHW", "onnx": "NCHW", "tftrt": "NHWC"}
DROP_HAND = {"trt4": ("batchnorm-missing",), "trt8.4": ("resize-size-const",)}
"""Limits made by hand that end with a target."""
SOURCES = {
    "uff": uff_facts.UFF_SOURCE,
    "list3": "TensorRT 3 and 4 guides, lists of TensorFlow ops (public copies)",
    "plugins": "NVIDIA/TensorRT plugin sources by release branch",
    "probe": "measured: TensorRT-RTX 1.7.1 builder, one node for each dtype, without a GPU",
    "rtx": "measured: TensorRT-RTX 1.7.1 parser and builder on the node cases of onnx 1.23.2, without a GPU",
}
HEAD_LISTS = ("opset", "dtypes", "refused", "narrowed", "border", "not_constant", "max_rank", "segments")
HEADER = "# Written by tools/targets_from_facts.py: what is marked hand = true is kept, the rest is derived.\n"


def parser_of(target: Mapping[str, Any]) -> str:
    """``uff``, ``onnx`` or ``tftrt``, through what the target extends."""
    by_name = {t["name"]: t for t in TARGETS}
    return str(target["parser"] if "parser" in target else parser_of(by_name[target["extends"]]))


def derive(facts: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the tables say of a target: header keys, ``ops`` and ``limits``, nothing inherited."""
    if target["name"].startswith("rtx"):
        return derive_measured(facts)
    if parser_of(target) == "tftrt":
        return derive_tftrt(facts, target)
    return derive_uff(facts, target) if parser_of(target) == "uff" else derive_onnx(facts, target)


def derive_uff(facts: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """A UFF target; ops without a row are ``no`` by the generic limit."""
    generic = next(x for x in facts["limits"]["limits"] if x["id"] == "unsupported-op-generic")
    codes = {d for d in facts["uff_ops"]["dtype_map"] if DType.parse(d)}
    return {
        "dtypes": ["float32", "float16", "int32", "int8"],
        "refused": [d.label for d in DType if d and d.label not in codes],
        "absent": {
            "support": "no",
            "reason": "the UFF converter does not know {op}; it needs a plugin of that name",
            "error": generic["error_text_users_see"].replace("_Op", "_{op}").partition("  (")[0],
            "source": uff_facts.joined(generic["source"]),
            "confidence": generic["confidence"],
        },
        "ops": uff_facts.uff_rows(facts, target),
        "limits": uff_facts.uff_limits(facts, target) | uff_notes.noted_limits(facts, target),
    }


def derive_onnx(facts: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """An ONNX target from an operator table; ops without a row are unknown."""
    onnx, release = facts["onnx_ops"], target["facts"][0]
    low, high = onnx["meta"]["opset_range"][release]
    dtypes = onnx_facts.engine_dtypes(onnx, release)
    return {
        "opset": ({"min": low} if low else {}) | {"max": high},
        "dtypes": dtypes,
        "narrowed": {"float64": "float32"} | ({"int64": "int32"} if onnx_facts.narrows_int64(release) else {}),
        **({"border": [onnx_facts.IO_ONLY]} if onnx_facts.casts_uint8(onnx["releases"][release]) else {}),
        "absent": {
            "support": "unknown",
            "reason": "{op} is not in the operator table",
            "source": "@table",
            "confidence": "high",
        },
        "sources": {"table": onnx["meta"]["sources"][release]},
        "ops": onnx_facts.table_rows(facts, target),
        "limits": onnx_facts.table_limits(facts, target),
    }


def derive_tftrt(facts: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """A TF-TRT target; ops that its registry does not have stay in TensorFlow."""
    release = tftrt_facts.RELEASES[target["name"]]
    listed = tftrt_facts.registry(facts, release["lists"][-1])
    taken = tftrt_facts.engine_dtypes(facts, target)
    return {
        "dtypes": taken,
        "refused": ["string", "variant", "resource", "complex64", "complex128", "float64"],
        "segments": tftrt_facts.segments(facts, target),
        "absent": {
            "support": "no",
            "reason": "the registry of TF-TRT does not have {op}",
            "source": tftrt_facts.source_of(facts, listed),
            "confidence": release["complete"],
        },
        "ops": tftrt_facts.tftrt_rows(facts, target),
        "limits": tftrt_facts.tftrt_limits(facts, target),
    }


def derive_measured(facts: Mapping[str, Any]) -> dict[str, Any]:
    """TensorRT-RTX from what its builder was seen to do."""
    taken, lost = onnx_facts.measured_dtypes(facts)
    return {
        "opset": onnx_facts.measured_opsets(facts),
        "dtypes": taken,
        "refused": lost,
        "border": [onnx_facts.IO_ONLY],
        "not_constant": list(onnx_facts.NOT_CONSTANT),
        "max_rank": onnx_facts.MAX_RANK,
        "absent": {
            "support": "unknown",
            "reason": "{op} was not measured",
            "source": "@rtx",
            "confidence": "high",
        },
        "ops": onnx_facts.measured_rows(facts),
        "limits": onnx_facts.top_k_limit(listed=False),
    }


# --- difference to the parent, and hand-made rows


def hand_made(path: Path) -> tuple[Rows, Rows]:
    """The rows and limits of a file that are marked ``hand = true``."""
    data = load_toml(path) if path.exists() else {}
    defaults, shared, sources = data.get("defaults", {}), data.get("shared", {}), SOURCES | data.get("sources", {})
    whole = {op: {**defaults, **(shared[r] if isinstance(r, str) else r)} for op, r in data.get("ops", {}).items()}
    rows = {op: resolve(r, sources) for op, r in whole.items() if r.get("hand")}
    limits = {r.pop("name"): resolve(r, sources) for r in data.get("limits", []) if r.get("hand")}
    return rows, limits


def resolve(whole: Row, sources: Mapping[str, str]) -> Row:
    """A row with its source spelled out, so that rows of different files can be compared."""
    source = whole["source"]
    return {**whole, "source": sources[source[1:]] if source.startswith("@") else source}


def difference(own: Rows, inherited: Rows, hand: Rows, ended: tuple[str, ...]) -> tuple[Rows, list[str], Rows]:
    """Rows to write, names to drop, and the rows that the target has in the end.

    Of what is inherited, these stay though the target's own tables have nothing of them: what was made by hand, and
    ops that were refused before (a table that leaves an op out does not say that it came).
    """
    stands = {k for k, v in inherited.items() if v.get("hand") or v.get("support") == "no"} - {*ended}
    kept = {k: v for k, v in inherited.items() if k in own or k in stands}
    strong = {k: v for k, v in own.items() if not (WEAK in v and inherited.get(k, {}).get("hand"))}
    full = {**kept, **{k: {a: b for a, b in v.items() if a != WEAK} for k, v in strong.items()}, **hand}
    written = {k: v for k, v in full.items() if inherited.get(k) != v}
    return written, sorted(set(inherited) - set(full)), full


def render_all(facts: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """File name -> text, for every target."""
    texts: dict[str, str] = {}
    done: dict[str, dict[str, Any]] = {}
    for target in TARGETS:
        name, path = target["name"], folder / f"{target['name']}.toml"
        data = derive(facts, target)
        sources = SOURCES | data.pop("sources", {})
        parent = done.get(target.get("extends", ""), {})
        final: dict[str, Any] = {k: v for k, v in data.items() if k not in ("ops", "limits")}
        final["absent"] = resolve(final["absent"], sources)
        file = {k: v for k, v in final.items() if parent.get(k) != v}
        for part, hand in zip(("ops", "limits"), hand_made(path), strict=True):
            own = {k: resolve(v, sources) for k, v in data[part].items()}
            written, dropped, full = difference(own, parent.get(part, {}), hand, DROP_HAND.get(name, ()))
            final[part] = full
            file |= {part: written, f"drop_{part}": dropped}
        done[name] = final
        texts[path.name] = render(target, file, sources)
    return texts


# --- TOML


def toml(value: Any) -> str:
    """A TOML value on one line; literal strings, which Python reads several times faster, where they can be."""
    if isinstance(value, str) and value.isprintable() and "'" not in value:
        return f"'{value}'"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def shorten(row: Row, defaults: Row, names: Mapping[str, str]) -> Row:
    """A row without what ``[defaults]`` says, its source by name where it has one."""
    short = {k: v for k, v in row.items() if defaults.get(k) != v}
    if short.get("source") in names:
        short["source"] = f"@{names[short['source']]}"
    return short


def commonest(rows: Rows) -> Row:
    """source and confidence that most rows have; only where every row would say them anyway."""
    if not rows:
        return {}
    pairs = Counter((r["source"], r["confidence"]) for r in rows.values())
    source, confidence = pairs.most_common(1)[0][0]
    return {"source": source, "confidence": confidence}


def shared_rows(rows: Rows) -> dict[str, Row]:
    """Rows that three ops or more have in common, by a name made of what they say."""
    counts = Counter(toml(r) for r in rows.values())
    shared: dict[str, Row] = {}
    for op, row in rows.items():
        if counts[toml(row)] >= 3 and row not in shared.values():
            plain = set(row) <= {"support", "dtypes", "open"}
            label = "_".join([row["support"], *row.get("dtypes", [])]) if plain else f"as_{op}"
            shared[label] = row
    return shared


def render(target: Mapping[str, Any], file: dict[str, Any], sources: Mapping[str, str]) -> str:
    """The text of one target file."""
    head = {k: target[k] for k in ("name", "title", "extends", "parser") if k in target}
    head |= {"layout": LAYOUTS[target["parser"]]} if "parser" in target else {}
    head |= {k: target[k] for k in ("live", "packs") if k in target}
    head |= {k: file[k] for k in HEAD_LISTS if k in file}
    head |= {"releases": RELEASES[target["name"]]} if target["name"] in RELEASES else {}
    head |= {"plugins": PLUGINS[target["name"]]} if target["name"] in PLUGINS else {}
    head |= {k: file[k] for k in ("drop_ops", "drop_limits") if file[k]}
    names = {text: name for name, text in sources.items()}
    defaults = commonest(file["ops"])
    ops = {op: shorten(row, defaults, names) for op, row in sorted(file["ops"].items())}
    limits = [shorten({"name": n, **row}, {}, names) for n, row in sorted(file["limits"].items())]
    shared = shared_rows(ops)
    by_text = {toml(row): label for label, row in shared.items()}
    body = {
        "defaults": shorten(defaults, {}, names),
        "absent": shorten(file["absent"], {}, names) if "absent" in file else {},
        "shared": shared,
        "ops": {op: by_text.get(toml(row), row) for op, row in ops.items()},
    }
    lines = [f"{k} = {toml(v)}\n" for k, v in head.items()]
    tables = [f"\n[{k}]\n" + "".join(f"{a} = {toml(b)}\n" for a, b in t.items()) for k, t in body.items() if t]
    tables += [f"\n[[limits]]\n{''.join(f'{k} = {toml(v)}{chr(10)}' for k, v in row.items())}" for row in limits]
    text = "".join(tables)
    used = {name: s for name, s in sources.items() if toml(f"@{name}") in text}
    table = "\n[sources]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in used.items()) if used else ""
    return HEADER + "".join(lines) + table + text


def main(argv: list[str] | None = None) -> int:
    """0 when the files agree with the facts or were written, 1 when they differ, 2 without facts."""
    return run(argv, __doc__, "targets", _texts)


def _texts(facts: Path, folder: Path) -> Mapping[str, str]:
    return render_all({key: json.loads((facts / name).read_text("utf-8")) for key, name in FILES.items()}, folder)


if __name__ == "__main__":
    sys.exit(main())
