"""Writes the generated pages under ``docs/`` from the records that the program itself uses.

    python tools/docs.py --check            exit 1 and a diff when a page differs
    python tools/docs.py --write            write the pages, remove those that nothing makes any more

Made are ``docs/rules/`` (a page for every rule), ``docs/targets/`` (a page for every target), ``docs/packs.md`` and
``docs/cli.md``. No text of them stands here: a rule's is in ``rules/checks``, a target's in ``rules/targets``, a
rewrite's in ``rules/rewrites``, a command's in its own help.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from graphdoctor.cli import COMMANDS, cli  # noqa: E402
from graphdoctor.findings import Safety  # noqa: E402
from graphdoctor.flows.explain import rule_page, rule_row  # noqa: E402
from graphdoctor.lint import Rule, load_rules  # noqa: E402
from graphdoctor.lint.rules import FAMILIES  # noqa: E402
from graphdoctor.render.parts.markdown_text import code, escape, table  # noqa: E402
from graphdoctor.render.text_rules import rule_page_markdown  # noqa: E402
from graphdoctor.surgery import load_pack, pack_names  # noqa: E402
from graphdoctor.surgery.packs import PackRow, RewriteRow  # noqa: E402
from graphdoctor.targets import DEFAULT_TARGET, Limit, OpRow, Target, all_target_names, load_target  # noqa: E402
from graphdoctor.targets.conditions import conditions, dtype_list  # noqa: E402
from graphdoctor.targets.plugins import Plugin, PluginField, PluginMeaning, all_plugins, plugin_meanings  # noqa: E402
from graphdoctor.types import Answer  # noqa: E402
from graphdoctor.words import plural  # noqa: E402

Pages = Mapping[str, str]
"""Path below ``docs/`` -> content."""
OWNED = ("rules", "targets")
"""Folders of ``docs/`` that hold generated pages alone."""
NOTICE = "<!-- Written by tools/docs.py. -->\n"
HELP_WIDTH = 100


def pages() -> Pages:
    """Every generated page."""
    made = {"rules/README.md": rules_index(), "targets/README.md": targets_index()}
    made |= {f"rules/{rule.code}.md": rule_page_markdown(rule_page(rule)) for rule in load_rules()}
    made["plugins.md"] = plugins_page()
    made |= {f"targets/{name}.md": target_page(load_target(name)) for name in all_target_names()}
    made |= {"packs.md": packs_page(), "cli.md": cli_page()}
    return {path: NOTICE + text.rstrip("\n") + "\n" for path, text in made.items()}


# Rules


def rules_index() -> str:
    """Every rule in the table of its family."""
    rules = load_rules()
    counts = f"{plural(len(rules), 'rule')} in {plural(len({r.family for r in rules}), 'family', 'families')}."
    blocks = ["# Rules", f"{counts} `graphdoctor explain CODE` shows a page, `graphdoctor rules` this list."]
    for letter, title in FAMILIES.items():
        rows = [_rule_cells(rule) for rule in rules if rule.family == letter]
        if rows:
            blocks += [f"## GD{letter}: {title}", table(["code", "name", "severity", "fix", "what"], rows)]
    return "\n\n".join(blocks)


def _rule_cells(rule: Rule) -> list[str]:
    row = rule_row(rule)
    fix = (
        code(row.fix.rewrite) + ("" if row.fix.safety is Safety.SAFE else f" ({row.fix.safety.value})")
        if row.fix
        else ""
    )
    off = "" if rule.default else " (when selected)"
    return [f"[{row.code}]({row.code}.md)", row.name, row.severity.label + off, fix, row.summary]


# Targets


def targets_index() -> str:
    """Every target with its counts."""
    head = ["target", "what", "parser", "opset", "ops", "limits"]
    rows = [_target_cells(load_target(name)) for name in all_target_names()]
    blocks = [
        "# Targets",
        f"The default is `{DEFAULT_TARGET}`. `graphdoctor targets` shows this list.",
        table(head, rows),
    ]
    return "\n\n".join(blocks)


def _target_cells(target: Target) -> list[str]:
    supported = sum(row.support is Answer.YES for row in target.ops.values())
    live = ", asked live" if target.live else ""
    link = f"[{target.name}]({target.name}.md)"
    return [link, target.title + live, target.parser, _opset(target), str(supported), str(len(target.limits))]


def target_page(target: Target) -> str:
    """A target's facts: head, op table, limits, sources."""
    sources = _Sources()
    ops = [_op_cells(op, row, sources) for op, row in sorted(target.ops.items())]
    ops.append(_op_cells("", target.absent, sources))
    limits = [_limit_cells(limit, sources) for _, limit in sorted(target.limits.items())]
    blocks = [f"# {target.name}: {target.title}", "\n".join(_facts(target))]
    blocks += ["## Ops", table(["op", "runs", "where", "why, or what to know", "error", "source", "confidence"], ops)]
    if limits:
        head = ["limit", "ops", "what", "error", "what to do", "source", "confidence"]
        blocks += ["## Limits", table(head, limits)]
    blocks += ["## Sources", "\n".join(sources.lines())]
    return "\n\n".join(blocks)


