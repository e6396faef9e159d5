"""graphdoctor fix."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from graphdoctor.cli.common import note, out, progress, show_error, signature, signature_options, stdout_options
from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.flows.fix import Fixed, FixOptions, fix_model, write_fixed
from graphdoctor.flows.fix_views import diff_view, summary_view
from graphdoctor.flows.opening import keep_input
from graphdoctor.render.text_fix import render_diff, render_fix_summary
from graphdoctor.targets import load_target

_TEXT = (".pbtxt", ".prototxt")


@click.command("fix")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--rules", "packs", default="", metavar="PACK[,PACK]", help="Packs of rewrites, in this order.")
@click.option("--script", default="", metavar="CONFIG.PY", help="First run its preprocess(dynamic_graph).")
@click.option("--target", "-t", metavar="T", help="What the repairs are for; adds verdicts before and after.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply what may change the I/O contract or the float order.")
@click.option("--diff", is_flag=True, help="Show what would change, node by node; write nothing; exit 1 if anything.")
@click.option("--verify", is_flag=True, help="Run original and fixed in TensorFlow and compare, before writing.")
@click.option("-o", "--output-path", "target_path", metavar="OUT", help="Where to write (default: MODEL.fixed.pb).")
@click.option("--in-place", is_flag=True, help="Overwrite MODEL, in one step.")
@click.option("--show-nodes", is_flag=True, help="List every node that was refused.")
@signature_options
def command(
    models: tuple[str, ...],
    packs: str,
    script: str,
    target: str | None,
    unsafe_fixes: bool,
    diff: bool,
    verify: bool,
    target_path: str | None,
    in_place: bool,
    show_nodes: bool,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> None:
    """Repair a graph with named rewrites.

    Each checks its own preconditions; what does not apply is listed with its reason. MODEL is not touched unless
    --in-place is given.
    """
    _check_places(models, target_path, in_place)
    names = tuple(p.strip() for p in packs.split(",") if p.strip())
    if not names and not script:
        raise InputError("names no pack", where="--rules", remedy="graphdoctor packs lists them; or give --script")
    options = FixOptions(
        names,
        load_target(target) if target else None,
        unsafe_fixes,
        keep_original=verify,
        judge=True,
        script=script,
    )
    ends = {path: signature(inputs, outputs, path) for path in models}
    code = 0
    for path in models:
        try:
            with progress(f"fixing {path}") as say:
                fixed = fix_model(
                    path, replace(options, signature=ends[path]), lambda r, n: say(f"round {r}: {n} rewrites applied")
                )
            if fixed.said.strip():
                note(fixed.said.rstrip("\n"))
            place = None if diff else _place(path, target_path, in_place)
            code = max(code, _finish(fixed, path, place, diff=diff, verify=verify, show_nodes=show_nodes))
        except GraphdoctorError as e:
            if len(models) == 1:
                raise
            show_error(e)
            code = 2
    sys.exit(code)


def _check_places(models: tuple[str, ...], out_path: str | None, in_place: bool) -> None:
    if out_path and in_place:
        raise click.UsageError("give -o or --in-place, not both")
    if out_path and len(models) > 1:
        raise click.UsageError("-o takes one MODEL; use --in-place, or one call a model")
    if in_place and "-" in models:
        raise click.UsageError("standard input cannot be overwritten; give -o")


def _place(path: str, out_path: str | None, in_place: bool) -> str:
    """Where the fixed graph goes; never over the input unless asked."""
    if in_place:
        if Path(path).is_dir():
            raise InputError("is a SavedModel; fixing writes a frozen graph", where=path, remedy="Give -o fixed.pb")
        return path
    if out_path:
        keep_input(path, out_path, "Use --in-place to overwrite it")
        return out_path
    if path == "-":
        raise click.UsageError("with MODEL from standard input, say where to write: -o OUT")
    file = Path(path)
    if file.is_dir():  # a dot in a folder's name, as in v0.1_net, starts no suffix
        return str(file.with_name(f"{file.resolve().name}.fixed.pb"))
    suffix = file.suffix if file.suffix in _TEXT else ".pb"
    return str(file.with_name(f"{file.stem}.fixed{suffix}"))


def _finish(fixed: Fixed, path: str, place: str | None, *, diff: bool, verify: bool, show_nodes: bool) -> int:
    code = 0
    options = stdout_options(show_nodes=show_nodes)
    if diff:
        out(render_diff(diff_view(fixed), options, before=path, after=path))
        code = 1 if fixed.changed else 0
    if verify and fixed.changed:
        code = max(code, _verify(fixed, path))
    if place is not None and code == 0:
        write_fixed(fixed, place)
    summary = render_fix_summary(summary_view(fixed, place if code == 0 else None), options)
    if diff:
        note(summary.rstrip("\n"))
    else:
        out(summary)
    return code


def _verify(fixed: Fixed, path: str) -> int:
    """0 if the fixed graph gives the original's numbers; else says so, and nothing is written."""
    from graphdoctor.flows.verify import verify_fixed
    from graphdoctor.flows.verify_views import verify_view
    from graphdoctor.render.text_verify import render_verify

    with progress("running both graphs in TensorFlow"):
        verified = verify_fixed(fixed)
    view = verify_view(verified)
    out(render_verify(view, stdout_options()))
    if view.outcome == "same":
        return 0
    note(f"{path}: not written, since the results are not shown to be the same")
    return 1
