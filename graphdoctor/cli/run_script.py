"""graphdoctor run-script."""

from __future__ import annotations

import sys

import click

from graphdoctor.runners import run_script


@click.command("run-script", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script", metavar="SCRIPT")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def command(script: str, arguments: tuple[str, ...]) -> None:
    """Run a Python script that imports graphsurgeon, uff or tensorrt.

    It runs unmodified, in a process of its own: graphdoctor's modules take the place of graphsurgeon and uff,
    TensorRT-RTX that of tensorrt where that is not installed, and TensorFlow is loaded only if more of it is asked for
    than dtypes and GraphDefs. The exit code is the script's.
    """
    sys.exit(run_script(script, arguments))