class _Sources:
    """Numbers the sources of a page in the order they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, source: str) -> str:
        """``[3](#sources)``."""
        return f"[{self._numbers.setdefault(source, len(self._numbers) + 1)}](#sources)"

    def lines(self) -> Iterator[str]:
        """The numbered list."""
        for source, number in self._numbers.items():
            yield f"{number}. {escape(source) if '://' not in source else source}"


def _facts(target: Target) -> Iterator[str]:
    yield f"- parser: {target.parser}; layout of the engine: {target.layout}"
    if target.opset:
        yield f"- ONNX opset: {_opset(target)}"
    if len(target.lineage) > 1:
        yield f"- extends: {', '.join(f'[{name}]({name}.md)' for name in target.lineage[1:])}"
    types = target.types
    yield f"- element types in the engine: {dtype_list(types.dtypes)}"
    if types.refused:
        yield f"- element types that are refused: {dtype_list(types.refused)}"
    if types.border:
        yield f"- element types of inputs and outputs alone: {dtype_list(types.border)}"
    if types.max_rank:
        yield f"- most dimensions of a tensor: {types.max_rank}"
    if types.not_constant:
        yield f"- element types that no constant may have: {dtype_list(types.not_constant)}"
    narrowed = sorted(types.narrowed.items(), key=lambda pair: pair[0].value)
    if narrowed:
        yield f"- narrowed in constants: {', '.join(f'{a.label} to {b.label}' for a, b in narrowed)}"
    if target.segments:
        cut = target.segments
        most = f", {cut.engines} at most" if cut.engines else ""
        yield f"- segments: of {cut.minimum} nodes or more{most}; {_list(sorted(cut.uncounted), 'and')} do not count"
    if target.plugins:
        yield f"- releases of the [plugin library](../plugins.md): {', '.join(target.plugins)}"
    if target.packs:
        yield f"- packs that `cure` applies: {', '.join(f'[{p}](../packs.md#{p})' for p in target.packs)}"


def _opset(target: Target) -> str:
    if target.opset is None:
        return ""
    low, high = target.opset
    bounds = [f"from {low}" if low else "", f"up to {high}" if high else ""]
    return " ".join(b for b in bounds if b) or "no bound known"


def _op_cells(op: str, row: OpRow, sources: _Sources) -> list[str]:
    name = code(op) if op else "any other op"
    why = "; ".join(escape(t) for t in (row.reason, row.note) if t)
    where = "; ".join(conditions(row, code, escape))
    return [name, row.support.value, where, why, _error(row.error), sources.number(row.source), row.confidence.value]


def _limit_cells(limit: Limit, sources: _Sources) -> list[str]:
    ops = ", ".join(code(op) if op != "*" else "any" for op in limit.ops)
    texts = [escape(limit.reason), _error(limit.error), escape(limit.remedy)]
    return [limit.name, ops, *texts, sources.number(limit.source), limit.confidence.value]


def _error(text: str) -> str:
    return code(text) if text else ""


def _list(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


# Plugins


def plugins_page() -> str:
    """NVIDIA's plugins with their fields."""
    blocks = [
        "# Plugins",
        "What `rules/plugins` knows of the plugins in NVIDIA's library. Rules of family P hold the plugin nodes "
        "of a graph against it. A plugin node of a UFF file becomes ops of ONNX where it is known what it computes.",
    ]
    for plugin in all_plugins().values():
        blocks += _plugin_blocks(plugin)
    return "\n\n".join(blocks)


def _plugin_blocks(plugin: Plugin) -> Iterator[str]:
    yield f"## {plugin.name}"
    inputs = (
        str(plugin.inputs[0])
        if plugin.inputs[0] == plugin.inputs[-1] and len(plugin.inputs) > 1
        else (f"{plugin.inputs[0]} or more" if len(plugin.inputs) == 1 else f"{plugin.inputs[0]} to {plugin.inputs[1]}")
    )
    facts = [escape(plugin.purpose), f"inputs: {inputs}", f"releases: {', '.join(plugin.releases)}"]
    facts += [f"gone from TensorRT {plugin.removed} on"] if plugin.removed else []
    facts += [escape(note) for note in plugin.notes]
    facts.append(f"source: {escape(plugin.source)} ({plugin.confidence} confidence)")
    facts += _meaning_facts(plugin_meanings()[plugin.name])
    yield "\n".join(f"- {fact}" for fact in facts)
    if plugin.fields:
        head = ["field", "type", "elements", "needed", "default", "releases"]
        yield table(head, [_field_cells(f) for f in plugin.fields])


def _meaning_facts(meaning: PluginMeaning) -> Iterator[str]:
    said = f"({escape(meaning.source)}; {meaning.confidence} confidence)"
    if meaning.becomes:
        yield f"in ONNX: {escape(meaning.becomes)} {said}"
    else:
        yield f"not in ONNX: {escape(meaning.reason)} {said}"
    yield from (f"refused: {escape(item)}" for item in meaning.refused)
    yield from (f"open: {escape(item)}" for item in meaning.open)


def _field_cells(field: PluginField) -> list[str]:
    needed = "yes" if field.required else "no"
    if field.optional_in:
        needed += f", not in {', '.join(field.optional_in)}"
    count = "any" if field.many else str(field.length)
    since = f"from {field.releases[0]}" if field.releases else "all"
    return [code(field.name), field.type, count, needed, escape(field.default), since]


# Packs


def packs_page() -> str:
    """Every rewrite of every pack."""
    blocks = ["# Packs", "What `graphdoctor fix --rules PACK[,PACK]` takes; `graphdoctor packs` shows the short form."]
    for name in pack_names():
        blocks += _pack_blocks(load_pack(name))
    return "\n\n".join(blocks)


def _pack_blocks(pack: PackRow) -> Iterator[str]:
    yield f"## {pack.name}"
    yield f"**{pack.title}.** {_ended(pack.summary)}"
    if pack.include:
        yield f"First come, from other packs: {_links(pack.include)}."
    if pack.rewrite:
        head = ["rewrite", "safety", "what", "limits", "fixes"]
        yield table(head, [_rewrite_cells(row) for row in pack.rewrite])
    for row in pack.rewrite:
        if row.options:
            yield f"Options of {code(row.name)}:"
            yield "\n".join(f"- {key}: {_value(value)}" for key, value in row.options.items())
    if pack.then:
        yield f"Then come, from other packs: {_links(pack.then)}."


def _links(references: Iterable[str]) -> str:
    """Rewrites of other packs, each with a link to its pack."""
    return ", ".join(f"[{name}](#{owner})" for owner, _, name in (r.partition("/") for r in references))


def _rewrite_cells(row: RewriteRow) -> list[str]:
    known = {rule.code for rule in load_rules()}
    fixes = ", ".join(f"[{c}](rules/{c}.md)" if c in known else c for c in row.fixes)
    limits = [row.note] + ["equal to the rounding of the folded constants"] * row.rounds_constants
    return [row.name, row.safety.value, _cell(row.summary), _cell("; ".join(t for t in limits if t)), fixes]


def _value(value: object) -> str:
    """An option's value: words as code, a table as its entries."""
    if isinstance(value, Mapping):
        return "; ".join(f"{code(str(key))} {_value(v)}" for key, v in value.items())
    if isinstance(value, list):
        return ", ".join(_value(v) for v in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if " " in text else code(text or '""')


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _cell(text: str) -> str:
    """Markdown on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


# Command line


def cli_page() -> str:
    """The help of every command, as it prints it."""
    blocks = ["# Command line", _fenced(help_of([]))]
    for name in COMMANDS:
        blocks += [f"## {name}", _fenced(help_of([name]))]
    return "\n\n".join(blocks)


def help_of(words: Sequence[str]) -> str:
    """What ``graphdoctor WORDS --help`` prints."""
    result = CliRunner().invoke(
        cli, [*words, "--help"], prog_name="graphdoctor", terminal_width=HELP_WIDTH, catch_exceptions=False
    )
    if result.exit_code:
        raise click.ClickException(result.output)
    return result.output


def _fenced(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return f"```text\n{lines}\n```"


# Files


def differences(made: Pages, docs: Path) -> Iterator[str]:
    """A diff for every page that differs, is missing, or that nothing makes."""
    for path in sorted({*made, *orphans(made, docs)}):
        file = docs / path
        old = file.read_text(encoding="utf-8") if file.is_file() else ""
        new = made.get(path, "")
        if old != new:
            lines = difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"a/docs/{path}", f"b/docs/{path}", "", "", 1, ""
            )
            yield "\n".join(lines)


def orphans(made: Pages, docs: Path) -> list[str]:
    """Pages in the generated folders that nothing makes any more."""
    there = (p for folder in OWNED for p in (docs / folder).glob("*.md"))
    return sorted({p.relative_to(docs).as_posix() for p in there} - set(made))


def write(made: Pages, docs: Path) -> None:
    """Bring ``docs`` up to date."""
    for path in orphans(made, docs):
        (docs / path).unlink()
    for path, text in made.items():
        file = docs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Generated pages under docs/.")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the pages")
    group.add_argument("--check", action="store_true", help="exit 1 and a diff when a page differs")
    made = pages()
    if parser.parse_args().write:
        write(made, ROOT / "docs")
        return 0
    found = list(differences(made, ROOT / "docs"))
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
