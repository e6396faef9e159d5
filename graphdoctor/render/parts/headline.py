"""The sentences every text format shares: what a verdict means, which nodes a group names, how to fix it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphdoctor.findings import Finding, Fix, ModelReport, Safety, Verdict
from graphdoctor.render.parts.glyphs import Glyphs
from graphdoctor.render.parts.groups import Group, TargetSummary, is_fixable, nearest_compatible
from graphdoctor.render.parts.options import RenderOptions
from graphdoctor.render.parts.words import plural

VERDICT_STYLE = {Verdict.COMPATIBLE: "green", Verdict.INCOMPATIBLE: "red", Verdict.UNKNOWN: "yellow"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "blue"}
UNTOLD_STYLE = VERDICT_STYLE[Verdict.UNKNOWN]


def severity_label(finding: Finding) -> str:
    """``error``, or ``error?`` where the rule could not tell."""
    return finding.severity.label if finding.certain else f"{finding.severity.label}?"


def count_text(findings: Iterable[Finding]) -> str:
    """``3 errors, 1 warning, 2 that could not be told``."""
    counts = Counter(f.severity.label if f.certain else "" for f in findings)
    parts = [plural(counts[x], x, "info" if x == "info" else "") for x in ("error", "warning", "info") if counts[x]]
    if counts[""]:
        parts.append(f"{counts['']:,} that could not be told")
    return ", ".join(parts) or "no findings"


def headline(summary: TargetSummary) -> str:
    """``incompatible: 138 of 142 ops convert; 3 blockers, 2 fixable``."""
    v = summary.verdict
    facts = [coverage(summary), *_blocker_facts(summary)]
    if v.verdict is Verdict.UNKNOWN:
        untold = max(1, summary.untold)
        facts.append(f"{plural(untold, 'thing')} could not be told")
    return f"{v.verdict.value}: {'; '.join(facts)}"


def coverage(summary: TargetSummary) -> str:
    """``138 of 142 ops convert``, or the plain word for none and all."""
    v = summary.verdict
    if not v.total:
        return "no op to convert"
    return f"all {v.total:,} ops convert" if v.supported == v.total else f"{v.supported:,} of {v.total:,} ops convert"


def _blocker_facts(summary: TargetSummary) -> list[str]:
    if not summary.blockers:
        return ["nothing stands in the way"] if summary.verdict.verdict is Verdict.COMPATIBLE else []
    fixable = f"{summary.fixable} fixable" if summary.fixable else "none fixable"
    unsafe = f" ({summary.unsafe} with --unsafe-fixes)" if summary.unsafe else ""
    return [f"{plural(summary.blockers, 'blocker')}, {fixable}{unsafe}"]


def nearest_text(model: ModelReport, summary: TargetSummary) -> str:
    """Which target passes when this one does not; empty when this one does."""
    if summary.verdict.verdict is Verdict.COMPATIBLE or len(model.verdicts) < 2:
        return ""
    nearest = nearest_compatible(model, summary.verdict.target)
    return f"nearest target that passes: {nearest}" if nearest else "no target passes as the model is"


def fix_command(fix: Fix, path: str = "") -> str:
    """The command that removes the finding, as typed in a POSIX shell."""
    return packs_command((fix.pack,), unsafe=fix.safety is Safety.UNSAFE, path=path)


def packs_command(packs: tuple[str, ...], *, unsafe: bool = False, path: str = "", target: str = "") -> str:
    """``graphdoctor fix net.pb --rules tf112,fold --target trt3 --unsafe-fixes``."""
    from shlex import quote

    words = ["graphdoctor fix", quote(path) if path else "", f"--rules {','.join(packs)}"]
    words += [f"--target {target}" if target else "", "--unsafe-fixes" if unsafe else ""]
    return " ".join(w for w in words if w)


def group_place(group: Group, glyphs: Glyphs) -> str:
    """``AddV2 x 48 in 6 scopes``; for one node its op alone; ``the whole model`` without a node."""
    nodes = group.nodes
    if not nodes:
        return "the whole model"
    ops = group.ops
    if len(nodes) == 1:
        return ops[0][0] or "node"
    shown = [f"{op or 'node'} {glyphs.times} {count:,}" for op, count in ops[:4]]
    if len(ops) > 4:
        shown.append(f"{len(ops) - 4} more ops {glyphs.times} {sum(n for _, n in ops[4:]):,}")
    scopes = group.scopes
    return f"{', '.join(shown)} in {plural(scopes, 'scope')}" if scopes > 1 else ", ".join(shown)


def target_text(group: Group, model: ModelReport) -> str:
    """The targets of a group in the order of the verdicts; ``every target`` for all of many; empty for none."""
    order = [v.target for v in model.verdicts]
    if len(order) > 2 and set(order) <= set(group.targets):
        return "every target"
    known = [t for t in order if t in group.targets]
    return ", ".join(known + [t for t in group.targets if t and t not in known])


def example_nodes(group: Group, options: RenderOptions) -> tuple[tuple[str, ...], int]:
    """The nodes to show and how many are left out; all of them with ``show_nodes``."""
    nodes = group.nodes
    if options.show_nodes or len(nodes) <= options.examples + 1:
        return nodes, 0
    return nodes[: options.examples], len(nodes) - options.examples


def place_text(group: Group, options: RenderOptions, glyphs: Glyphs) -> str:
    """``AddV2 x 48 in 6 scopes: a/add, b/add, c/add and 45 more``."""
    nodes, left = example_nodes(group, options)
    more = f" and {left:,} more" if left else ""
    return ": ".join(x for x in (group_place(group, glyphs), ", ".join(nodes)) if x) + more


def group_lines(group: Group, options: RenderOptions, glyphs: Glyphs, targets: str = "") -> list[str]:
    """What a group says, where, what to do and what does it: a line each, nothing for what there is not."""
    f = group.head
    lines = [
        told(f, group.message) + (f" ({targets})" if targets else ""),
        place_text(group, options, glyphs),
        group.remedy,
        f"fix: {fix_command(f.fix)} ({f.fix.safety.value})" if f.fix is not None and is_fixable(f.fix) else "",
    ]
    return [line for line in lines if line]


def told(finding: Finding, message: str) -> str:
    """``message`` of a finding, which always says so where it could not be told."""
    doubtful = not finding.certain and not message.startswith("cannot tell")
    return f"cannot be told: {message}" if doubtful else message


def finding_text(f: Finding) -> str:
    """One line that says all of a finding: op and node, message, target, remedy."""
    at = f"{f.op} {f.node}: " if f.op and f.node else f"{f.node}: " if f.node else ""
    message = f.message.removeprefix(f"{f.node}: ") if f.node else f.message
    target = f" ({f.target})" if f.target else ""
    remedy = f". {f.remedy}" if f.remedy else ""
    return f"{at}{told(f, message)}{target}{remedy}"
