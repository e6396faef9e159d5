"""How a repaired or patched model leaves ``fix`` and ``undo``: shown, compared, written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphdoctor.cli.common import note, out, progress, stdout_options
from graphdoctor.errors import InputError
from graphdoctor.flows.fix import Fixed, FixOptions, write_fixed
from graphdoctor.flows.fix_views import diff_record, diff_view, edits_view, patch_view, summary_view
from graphdoctor.flows.node_records import node_record
from graphdoctor.flows.opening import keep_input
from graphdoctor.render.text_fix import NodeDiff, render_diff, render_fix_summary

if TYPE_CHECKING:
    from graphdoctor.flows.verify import Verified

_TEXT = (".pbtxt", ".prototxt")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to happen with the result besides writing it."""

    diff: bool = False
    as_json: bool = False
    verify: bool = False
    bisect: bool = False
    patch_out: str | None = None
    show_nodes: bool = False


def check_places(models: Sequence[str], out_path: str | None, in_place: bool) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: they do.
    """
    if out_path and in_place:
        raise click.UsageError("give -o or --in-place, not both")
    if out_path and len(models) > 1:
        raise click.UsageError("-o takes one MODEL; use --in-place, or one call a model")
    if in_place and "-" in models:
        raise click.UsageError("standard input cannot be overwritten; give -o")


def place_for(path: str, out_path: str | None, in_place: bool, ending: str = "fixed") -> str:
    """Where the result goes: ``-o``, the model itself if asked, or beside it as ``NAME.<ending>.pb``.

    Raises:
        InputError: that is the input itself.
    """
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
        return str(file.with_name(f"{file.resolve().name}.{ending}.pb"))
    suffix = file.suffix if file.suffix in _TEXT else ".pb"
    return str(file.with_name(f"{file.stem}.{ending}{suffix}"))


def check_patch_place(path: str, place: str | None, patch_out: str | None) -> None:
    """Refuse a ``--patch-out`` that is the model or the result, by whatever name.

    Raises:
        InputError: it is.
    """
    if patch_out is None:
        return
    keep_input(path, patch_out, "Choose another name for --patch-out")
    if place is not None and os.path.realpath(place) == os.path.realpath(patch_out):
        raise InputError("is also the output", where=patch_out, remedy="Choose another name for --patch-out")


def finish(fixed: Fixed, path: str, place: str | None, options: FixOptions, wish: Wish) -> int:
    """Show, compare and write a repaired model; gives the exit code. Without ``place`` nothing is written."""
    code = 0
    verified: Verified | None = None
    if wish.diff:
        _show_diff(path, diff_view(fixed), diff_record(fixed) if wish.as_json else None)
        code = 1 if fixed.changed else 0
    if wish.verify and fixed.changed:
        differs, verified = _verify(fixed, path, options, wish)
        code = max(code, differs)
    if place is not None and code == 0:
        write_fixed(fixed, place)
    if wish.patch_out is not None and (code == 0 or wish.diff):
        _save_patch(fixed, wish.patch_out, verified)
    summary = render_fix_summary(
        summary_view(fixed, place if code == 0 else None), stdout_options(show_nodes=wish.show_nodes)
    )
    _tell(summary, aside=wish.diff)
    return code


def patched(path: str, patch: str, place: str | None, wish: Wish, *, back: bool = False) -> int:
    """Apply the patch in a file to a model, or take it back; show and write the result; gives the exit code."""
    from graphdoctor.flows.patching import patch_model, write_patched

    done = patch_model(path, patch, back=back)
    code = 0
    if wish.diff:
        edits = edits_view(done.diff, f"{'undo ' if back else ''}{patch}")
        _show_diff(path, edits, [node_record(d) for d in done.diff] if wish.as_json else None)
        code = 1 if done.diff else 0
    if place is not None:
        write_patched(done, place)
    summary = render_fix_summary(patch_view(path, patch, done.diff, done.nodes, place), stdout_options())
    _tell(summary, aside=wish.diff)
    return code


def _tell(summary: str, *, aside: bool) -> None:
    """The summary is the result, unless a diff is."""
    if aside:
        note(summary.rstrip("\n"))
    else:
        out(summary)


def _show_diff(path: str, edits: Sequence[NodeDiff], record: Any) -> None:
    if record is None:
        out(render_diff(edits, stdout_options(), before=path, after=path))
        return
    import msgspec

    out(msgspec.json.format(msgspec.json.encode({"version": 1, "path": path, "nodes": record}), indent=2).decode())


def _save_patch(fixed: Fixed, path: str, verified: Verified | None) -> None:
    from graphdoctor.flows.patching import save_patch

    save_patch(fixed, path, verified)
    note(f"wrote {path}")


def _verify(fixed: Fixed, path: str, options: FixOptions, wish: Wish) -> tuple[int, Verified]:
    """0 if the fixed graph gives the original's numbers; else says so, and nothing is written."""
    from graphdoctor.flows.verify import VerifyOptions, verify_fixed
    from graphdoctor.flows.verify_views import verify_view
    from graphdoctor.render.text_verify import render_verify

    limit = options.timeout
    with progress("running both graphs in TensorFlow"):
        verified = verify_fixed(fixed, VerifyOptions() if limit is None else VerifyOptions(timeout=limit))
    view = verify_view(verified)
    out(render_verify(view, stdout_options()))
    if view.outcome == "same":
        return 0, verified
    if wish.bisect and view.outcome == "different":
        _bisect(path, options)
    note(f"{path}: not written, since the results are not shown to be the same")
    return 1, verified


def _bisect(path: str, options: FixOptions) -> None:
    from graphdoctor.flows.bisect import first_to_differ

    if options.script:
        note(f"{path}: --bisect looks among rewrites; compare without --script first")
        return
    with progress("looking for the rewrite that makes the difference") as say:
        name = first_to_differ(path, options, say)
    out(f"the results begin to differ with the rewrite {name}. Please report this")
