"""Runs the rules over a frozen graph and draws the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdoctor.findings import Finding, Fix, Severity, TargetVerdict
from graphdoctor.ir import Graph, GraphView, Node, frozen
from graphdoctor.lint.context import CheckContext, Hit, counted
from graphdoctor.lint.options import LintOptions, LintResult
from graphdoctor.lint.rule_options import configured
from graphdoctor.lint.rules import Rule, find_rule, load_rules
from graphdoctor.lint.run import holds, run_rule
from graphdoctor.lint.selection import Selection
from graphdoctor.lint.trouble import Trouble
from graphdoctor.lint.uff_subject import KEY, UffSubject
from graphdoctor.lint.uff_support import uff_behind, uff_verdict
from graphdoctor.lint.verdicts import behind, verdict_of
from graphdoctor.lint.wording import Words, message_of
from graphdoctor.match.results import Match
from graphdoctor.match.support import Judge
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.targets import Confidence, Target
from graphdoctor.words import plural

RULE_FAILED = "rule-failed"
"""Name of the rule whose finding says that another rule raised."""
_NOWHERE = Node("", "")


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


def lint_uff(of: UffSubject, targets: Sequence[Target], options: LintOptions | None = None) -> LintResult:
    """The rules about UFF files over one, and a verdict for each target.

    Raises:
        InputError: as for :func:`lint`.
    """
    with frozen(of.graph) as view:
        live = of.graph.live() if of.graph.outputs else set(of.graph)
        return _Run(view, Specs(), live, targets, options or LintOptions(), of).result()


@dataclass(slots=True)
class _Made:
    """What the rules found so far."""

    trouble: dict[str, Trouble]
    findings: list[Finding] = field(default_factory=list)
    explained: dict[str, set[Node]] = field(default_factory=dict)
    """By target."""
    enclosed: dict[str, dict[Node, bool]] = field(default_factory=dict)
    """By target; true where it is sure."""
    doubts: dict[str, list[str]] = field(default_factory=dict)


_NOTHING: dict[Node, bool] = {}


class _Run:
    """One lint run."""

    def __init__(
        self,
        graph: GraphView,
        specs: Specs,
        live: set[Node],
        targets: Sequence[Target],
        options: LintOptions,
        of: UffSubject | None = None,
    ) -> None:
        self.graph = graph
        self.targets = targets
        self.ctx = CheckContext(graph, specs, live, targets, Judge(graph, specs, targets, live))
        self.rules = configured(_all_rules(graph, options), options)
        self.selection = Selection(self.rules, options)
        names = frozenset(t.name for t in targets)
        self.reported = names if options.report is None else names & frozenset(options.report)
        self.made = _Made({name: Trouble() for name in names})
        self.ctx.shared["trouble"] = self.made.trouble
        self.format = "graph" if of is None else KEY
        if of is not None:
            self.ctx.shared[KEY] = of

    def result(self) -> LintResult:
        """Run every rule that can say or change something; those that enclose come first, those that defer late."""
        for rule in sorted(self.rules, key=lambda r: (r.last, not r.encloses, r.defers, not r.explains, r.code)):
            if self.format in rule.formats and self.selection.runs(rule):
                self._run(rule)
        whole = "" if self.graph.outputs else "the outputs of the graph are not known"
        verdicts = tuple(self._verdict(t, whole) for t in self.targets)
        shown, concealed = self.selection.split(self.made.findings)
        reported = [t for t in self.targets if t.name in self.reported]
        causes = {t.name: self._behind(t, whole) for t in reported}
        return LintResult(shown, verdicts, self._not_checked(), concealed, causes)

    def _verdict(self, target: Target, whole: str) -> TargetVerdict:
        judge = verdict_of if self.format == "graph" else uff_verdict
        return judge(self.ctx, target, self.made.trouble[target.name], whole)

    def _behind(self, target: Target, whole: str) -> frozenset[str]:
        trouble = self.made.trouble[target.name]
        if self.format == "graph":
            return behind(self.ctx, target, trouble, whole)
        return uff_behind(self.ctx, target, trouble)

    def _run(self, rule: Rule) -> None:
        about = [t for t in self.targets if rule.targets is None or rule.targets.includes(t)]
        if rule.tables:
            about = [t for t in about if t.name in self.reported]
        if rule.targets is not None and not about:
            return
        try:
            hits = list(run_rule(self.ctx.narrowed_to(about), rule))
        except Exception as e:  # noqa: BLE001 - the one place: a rule that raises must not hide what others find
            self._failed(rule, e)
            return
        _RuleHits(self, rule, about).take(hits)

    def _failed(self, rule: Rule, error: Exception) -> None:
        own = find_rule(RULE_FAILED)
        reason = f"{rule.code} ({rule.name}) raised {type(error).__name__}: {error}"
        for trouble in self.made.trouble.values() if rule.decides else ():
            trouble.add((_NOWHERE,), reason, certain=False)
        message = own.message.format(reason=reason)
        self.made.findings.append(
            Finding(own.code, own.name, own.level, "", "", "", message, certain=False, remedy=own.remedy)
        )

    def _not_checked(self) -> tuple[str, ...]:
        notes = []
        if not self.graph.outputs:
            notes.append("no target was judged: the outputs of the graph are not known")
        cyclic = self.graph.order().cyclic
        if cyclic:
            notes.append(f"shapes of {plural(len(cyclic), 'node')} on or behind a cycle, from {cyclic[0].name} on")
        for reason, nodes in sorted(self.made.doubts.items()):
            notes.append(f"{reason} (at {nodes[0]}{f' and {len(nodes) - 1} more' if len(nodes) > 1 else ''})")
        return tuple(notes)


class _RuleHits:
    """Turns the hits of one rule into findings and trouble."""

    def __init__(self, run: _Run, rule: Rule, about: Sequence[Target]) -> None:
        self.run = run
        self.made = run.made
        self.rule = rule
        self.about: Sequence[Target | None] = about if rule.targets is not None else (None,)
        self.level = rule.level
        self.blocks = self.level is Severity.ERROR and rule.decides and not rule.tables
        self.is_chosen = rule.code in run.selection.chosen
        self.fixes: dict[str, Fix] = {}
        self.unsure = frozenset(t.name for t in about if _only_weakly_known(rule, t))

    def take(self, hits: Sequence[Hit]) -> None:
        """Note every hit for every target that it concerns."""
        concerned = ((hit, t) for hit in hits for t in (self.about if hit.target is None else (hit.target,)))
        kept = [(hit, t) for hit, t in concerned if not self._is_told(hit, t)]
        for hit, target in counted(kept) if self.rule.counted else kept:
            self._note(hit, target)

    def _is_told(self, hit: Hit, target: Target | None) -> bool:
        """True where the rule is silent because another explains."""
        if target is None:
            return False
        sure = self.made.enclosed.get(target.name, _NOTHING).get(hit.node)
        if sure or (sure is not None and not hit.certain):
            return True
        return self.rule.defers and hit.node in self.made.explained.get(target.name, ())

    def _note(self, hit: Hit, target: Target | None) -> None:
        certain = hit.certain and (target is None or target.name not in self.unsure)
        if not certain and self.level is not Severity.ERROR:
            reason = f"{self.rule.code} {self.rule.name}: {hit.reason}"
            self.made.doubts.setdefault(reason, []).append(hit.node.name)
            return
        words = Words(self.run.ctx, self.rule, hit, target, certain)
        concerned = self.run.targets if target is None else (target,)
        if self.blocks:
            nodes = (hit.node, *hit.covers)
            for t in concerned:
                self.made.trouble[t.name].add(nodes, words, certain)
        if self.is_chosen and self.rule.explains:
            told = hit.covers if not self.rule.encloses else ()
            told = (hit.node, *told) if hit.covers_node else told
            for t in concerned:
                self.made.explained.setdefault(t.name, set()).update(told)
                if self.rule.encloses:
                    self.made.enclosed.setdefault(t.name, {}).update(dict.fromkeys(hit.covers, certain))
        if target is None or target.name in self.run.reported:
            self.made.findings.append(self._finding(words))

    def _finding(self, words: Words) -> Finding:
        hit, certain = words.hit, words.certain
        return Finding(
            self.rule.code,
            self.rule.name,
            self.level if certain else Severity.WARNING,
            "" if words.target is None else words.target.name,
            hit.node.name,
            hit.node.op,
            message_of(words),
            certain,
            self._fix(hit) if certain or hit.case else None,
            self.rule.remedy,
            tuple([n.name for n in hit.covers]) if hit.covers else (),
            None if self.rule.decides else Severity.WARNING,
        )

    def _fix(self, hit: Hit) -> Fix | None:
        offered = self.rule.fixes.get(hit.case) if hit.case else self.rule.fix
        if offered is None or self.run.format != "graph":  # rewrites are of graphs
            return None
        outcome = holds(offered.where, self.run.ctx.match(hit.target), hit.bound, hit.node)
        if not isinstance(outcome, Match):
            return None
        if hit.case not in self.fixes:
            self.fixes[hit.case] = offered.value()
        return self.fixes[hit.case]  # one object for all findings that offer it


def _all_rules(graph: GraphView, options: LintOptions) -> tuple[Rule, ...]:
    if not options.own_rules:
        return load_rules()
    from graphdoctor.lint.own_rules import at_ops

    return (*load_rules(), *at_ops(options.own_rules, graph.ops()))


def _only_weakly_known(rule: Rule, target: Target) -> bool:
    """True where all that makes ``rule`` speak of ``target`` is a limit that is known from a weak source."""
    if rule.targets is None or not rule.targets.limits:
        return False
    limits = [target.has_limit(name) for name in rule.targets.limits]
    return all(limit is None or limit.confidence is Confidence.LOW for limit in limits)
