"""graphdoctor cure."""

from __future__ import annotations

import sys

import click

from graphdoctor.cli.build import BACKENDS
from graphdoctor.cli.common import given_signature, note, out, places_of_packs, progress, signature, stdout_options
from graphdoctor.cli.cutting import Cutting, cut_option
from graphdoctor.cli.uff_engine import check_uff_options, uff_engine_options
from graphdoctor.cli.verify import ranges_of
from graphdoctor.config import Given
from graphdoctor.engines import BuildOptions, UffOptions
from graphdoctor.flows.cure import cure
from graphdoctor.flows.cure_product import CureOptions
from graphdoctor.flows.cure_report import cure_report
from graphdoctor.flows.cure_view import cure_view
from graphdoctor.flows.verify import VerifyOptions
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.render.text_cure import render_cure
from graphdoctor.targets import load_target


@click.command("cure")
@click.argument("model", metavar="MODEL")
@click.option("--target", "-t", required=True, metavar="T", help="What the model must run on.")
@click.option("-o", "--output-dir", "folder", required=True, metavar="DIR", help="Where every artefact goes.")
@click.option("--rules", "packs", metavar="PACK[,PACK]", help="Packs of rewrites (default: the target's).")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply what may change the I/O contract or the float order.")
@click.option("--backend", default="auto", show_default=True, metavar="B", help=BACKENDS)
@click.option("--compute-capability", "capabilities", multiple=True, metavar="8.6", help="A GPU to build for.")
@click.option("--timeout", default=600.0, show_default=True, metavar="S", help="Seconds a worker may take.")
@click.option("--rtol", type=float, help="Relative tolerance of the comparison.")
@click.option("--atol", type=float, help="Absolute tolerance of the comparison.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random inputs.")
@click.option("--data", default="", metavar="F.npz", help="Inputs from a file.")
@click.option("--range", "ranges", multiple=True, metavar="NAME=LOW:HIGH", help="Range of an input's values.")
@uff_engine_options
@cut_option
@given_signature
def command(
    model: str,
    target: str,
    folder: str,
    packs: str | None,
    unsafe_fixes: bool,
    backend: str,
    capabilities: tuple[str, ...],
    timeout: float,
    rtol: float | None,
    atol: float | None,
    seed: int,
    data: str,
    ranges: tuple[str, ...],
    uff: UffOptions,
    cut: str | None,
    given: Given,
) -> None:
    """Check, fix, convert, build and verify.

    Every artefact and report.json stay in DIR. With --cut engines are built of what the target can run.
    """
    ends, chosen = signature(given, model), load_target(target)
    check_uff_options(uff, used=chosen.parser == "uff")
    options = CureOptions(
        chosen,
        folder,
        tuple(p.strip() for p in (packs or "").split(",") if p.strip()),
        unsafe_fixes,
        ends,
        BuildOptions(backend, capabilities, timeout=timeout, uff=uff),
        VerifyOptions(rtol, atol, seed, data, ranges_of(ranges), ends, timeout),
        places_of_packs(given, model),
        None if cut is None else Cutting.of(cut, chosen).names,
    )
    with progress(f"curing {model}: check", total=5 if cut is None else 6) as say:
        run = cure(model, options, lambda step: say(f"{model}: {step.name} done"))
    report = run.folder / "report.json"
    atomic_write(report, cure_report(run).encode())
    out(render_cure(cure_view(run), stdout_options()))
    note(f"{report} holds all of it")
    sys.exit(run.exit_code())
