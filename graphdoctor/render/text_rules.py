"""What ``rules`` and ``explain`` print: the table of rules, and one rule's page, on a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphdoctor.findings import Fix, Safety, Severity
from graphdoctor.render.parts.headline import SEVERITY_STYLE, fix_command
from graphdoctor.render.parts.options import RenderOptions, RuleInfo
from graphdoctor.render.parts.page import Page, Piece
from graphdoctor.render.parts.words import clean
from graphdoctor.words import plural

_SAFETY = {
    Safety.SAFE: "Safe: the results, inputs and outputs stay the same.",
    Safety.UNSAFE: "Unsafe: it may change inputs, outputs or the order of floating-point operations.",
    Safety.MANUAL: "By hand: no rewrite does it.",
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A line of the table of rules."""

    code: str
    name: str
    severity: Severity
    summary: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class RulePage:
    """Everything known of a rule.

    ``errors`` are the messages users see, ``symptoms`` what they notice without one; ``example`` and ``fixed`` are
    graphs in the compact text form; ``options`` say name, default and meaning of its numbers, as Markdown.
    """

    code: str
    info: RuleInfo
    targets: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    fix: Fix | None = None
    example: str = ""
    fixed: str = ""
    references: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading with paragraphs, or with text to show as it is."""

    title: str
    paragraphs: tuple[str, ...]
    verbatim: bool = False


def render_rules(rows: Sequence[RuleRow], options: RenderOptions) -> str:
    """One line a rule, in the order given."""
    page = Page(options)
    table: list[list[Piece]] = [
        [
            (r.code, "bold"),
            (r.severity.label, SEVERITY_STYLE[r.severity.label]),
            (_mark(r.fix), "green"),
            r.name,
            r.summary,
        ]
        for r in rows
    ]
    if table:
        page.table(table, indent=0)
        page.blank()
    page.para(f"{plural(len(rows), 'rule')}; [*] has a fix, [!] an unsafe one", style="dim")
    return page.text()


def _mark(fix: Fix | None) -> str:
    return {None: "", Safety.SAFE: "[*]", Safety.UNSAFE: "[!]", Safety.MANUAL: ""}[fix.safety if fix else None]


def render_rule_page(rule: RulePage, options: RenderOptions) -> str:
    """The page for a terminal."""
    page = Page(options)
    severity = rule.info.severity.label
    page.line((rule.code, "bold"), f" {rule.info.name}  ", (severity, f"bold {SEVERITY_STYLE[severity]}"))
    page.para(rule.info.summary)
    for section in _sections(rule):
        page.blank()
        page.line((section.title, "bold"))
        for text in section.paragraphs:
            if section.verbatim:
                for line in text.splitlines():
                    page.line("    ", (line, "cyan"))
            else:
                page.para(text, first=["  "], rest=["  "])
    return page.text()


def rule_page_markdown(rule: RulePage) -> str:
    """The same page as Markdown. The rule's own text is Markdown already."""
    blocks = [f"# {rule.code} {rule.info.name}", f"Severity: **{rule.info.severity.label}**", rule.info.summary]
    for section in _sections(rule):
        blocks.append(f"## {section.title}")
        blocks += [_fenced("\n".join(section.paragraphs))] if section.verbatim else section.paragraphs
    return "\n\n".join(blocks) + "\n"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    body = "\n".join(clean(line) for line in text.splitlines())
    return f"{fence}text\n{body}\n{fence}"


def _sections(rule: RulePage) -> Iterator[_Section]:
    info, fix = rule.info, rule.fix
    sections = [
        _Section("Why it matters", (info.why,)),
        _Section("Targets", (", ".join(rule.targets),)),
        _Section("The error you see", rule.errors, verbatim=True),
        _Section("What you may notice", rule.symptoms),
        _Section("Example", (rule.example,), verbatim=True),
        _Section("After the fix", (rule.fixed,), verbatim=True),
        _Section("What to do", (info.remedy,)),
    ]
    if fix is not None:
        command = f"`{fix_command(fix)}` applies {fix.rewrite}." if fix.safety is not Safety.MANUAL else ""
        sections.append(_Section("Fix", (command, _SAFETY[fix.safety])))
    sections.append(_Section("Options", tuple(f"- {o}" for o in rule.options)))
    sections.append(_Section("References", tuple(f"- {r}" for r in rule.references)))
    for s in sections:
        if kept := tuple(p for p in s.paragraphs if p):
            yield _Section(s.title, kept, s.verbatim)
