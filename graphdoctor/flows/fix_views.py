"""A fixed graph as the records that render takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from graphdoctor.flows.fix import Fixed
from graphdoctor.flows.node_records import change_kind, node_record
from graphdoctor.ir import NodeDiff as Change
from graphdoctor.ir import NodeState
from graphdoctor.ir.text import format_state
from graphdoctor.render.text_fix import (
    AppliedRewrite,
    FixSummary,
    NodeDiff,
    RefusedRewrite,
    RolledBackRewrite,
    ScriptRun,
    VerdictChange,
)
from graphdoctor.surgery import PIN


def diff_view(fixed: Fixed) -> list[NodeDiff]:
    """The node-level diff, each change under the rewrite that was applied there."""
    diffs = [NodeDiff(_text(d.before), _text(d.after), owner) for d, owner in _owned(fixed)]
    return sorted(diffs, key=lambda d: (d.rewrite, d.before or d.after))


def diff_record(fixed: Fixed) -> list[dict[str, Any]]:
    """The same for programs, by node name."""
    return [{**node_record(d), "rewrite": owner} for d, owner in _owned(fixed)]


def _owned(fixed: Fixed) -> list[tuple[Change, str]]:
    names = {a.node: a.rewrite for a in reversed(fixed.result.applied)}
    return [(d, names.get(d.name) or _consequence(d.before, d.after, fixed.script)) for d in fixed.diff]


def edits_view(diff: Iterable[Change], by: str) -> list[NodeDiff]:
    """Changes that all have one cause."""
    return [NodeDiff(_text(d.before), _text(d.after), by) for d in diff]


def patch_view(path: str, patch: str, diff: Sequence[Change], nodes: tuple[int, int], place: str | None) -> FixSummary:
    """What a patch changed; ``nodes`` before and after."""
    return FixSummary(path, place or "", *nodes, script=_run_of(patch, diff))


def _consequence(before: NodeState | None, after: NodeState | None, script: str) -> str:
    if script:
        return f"by {script} or behind it"
    if after is None:
        return "no longer needed"
    return "made" if before is None else "rewired"


def _text(state: NodeState | None) -> str:
    return "" if state is None else format_state(state, elide=True)


def summary_view(fixed: Fixed, place: str | None) -> FixSummary:
    """What was applied, refused and undone."""
    result, graph = fixed.result, fixed.opened.graph
    counts = Counter((a.rewrite, a.safety) for a in result.applied)
    notes = {a.rewrite: a.note for a in result.applied if a.new_outputs}
    applied = tuple(
        AppliedRewrite(name, _pack(fixed, name), safety, n, notes.get(name, "")) for (name, safety), n in counts.items()
    )
    refused = tuple(RefusedRewrite(r.rewrite, r.node, r.reason, r.held_back) for r in result.refused)
    undone = tuple(
        RolledBackRewrite(r.rewrite, f"{r.broken.node} {r.broken.detail} ({r.broken.invariant})")
        for r in result.rolled_back
    )
    return FixSummary(
        path=fixed.opened.model.path,
        output=place or "",
        nodes_before=fixed.nodes_before,
        nodes_after=len(graph),
        applied=applied,
        refused=refused,
        rolled_back=undone,
        rounds=result.rounds,
        converged=result.converged,
        verdicts=(VerdictChange(*fixed.verdicts),) if fixed.verdicts else (),
        script=_script_run(fixed),
    )


def _pack(fixed: Fixed, name: str) -> str:
    """Where the rewrite ``name`` comes from."""
    return "--pin" if name == PIN else fixed.packs.get(name, "")


def _script_run(fixed: Fixed) -> ScriptRun | None:
    return _run_of(fixed.script, fixed.by_script) if fixed.script else None


def _run_of(what: str, diff: Sequence[Change]) -> ScriptRun:
    kinds = Counter(map(change_kind, diff))
    return ScriptRun(what, kinds["added"], kinds["removed"], kinds["changed"])
