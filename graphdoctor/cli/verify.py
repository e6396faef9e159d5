"""graphdoctor verify."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.common import given_signature, out, progress, signature, stdout_options
from graphdoctor.config import Given
from graphdoctor.flows.verify import VerifyOptions, verify
from graphdoctor.flows.verify_views import verify_view
from graphdoctor.render.text_verify import render_verify


@click.command("verify")
@click.argument("reference", metavar="REFERENCE")
@click.argument("candidate", metavar="CANDIDATE")
@click.option("--rtol", type=float, help="Relative tolerance (default: by dtype, 1e-3 for float32).")
@click.option("--atol", type=float, help="Absolute tolerance (default: by dtype, 1e-5 for float32).")
@click.option("--seed", default=0, show_default=True, help="Seed of the random inputs.")
@click.option("--data", default="", metavar="F.npz", help="Inputs from a file, one array a name.")
@click.option("--range", "ranges", multiple=True, metavar="NAME=LOW:HIGH", help="Range of an input's values.")
@click.option("--timeout", default=600.0, show_default=True, metavar="S", help="Seconds each model may take.")
@given_signature
def command(
    reference: str,
    candidate: str,
    rtol: float | None,
    atol: float | None,
    seed: int,
    data: str,
    ranges: tuple[str, ...],
    timeout: float,
    given: Given,
) -> None:
    """Compare two models on the same inputs.

    TensorFlow models run in TensorFlow, ONNX models in ONNX Runtime, both on the CPU.

    Passes when |candidate - reference| <= atol + rtol * |reference| everywhere. A reference whose outputs hardly
    depend on its inputs proves nothing: that is reported as inconclusive, exit code 1.
    """
    options = VerifyOptions(rtol, atol, seed, data, ranges_of(ranges), signature(given, reference), timeout)
    with progress(f"comparing {candidate} with {reference}"):
        view = verify_view(verify(reference, candidate, options))
    out(render_verify(view, stdout_options()))
    sys.exit(0 if view.outcome == "same" else 1)


def ranges_of(texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """``NAME=LOW:HIGH`` texts as ranges by input name."""
    found = {}
    for text in texts:
        name, _, bounds = text.rpartition("=")
        low, colon, high = bounds.partition(":")
        try:
            found[name] = (float(low), float(high))
        except ValueError:
            colon = ""
        if not name or not colon:
            raise click.UsageError(f"cannot read --range {text!r}: write NAME=LOW:HIGH, such as input=0:255")
    return found
