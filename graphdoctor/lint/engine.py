"""Runs the rules over a frozen graph and draws the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdoctor.findings import Finding, Fix, Severity
from graphdoctor.ir import Graph, GraphView, Node, frozen
from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.options import LintOptions, LintResult
from graphdoctor.lint.rules import Rule, find_rule, load_rules
from graphdoctor.lint.run import holds, run_rule
from graphdoctor.lint.selection import chosen, ignored
from graphdoctor.lint.verdicts import Trouble, verdict_of
from graphdoctor.lint.wording import message_of
from graphdoctor.match.results import Match
from graphdoctor.match.support import Judge
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.targets import Target

RULE_FAILED = "rule-failed"
"""Name of the rule whose finding says that another rule raised."""


def lint(graph: Graph, specs: Specs, targets: Sequence[Target], options: LintOptions | None = None) -> LintResult:
    """Every rule over ``graph``, and a verdict for each target.

    Args:
        graph: its inputs and outputs are set; frozen while rules run.
        specs: from inference over this graph.
        targets: all that get a verdict.
        options: which findings are wanted.

    Raises:
        InputError: a rule file is wrong, or an option names no rule.
    """
    with frozen(graph) as view:
        live = graph.live() if graph.outputs else set(graph)
        return _Run(view, specs, live, targets, options or LintOptions()).result()


@dataclass(slots=True)
class _Outcome:
    """What the rules found so far."""

    findings: list[Finding] = field(default_factory=list)
    explained: set[tuple[str, Node]] = field(default_factory=set)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)


class _Run:
    def __init__(
        self,
        graph: GraphView,
        specs: Specs,
        live: set[Node],
        targets: Sequence[Target],
        options: LintOptions,
    ) -> None:
        self.graph = graph
        self.targets = targets
        self.ctx = CheckContext(graph, specs, live, targets, Judge(graph, specs, targets))
        self.rules = load_rules()
        self.chosen = chosen(self.rules, options)
        self.ignored = ignored(self.rules, options)
        self.reported = frozenset(t.name for t in targets) if options.report is None else frozenset(options.report)
        self.made = _Outcome(trouble={t.name: Trouble() for t in targets})

    def result(self) -> LintResult:
        """Run every rule that can say or change something; those that defer come last."""
        for rule in sorted(self.rules, key=lambda r: (r.defers, not r.explains, r.code)):
            if rule.code in self.chosen or rule.level is Severity.ERROR:
                self._run(rule)
        whole = "" if self.graph.outputs else "the outputs of the graph are not known"
        verdicts = tuple(verdict_of(self.ctx, t, self.made.trouble[t.name], whole) for t in self.targets)
        findings = tuple(sorted(self.made.findings, key=lambda f: f.sort_key))
        return LintResult(findings, verdicts, self._not_checked())

    def _run(self, rule: Rule) -> None:
        selection = rule.targets
        about = [t for t in self.targets if selection is None or selection.includes(t)]
        if rule.tables:
            about = [t for t in about if t.name in self.reported]
        if selection is not None and not about:
            return
        try:
            hits = list(run_rule(self.ctx.narrowed_to(about), rule))
        except Exception as e:  # noqa: BLE001 - the one place: a rule that raises must not hide what others find
            self._failed(rule, e)
            return
        for hit in hits:
            self._take(rule, hit, about)

    def _failed(self, rule: Rule, error: Exception) -> None:
        own = find_rule(RULE_FAILED)
        reason = f"{rule.code} ({rule.name}) raised {type(error).__name__}: {error}"
        for trouble in self.made.trouble.values():
            trouble.add((_NOWHERE,), lambda: reason, certain=False)
        message = own.message.format(reason=reason)
        self.made.findings.append(
            Finding(own.code, own.name, own.level, "", "", "", message, certain=False, remedy=own.remedy)
        )

    def _take(self, rule: Rule, hit: Hit, about: Sequence[Target]) -> None:
        targets: Sequence[Target | None] = [hit.target] if hit.target is not None else list(about)
        if rule.targets is None and hit.target is None:
            targets = [None]
        fix = self._fix(rule, hit) if hit.certain else None
        for target in targets:
            self._note(rule, hit, target, fix)

    def _note(self, rule: Rule, hit: Hit, target: Target | None, fix: Fix | None) -> None:
        certain = hit.certain and self._is_sure(rule, target)
        concerned = self.targets if target is None else (target,)
        if not certain and rule.level is not Severity.ERROR:
            self.made.doubts.setdefault(f"{rule.code} {rule.name}: {hit.reason}", []).append(hit.node.name)
            return
        nodes = (hit.node, *hit.covers)
        if rule.defers and target is not None and (target.name, hit.node) in self.made.explained:
            return

        def message() -> str:
            return message_of(self.ctx, rule, hit, target, certain)

        if rule.level is Severity.ERROR and not rule.tables:
            for t in concerned:
                self.made.trouble[t.name].add(nodes, message, certain)
        if rule.code not in self.chosen:
            return
        if rule.explains:
            told = nodes if hit.covers_node else hit.covers
            self.made.explained.update((t.name, n) for t in concerned for n in told)
        if rule.code not in self.ignored and (target is None or target.name in self.reported):
            self.made.findings.append(_finding(rule, hit, target, message(), certain, fix))

    def _is_sure(self, rule: Rule, target: Target | None) -> bool:
        """False where all that makes the rule speak of ``target`` is a limit that is known from a weak source."""
        if target is None or rule.targets is None or not rule.targets.limits:
            return True
        found = (target.has_limit(name) for name in rule.targets.limits)
        return any(limit is not None and limit.confidence.value != "low" for limit in found)

    def _fix(self, rule: Rule, hit: Hit) -> Fix | None:
        offered = rule.fixes.get(hit.case) if hit.case else rule.fix
        if offered is None:
            return None
        outcome = holds(offered.where, self.ctx.match(hit.target), hit.bound, hit.node)
        return offered.value() if isinstance(outcome, Match) else None

    def _not_checked(self) -> tuple[str, ...]:
        notes = []
        if not self.graph.outputs:
            notes.append("no target was judged: the outputs of the graph are not known")
        cyclic = self.graph.order().cyclic
        if cyclic:
            notes.append(f"shapes of {len(cyclic)} nodes on or behind a cycle, from {cyclic[0].name} on")
        for reason, nodes in sorted(self.made.doubts.items()):
            notes.append(f"{reason} (at {nodes[0]}{f' and {len(nodes) - 1} more' if len(nodes) > 1 else ''})")
        return tuple(notes)


_NOWHERE = Node("", "")


def _finding(rule: Rule, hit: Hit, target: Target | None, message: str, certain: bool, fix: Fix | None) -> Finding:
    return Finding(
        rule.code,
        rule.name,
        rule.level if certain else Severity.WARNING,
        "" if target is None else target.name,
        hit.node.name,
        hit.node.op,
        message,
        certain,
        fix,
        rule.remedy,
    )
