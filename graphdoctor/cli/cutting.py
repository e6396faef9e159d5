"""``--cut``: what the option says, and how a cut model leaves the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from graphdoctor.cli.common import note, out, progress, stdout_options
from graphdoctor.cli.fixing import Wish, place_for
from graphdoctor.errors import InputError
from graphdoctor.flows.fix import Fixed, FixOptions, fix_any, fix_model
from graphdoctor.targets import Target

if TYPE_CHECKING:
    from graphdoctor.flows.opening import SignatureOptions

F = TypeVar("F", bound=Callable[..., Any])

_HELP = "Cut where the target cannot go on, or behind NAME: an engine takes the model, .host.py has the rest in numpy."


def cut_option(function: F) -> F:
    """``--cut`` and ``--cut NAME,...``."""
    return click.option("--cut", is_flag=False, flag_value="", metavar="[NAME,...]", help=_HELP)(function)


@dataclass(frozen=True, slots=True)
class Cutting:
    """What ``--cut`` says: the last values of the engine, none where they are to be found."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str, target: Target | None, has_others: bool = False) -> Cutting:
        """Read the option.

        Raises:
            InputError: it needs a target and has none, or stands beside an option that it does not go with.
        """
        names = tuple(n.strip() for n in text.split(",") if n.strip())
        if any(Path(n).is_file() for n in names):
            raise InputError(f"takes names of the graph, and {names[0]} is a file", where="--cut", remedy="Put it last")
        if target is None and not names:
            raise InputError("does not know where to cut", where="--cut", remedy="Give --target T, or --cut NAME")
        if has_others:
            raise click.UsageError("--cut writes new files, and does nothing else; leave the other option out")
        return cls(names)


def cut_model(path: str, out_path: str | None, options: FixOptions, cutting: Cutting, wish: Wish) -> int:
    """Fix, cut, prove where that is wanted, and write; gives the exit code."""
    from graphdoctor.flows.cut_views import cut_view
    from graphdoctor.flows.cutting import cut_opened, write_cut
    from graphdoctor.render.text_cut import render_cut

    place = place_for(path, out_path, False, "cut")
    with progress(f"cutting {path}"):
        fixed = fix_model(path, options)
        cut = cut_opened(fixed.opened, options.target, cutting.names, place)
    target = options.target.name if options.target is not None else ""
    if wish.verify and not _is_same(fixed, cut):
        out(render_cut(cut_view(path, target, cut), stdout_options()))
        note(f"{path}: not written, since the results are not shown to be the same")
        return 1
    places = write_cut(cut, path, place)
    out(render_cut(cut_view(path, target, cut, places), stdout_options()))
    return 0


def convert_cut(
    path: str,
    to: str,
    out_path: str,
    ends: SignatureOptions,
    cutting: Cutting,
    target: Target | None,
    *,
    plugin: bool = False,
) -> int:
    """Fix with the target's packs, cut, and write the engines in the format ``to``; gives the exit code."""
    from graphdoctor.flows.convert import convert_parts, write_lowered
    from graphdoctor.flows.cut_plugin import PLUGIN, check_plugin, with_plugin
    from graphdoctor.flows.cut_views import cut_view
    from graphdoctor.flows.cutting import cut_opened
    from graphdoctor.render.text_cut import render_cut

    packs = target.packs if target is not None else ()
    if plugin:
        check_plugin(target)
    with progress(f"cutting {path}"):
        fixed = fix_any(path, FixOptions(packs, target, signature=ends))
        cut = cut_opened(fixed.opened, target, cutting.names, out_path)
        if plugin:
            cut, model = with_plugin(cut, fixed.opened, target)
            places = write_lowered(cut, [model], path, out_path)
        else:
            places = convert_parts(cut, path, to, out_path)
    name = target.name if target is not None else ""
    out(render_cut(cut_view(path, name, cut, places), stdout_options()))
    if plugin:
        note(f"{PLUGIN} cannot be run here: what it chooses was not compared with TensorFlow")
    return 0


def _is_same(fixed: Fixed, cut: Any) -> bool:
    """Compare the original with the parts, and show it."""
    from graphdoctor.flows.cut_proof import is_proven, prove_cut
    from graphdoctor.flows.verify import Side, pinned_inputs
    from graphdoctor.flows.verify_views import verify_view
    from graphdoctor.render.text_verify import render_verify

    opened = fixed.opened
    reference = Side(
        opened.model.path, "tensorflow", tuple(opened.inputs()), cut.outputs, fixed.original, pinned_inputs(fixed)
    )
    with progress("running the whole graph and its parts"):
        verified = prove_cut(reference, cut)
    out(render_verify(verify_view(verified), stdout_options()))
    proven = is_proven(verified, cut)
    if proven:
        out("each part gives TensorFlow's numbers on what the whole graph has at its place")
    return proven
