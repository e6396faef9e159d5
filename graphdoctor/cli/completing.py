"""What a shell can offer for an option or argument.

Names come from files' names, and from the configuration of the working folder where there is one: nothing else is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from string import digits
from typing import Any

import click
import click.types
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own completion of paths."""
    return [CompletionItem(incomplete, type="file")]


def _one_of(names: Callable[[], Iterable[str]]) -> Completer:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names() if name.lower().startswith(incomplete.lower())]

    return complete


def _list_of(names: Callable[[], Iterable[str]]) -> Completer:
    """The last of several that commas separate; those in front of it are not offered again."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        found = [n for n in names() if n.lower().startswith(last.lower()) and n not in before.split(",")]
        return [CompletionItem(before + comma + name) for name in found]

    return complete


def _target_names() -> list[str]:
    from graphdoctor.targets import all_target_names

    return [*all_target_names(), "all"]


def _codes() -> list[str]:
    from graphdoctor.resources import toml_files

    return [*(path.stem for path in toml_files("checks")), *_own_codes()]


def _own_codes() -> list[str]:
    """Codes of rules in the configuration; none where that cannot be understood, which the command itself will say."""
    from graphdoctor.config.request import Given, settings_for
    from graphdoctor.errors import InputError

    try:
        return [entry.code for _, entry in settings_for("-", Given()).own_rules]
    except InputError:
        return []


def _selectors() -> list[str]:
    """Codes, their prefixes, and everything."""
    found = _codes()
    return [*sorted({code[:3] if code.startswith("GD") else code.rstrip(digits) for code in found}), *found, "ALL"]


def _families() -> list[str]:
    return sorted({code[2] for code in _codes() if code.startswith("GD")})


def _packs() -> list[str]:
    from graphdoctor.resources import toml_files

    return [path.stem for path in toml_files("rewrites")]


def _formats() -> list[str]:
    from graphdoctor.render import FORMATS

    return list(FORMATS)


target = _one_of(_target_names)
"""``--target`` of a command that takes one."""
targets = _list_of(_target_names)
"""``--target`` of ``check``."""
codes = _one_of(_codes)
"""A rule's code."""
selectors = _list_of(_selectors)
"""``--select`` and the like."""
families = _one_of(_families)
"""``rules --family``."""
packs = _list_of(_packs)
"""``fix --rules``."""
formats = _one_of(_formats)
"""``check --format``."""

_BY_NAME: dict[str, Completer] = {
    "models": files,
    "model": files,
    "reference": files,
    "candidate": files,
    "target": target,
    "targets": targets,
    "select": selectors,
    "extend_select": selectors,
    "ignore": selectors,
    "family": families,
    "packs": packs,
    "formats": formats,
    "words": codes,
    "config": files,
}
"""Parameter -> what completes it: parameters of one name mean the same in every command."""
_PATHS = ("PATH", "OUT", "DIR", "PLAN", "F.npz", "FILE")


class _Completed(click.types.StringParamType):
    """Text that a shell can complete."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._completer(ctx, param, incomplete)


def with_completion(command: click.Command) -> click.Command:
    """``command`` with what completes those of its parameters that take any text."""
    for param in command.params:
        completer = _BY_NAME.get(param.name or "") or (files if param.metavar in _PATHS else None)
        if completer is not None and type(param.type) is type(click.STRING):
            param.type = _Completed(completer)
    return command


def script(shell: str) -> str:
    """The script that makes ``shell`` complete graphdoctor's command line.

    Args:
        shell: ``bash``, ``zsh`` or ``fish``.
    """
    from click.shell_completion import get_completion_class

    from graphdoctor.cli import cli

    kind: Any = get_completion_class(shell)
    made = kind(cli, {}, "graphdoctor", "_GRAPHDOCTOR_COMPLETE")
    return str(made.source_template % made.source_vars())
