"""Options of an engine by TensorRT's own UFF parser, which ``build`` and ``cure`` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from graphdoctor.cli.common import named_as
from graphdoctor.engines import UffOptions

F = TypeVar("F", bound=Callable[..., Any])

_PYTHON_HELP = "For UFF: the Python that has TensorRT 5 to 8. Default: $GRAPHDOCTOR_TENSORRT_PYTHON, or this one."


def uff_engine_options(function: F) -> F:
    """``--python``, ``--plugin-library``, ``--fp16``, ``--int8``, ``--max-batch``: the command gets them as ``uff``."""

    def called(
        *args: Any, python: str, libraries: tuple[str, ...], fp16: bool, int8: bool, max_batch: int, **rest: Any
    ) -> Any:
        return function(*args, uff=UffOptions(python, libraries, max_batch, fp16, int8), **rest)

    for option in (
        click.option("--max-batch", type=click.IntRange(1), default=1, metavar="N", help="For UFF: largest batch (1)."),
        click.option("--int8", is_flag=True, help="For UFF: allow int8 kernels, where the graph has ranges."),
        click.option("--fp16", is_flag=True, help="For UFF: allow float16 kernels."),
        click.option(
            "--plugin-library", "libraries", multiple=True, metavar="SO", help="For UFF: a library with plugins."
        ),
        click.option("--python", default="", metavar="PROGRAM", help=_PYTHON_HELP),
    ):
        function = option(function)
    return named_as(called, function)


def check_uff_options(uff: UffOptions, *, used: bool) -> None:
    """Refuse options that would be without effect.

    Raises:
        click.UsageError: one is given, and nothing is built of UFF.
    """
    if not used and uff != UffOptions():
        names = "--python, --plugin-library, --fp16, --int8 and --max-batch"
        raise click.UsageError(f"{names} are for UFF: take a target with the UFF parser (trt5 to trt8-uff)")
