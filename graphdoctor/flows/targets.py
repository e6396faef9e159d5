"""What ``graphdoctor targets`` shows, as records."""

from __future__ import annotations

from typing import Any

from graphdoctor.targets import DEFAULT_TARGET, Limit, OpRow, Target, all_target_names, load_target
from graphdoctor.targets.compare import Difference
from graphdoctor.targets.conditions import conditions, dtype_list
from graphdoctor.types import Answer

Record = dict[str, Any]


def target_record(target: Target, live: bool) -> Record:
    """A target in short; ``live`` if NVIDIA's own parser on this machine can be asked for it."""
    sources = {row.source for row in (*target.ops.values(), target.absent)} | {x.source for x in target.limits.values()}
    return {
        "name": target.name,
        "title": target.title,
        "parser": target.parser,
        "release": target.title.partition(",")[0],
        "ops": sum(row.support is Answer.YES for row in target.ops.values()),
        "limits": len(target.limits),
        "sources": len(sources),
        "live": live and target.live,
        "default": target.name == DEFAULT_TARGET,
    }


def all_target_records(live: bool) -> list[Record]:
    """Every target in short, oldest release first."""
    return [target_record(load_target(name), live) for name in all_target_names()]


def target_page(target: Target, live: bool) -> Record:
    """A target with its op table and limits."""
    types = target.types
    return target_record(target, live) | {
        "opset": None if target.opset is None else {"min": target.opset[0], "max": target.opset[1]},
        "dtypes": dtype_list(types.dtypes).split(", ") if types.dtypes else [],
        "refused": dtype_list(types.refused).split(", ") if types.refused else [],
        "packs": list(target.packs),
        "plugins": list(target.plugins),
        "segments": None if target.segments is None else {"minimum": target.segments.minimum},
        "extends": list(target.lineage[1:]),
        "table": [op_record(op, row) for op, row in sorted(target.ops.items())],
        "other_ops": op_record("*", target.absent),
        "limit_table": [limit_record(limit) for _, limit in sorted(target.limits.items())],
    }


def op_record(op: str, row: OpRow) -> Record:
    """One row of an op table."""
    return {
        "op": op,
        "runs": row.support.value,
        "dtypes": None if row.dtypes is None else dtype_list(row.dtypes).split(", "),
        "rank": list(row.rank),
        "conditions": list(conditions(row)),
        "why": row.reason,
        "note": row.note,
        "confidence": row.confidence.value,
        "source": row.source,
    }


def limit_record(limit: Limit) -> Record:
    """One limit."""
    return {
        "name": limit.name,
        "ops": list(limit.ops),
        "what": limit.reason,
        "remedy": limit.remedy,
        "confidence": limit.confidence.value,
        "source": limit.source,
    }


def difference_record(found: Difference) -> Record:
    """What changes from one target to another."""
    return {
        "from": found.old.name,
        "to": found.new.name,
        "ops": {
            "added": [op_record(op, found.new.row(op)) for op in found.added],
            "removed": [op_record(op, found.new.row(op)) for op in found.removed],
            "changed": [
                {"op": op, "before": op_record(op, old), "after": op_record(op, new)} for op, old, new in found.changed
            ],
        },
        "limits": {
            "added": [limit_record(limit) for limit in found.limits_added],
            "removed": [limit_record(limit) for limit in found.limits_removed],
            "changed": [
                {"name": old.name, "before": limit_record(old), "after": limit_record(new)}
                for old, new in found.limits_changed
            ],
        },
    }
