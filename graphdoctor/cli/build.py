"""graphdoctor build."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.common import given_signature, out, progress, signature, stdout_options
from graphdoctor.config import Given
from graphdoctor.engines import BuildOptions
from graphdoctor.flows.build import build_model
from graphdoctor.flows.build_views import build_view
from graphdoctor.render.text_build import render_build


@click.command("build")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output-path", "plan", required=True, metavar="PLAN", help="The plan to write, and PLAN.json.")
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, tensorrt or tensorrt_rtx.")
@click.option(
    "--compute-capability", "capabilities", multiple=True, metavar="8.6", help="A GPU to build for. Repeatable."
)
@click.option("--timeout", default=600.0, show_default=True, metavar="S", help="Seconds the builder may take.")
@click.option("--show-nodes", is_flag=True, help="List every node of a complaint.")
@given_signature
def command(
    model: str,
    plan: str,
    backend: str,
    capabilities: tuple[str, ...],
    timeout: float,
    show_nodes: bool,
    given: Given,
) -> None:
    """Build an engine with NVIDIA's builder.

    MODEL is a TensorFlow or an ONNX model; no GPU is needed with TensorRT-RTX. PLAN.json says what PLAN was made from.
    """
    options = BuildOptions(backend, capabilities, timeout=timeout)
    with progress(f"building {plan}"):
        built = build_model(model, plan, options, signature(given, model))
    out(render_build(build_view(model, built), stdout_options(show_nodes=show_nodes)))
    sys.exit(0 if built.result.ok else 2)
