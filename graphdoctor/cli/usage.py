"""What click says of a wrong command line, in the form of every other error: what, and what to do."""

from __future__ import annotations

from difflib import get_close_matches

import click

from graphdoctor.errors import InputError


def usage_error(error: click.ClickException) -> InputError:
    """``error`` as a message with a remedy: the option, choice or command that was perhaps meant."""
    text = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
    message = text.partition(". Did you mean")[0].rstrip(".")
    return InputError(message[:1].lower() + message[1:], remedy=_meant(error) or _help(error))


def _meant(error: click.ClickException) -> str:
    """The nearest option or choice, where something that does not exist was given."""
    if isinstance(error, click.NoSuchOption):
        near = list(error.possibilities or ())
        return f"Did you mean {' or '.join(sorted(near))}?" if near else ""
    param = error.param if isinstance(error, click.BadParameter) else None
    if isinstance(error, click.MissingParameter) or param is None or not isinstance(param.type, click.Choice):
        return ""
    choices = [str(c) for c in param.type.choices]
    near = get_close_matches(error.message.split("'")[1], choices, n=1) if "'" in error.message else []
    return f"Did you mean {near[0]}?" if near else ""


def _help(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "graphdoctor"
    return f"{command} --help says how it is called"
