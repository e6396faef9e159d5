"""graphdoctor fix."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import click

from graphdoctor.cli.common import given_signature, note, places_of_packs, progress, show_error, signature
from graphdoctor.cli.cutting import Cutting, cut_model, cut_option
from graphdoctor.cli.fixing import Wish, check_patch_place, check_places, finish, patched, place_for
from graphdoctor.config import Given
from graphdoctor.errors import GraphdoctorError, InputError
from graphdoctor.flows.fix import FixOptions, fix_model
from graphdoctor.surgery import Pin
from graphdoctor.targets import load_target

SECONDS = click.FloatRange(min=0, min_open=True)


@click.command("fix")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--rules", "packs", default="", metavar="PACK[,PACK]", help="Packs of rewrites, in this order.")
@click.option("--script", default="", metavar="CONFIG.PY", help="First run its preprocess(dynamic_graph).")
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="S",
    help="Seconds for the script [default: 3600], or a run of --verify [600].",
)
@click.option("--target", "-t", metavar="T", help="What the repairs are for; adds verdicts before and after.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply what may change the I/O contract or the float order.")
@click.option("--pin", "pinned", multiple=True, metavar="NAME=VALUE", help="Make an input a constant first; repeats.")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Give every input N items, for good.")
@click.option("--diff", is_flag=True, help="Show what would change, node by node; write nothing; exit 1 if anything.")
@click.option("--diff-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--verify", is_flag=True, help="Run original and fixed in TensorFlow and compare, before writing.")
@click.option("--bisect", is_flag=True, help="As --verify; where results differ, name the rewrite that makes it so.")
@click.option("--patch-out", metavar="P.json", help="Also write the edits, for --from and graphdoctor undo.")
@click.option("--from", "patch", metavar="P.json", help="Apply the edits in a file, instead of rewrites.")
@click.option("-o", "--output-path", "out_path", metavar="OUT", help="Where to write (default: MODEL.fixed.pb).")
@click.option("--in-place", is_flag=True, help="Overwrite MODEL, in one step.")
@click.option("--show-nodes", is_flag=True, help="List every node that was refused.")
@cut_option
@given_signature
def command(
    models: tuple[str, ...],
    packs: str,
    script: str,
    timeout: float | None,
    target: str | None,
    unsafe_fixes: bool,
    pinned: tuple[str, ...],
    batch: int | None,
    diff: bool,
    diff_format: str,
    verify: bool,
    bisect: bool,
    patch_out: str | None,
    patch: str | None,
    out_path: str | None,
    in_place: bool,
    show_nodes: bool,
    cut: str | None,
    given: Given,
) -> None:
    """Repair a graph with named rewrites, and cut it where a target cannot go on.

    Each checks its own preconditions; what does not apply is listed with its reason. MODEL is not touched unless
    --in-place is given.
    """
    check_places(models, out_path, in_place)
    names = tuple(p.strip() for p in packs.split(",") if p.strip())
    pins = tuple(map(Pin.parse, pinned))
    chosen = load_target(target) if target else None
    if cut is not None:
        wanted = Cutting.of(cut, chosen, diff or in_place or patch is not None or patch_out is not None)
        names = names or (chosen.packs if chosen is not None else ())
    if cut is None:
        asked = (*names, *pinned, *(["--batch"] if batch else []))
        _check_work(asked, script, patch, len(models) > 1, patch_out)
    wish = Wish(diff or diff_format == "json", diff_format == "json", verify or bisect, bisect, patch_out, show_nodes)
    keep = wish.verify or patch_out is not None
    options = FixOptions(
        names,
        chosen,
        unsafe_fixes,
        keep_original=keep,
        judge=True,
        script=script,
        pins=pins,
        batch=batch or 0,
        timeout=timeout,
    )
    ends = {path: (signature(given, path), places_of_packs(given, path)) for path in models}

    def one(path: str) -> int:
        place = None if wish.diff or cut is not None else place_for(path, out_path, in_place)
        check_patch_place(path, place, patch_out)
        own = replace(options, signature=ends[path][0], places=ends[path][1])
        if cut is not None:
            return cut_model(path, out_path, own, wanted, wish)
        return _fix(path, place, own, wish) if patch is None else patched(path, patch, place, wish)

    sys.exit(_each(models, one))


def _each(models: tuple[str, ...], work: Callable[[str], int]) -> int:
    """The worst exit code of ``work`` on each model; of several models, one that fails stops no other."""
    code = 0
    for path in models:
        try:
            code = max(code, work(path))
        except GraphdoctorError as e:
            if len(models) == 1:
                raise
            show_error(e)
            code = 2
    return code


def _fix(path: str, place: str | None, options: FixOptions, wish: Wish) -> int:
    with progress(f"fixing {path}") as say:
        fixed = fix_model(path, options, lambda r, n: say(f"round {r}: {n} rewrites applied"))
    if fixed.said.strip():
        note(fixed.said.rstrip("\n"))
    return finish(fixed, path, place, options, wish)


def _check_work(names: tuple[str, ...], script: str, patch: str | None, several: bool, patch_out: str | None) -> None:
    """Something is to be done, and one thing at a time."""
    if patch is None and not names and not script:
        raise InputError("names no pack", where="--rules", remedy="graphdoctor packs lists them; or give --script")
    if patch is not None and (names or script or patch_out):
        raise click.UsageError(
            "--from applies the edits of a file alone; leave --rules, --script, --pin, --batch and --patch-out out"
        )
    if patch_out is not None and several:
        raise click.UsageError("--patch-out takes one MODEL")
