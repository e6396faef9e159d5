"""graphdoctor build."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.common import given_signature, out, progress, signature, stdout_options
from graphdoctor.cli.uff_engine import check_uff_options, uff_engine_options
from graphdoctor.config import Given
from graphdoctor.engines import BuildOptions, UffOptions
from graphdoctor.flows.build_uff import build_for, is_for_uff
from graphdoctor.flows.build_views import build_view
from graphdoctor.render.text_build import render_build
from graphdoctor.targets import load_target

BACKENDS = "auto, tensorrt, tensorrt_rtx, or uff for TensorRT's own UFF parser."
"""What ``--backend`` takes."""


@click.command("build")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output-path", "plan", required=True, metavar="PLAN", help="The plan to write, and PLAN.json.")
@click.option("--backend", default="auto", show_default=True, metavar="B", help=BACKENDS)
@click.option("--target", "-t", metavar="T", help="What it is for; one with the UFF parser is asked for its own.")
@click.option(
    "--compute-capability", "capabilities", multiple=True, metavar="8.6", help="A GPU to build for. Repeatable."
)
@click.option("--timeout", default=600.0, show_default=True, metavar="S", help="Seconds the builder may take.")
@click.option("--show-nodes", is_flag=True, help="List every node of a complaint.")
@uff_engine_options
@given_signature
def command(
    model: str,
    plan: str,
    backend: str,
    target: str | None,
    capabilities: tuple[str, ...],
    timeout: float,
    show_nodes: bool,
    uff: UffOptions,
    given: Given,
) -> None:
    """Build an engine with NVIDIA's builder.

    MODEL is a TensorFlow, an ONNX or a UFF model; no GPU is needed with TensorRT-RTX. With a target of the UFF parser,
    TensorRT's own is used where it is installed, else the ONNX twin. PLAN.json says what PLAN was made from.
    """
    chosen = load_target(target) if target else None
    options = BuildOptions(backend, capabilities, timeout=timeout, uff=uff)
    check_uff_options(uff, used=is_for_uff(options, chosen))
    with progress(f"building {plan}"):
        built = build_for(model, plan, options, signature(given, model), chosen)
    out(render_build(build_view(model, built), stdout_options(show_nodes=show_nodes)))
    sys.exit(0 if built.result.ok else 2)
