"""From what is asked of a model to the options of ``check``: names become targets, entries suppressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from graphdoctor.config import Request, Settings
from graphdoctor.config.schema import SuppressEntry
from graphdoctor.errors import InputError
from graphdoctor.flows.baseline import everything
from graphdoctor.flows.check import CheckOptions, check_model, chosen_targets
from graphdoctor.flows.opening import SignatureOptions
from graphdoctor.lint import Answers, LintOptions, Rule, Suppression, load_rules
from graphdoctor.lint.rule_options import configured
from graphdoctor.lint.selection import Selection
from graphdoctor.targets import DEFAULT_TARGET, all_target_names, load_target


def planner() -> Callable[[Request], CheckOptions]:
    """What makes options of requests, one after the other; an older model is checked once for all with the same."""
    of_older: dict[tuple[str, CheckOptions], CheckOptions] = {}

    def options(request: Request) -> CheckOptions:
        made = options_of(request)
        if not request.older:
            return made
        key = (request.older, made)
        if key not in of_older:
            of_older[key] = _without_old(request.older, made)
        return of_older[key]

    return options


def options_of(request: Request) -> CheckOptions:
    """The options for one model; an older model is not looked at.

    Raises:
        InputError: there is no such target, or an input cannot be read.
    """
    settings = request.settings
    entries = enumerate(request.suppressions, 1)
    return CheckOptions(
        chosen_targets(settings.target or (DEFAULT_TARGET,), settings.places),
        _lint_options(settings),
        SignatureOptions.parse(settings.inputs, settings.outputs),
        _live(settings),
        settings.build,
        Answers(
            tuple(_suppression(e, request.sidecar, i, i in request.over) for i, e in entries),
            inline=request.inline,
            require_reason=settings.require_reason,
            baseline=request.baseline,
        ),
        request.fingerprints,
    )


def validated(request: Request) -> CheckOptions:
    """The options for one model, every name in them looked up.

    Raises:
        InputError: a name is none.
    """
    made = options_of(request)
    Selection(configured((*load_rules(), *made.lint.own_rules), made.lint), made.lint)
    return made


def _without_old(path: str, options: CheckOptions) -> CheckOptions:
    """``options`` with a baseline of everything that is found in the model at ``path``."""
    old = everything(check_model(path, replace(options, answers=Answers())))
    return replace(options, answers=replace(options.answers, baseline=old))


def _lint_options(settings: Settings) -> LintOptions:
    return LintOptions(
        select=settings.select,
        extend_select=settings.extend_select,
        ignore=settings.ignore,
        mandatory=settings.mandatory,
        severity=settings.severity,
        scope_ignores=settings.per_scope_ignores,
        rule_options=settings.rules,
        own_rules=rules_in(settings),
        places=tuple(sorted(settings.places.items())),
    )


def rules_in(settings: Settings) -> tuple[Rule, ...]:
    """The rules that the configuration has of its own.

    Raises:
        InputError: one of them cannot be understood, or has the code or name of another.
    """
    if not settings.own_rules:
        return ()
    from graphdoctor.lint.own_rules import own_rules

    return own_rules(settings.own_rules)


def _live(settings: Settings) -> bool | None:
    """NVIDIA is asked for a target that was named: asking takes longer than all the tables."""
    named = [t for t in settings.target if t != "all"]
    if settings.live is None and "all" in settings.target and not any(load_target(t).live for t in named):
        return False
    return settings.live


def require_live(requests: Sequence[Request], option: str) -> None:
    """See that there is somebody to ask where the command line insists on asking.

    Raises:
        InputError: NVIDIA can be asked for none of the targets; ``option`` is what insists.
    """
    names = [name for r in requests for name in options_of(r).targets]
    if not any(load_target(name).live or load_target(name).releases for name in names):
        able = ", ".join(name for name in all_target_names() if load_target(name).live)
        shown = ", ".join(dict.fromkeys(names))
        raise InputError(f"NVIDIA cannot be asked for {shown}", where=option, remedy=f"Add --target {able}")


def _suppression(entry: SuppressEntry, path: str, number: int, is_over: bool) -> Suppression:
    source = f"{path}, entry {number}"
    if entry.target:
        _known_target(entry.target, source)
    return Suppression(
        (entry.rule,) if isinstance(entry.rule, str) else tuple(entry.rule),
        source,
        entry.node,
        entry.scope,
        entry.target,
        entry.reason.strip(),
        str(entry.expires) if isinstance(entry.expires, date) else "",
        is_over,
        Path(path).name,
        number,
    )


def _known_target(name: str, where: str) -> None:
    try:
        load_target(name)
    except InputError as e:
        raise InputError(e.message, where=where, remedy=e.remedy) from e
