"""Options that several commands share, and the way results leave the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from graphdoctor.config.request import Given, settings_for
from graphdoctor.errors import GraphdoctorError
from graphdoctor.render import RenderOptions
from graphdoctor.render.parts.terminal import options_for

if TYPE_CHECKING:
    from graphdoctor.flows.opening import SignatureOptions

F = TypeVar("F", bound=Callable[..., Any])

_CONFIG_HELP = "Read this file instead of the nearest graphdoctor.toml or pyproject.toml; set one key. Repeatable."
_INPUT_HELP = "An input; a node that is none becomes one and the graph is cut there. Repeat for several."


def signature_options(function: F) -> F:
    """``--input`` and ``--output``."""
    outputs = click.option("--output", "outputs", multiple=True, metavar="NAME", help="An output. Repeatable.")
    inputs = click.option("--input", "inputs", multiple=True, metavar="NAME[:DTYPE][DIMS]", help=_INPUT_HELP)
    return inputs(outputs(function))


def config_options(isolated_help: str) -> Callable[[F], F]:
    """``--config`` and ``--isolated``."""
    files = click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help=_CONFIG_HELP)
    isolated = click.option("--isolated", is_flag=True, help=isolated_help)
    return lambda function: files(isolated(function))


def given_config(function: F) -> F:
    """``--config`` and ``--isolated``; the command gets one :class:`Given` as ``given``."""

    def called(*args: Any, config: tuple[str, ...], isolated: bool, **rest: Any) -> Any:
        return function(*args, given=Given(config=config, isolated=isolated), **rest)

    return config_options("Read no configuration.")(named_as(called, function))


def given_signature(function: F) -> F:
    """``--input``, ``--output``, ``--config``, ``--isolated``; the command gets one :class:`Given` as ``given``."""

    def called(*args: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], given: Given, **rest: Any) -> Any:
        return function(*args, given=replace(given, inputs=inputs, outputs=outputs), **rest)

    return signature_options(given_config(named_as(called, function)))


def named_as(wrapper: Callable[..., Any], function: F) -> F:
    """``wrapper`` with the help of ``function`` and the options that it has so far."""
    wrapper.__doc__ = function.__doc__
    wrapper.__dict__ |= function.__dict__
    return wrapper  # type: ignore[return-value]


def signature(given: Given, model: str) -> SignatureOptions:
    """The inputs and outputs that are given; where they are not, what the configuration says of the model."""
    from graphdoctor.flows.opening import SignatureOptions

    if given.config or not model.endswith(".onnx"):
        settings = settings_for(model, given)
        if not model.endswith(".onnx"):  # an ONNX model states its inputs and outputs itself
            return SignatureOptions.parse(settings.inputs, settings.outputs)
    return SignatureOptions.parse(given.inputs, given.outputs)


def places_of_packs(given: Given, model: str) -> tuple[str, ...]:
    """Where the configuration of the model at ``model`` (``-``: of the working folder) says that packs are."""
    return settings_for(model, given).rewrites


def target_option(**settings: Any) -> Callable[[F], F]:
    """``--target``; names are checked by the flow, which offers the nearest."""
    return click.option("--target", "-t", metavar="T", help="Target, see 'graphdoctor targets'.", **settings)


def stdout_options(**more: Any) -> RenderOptions:
    """How to render for standard output as it is now."""
    return replace(options_for(sys.stdout), **more)


def out(text: str) -> None:
    """A result: to standard output as it is.

    When whoever read it has gone (``| head``), that ends the program without a message, from Python at exit included.
    """
    try:
        click.echo(text, nl=not text.endswith("\n"), color=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)


def show_error(error: GraphdoctorError) -> None:
    """An error, with its place and remedy, to standard error."""
    from graphdoctor.render.text_error import render_error

    click.echo(render_error(error, options_for(sys.stderr)), err=True, nl=False, color=True)


def note(text: str) -> None:
    """Talk: to standard error."""
    click.echo(text, err=True)


@contextmanager
def progress(text: str, *, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """A spinner or bar on standard error while something takes its time; silent when that is no terminal.

    The value it gives updates the text.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    # A bar that counts draws itself at each step: no thread may hold a lock while processes are forked.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=total is None) as bar:
        task = bar.add_task(text, total=total)
        bar.refresh()
        yield lambda t: bar.update(task, description=t, advance=1 if total else 0, refresh=total is not None)
