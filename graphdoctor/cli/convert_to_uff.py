"""convert-to-uff: the command of NVIDIA's UFF converter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from graphdoctor import __version__
from graphdoctor.cli import run_program
from graphdoctor.cli.common import note, out

if TYPE_CHECKING:
    from graphdoctor.ir import Graph
    from graphdoctor.wire.uff import UffModel

NAME = "convert-to-uff"
FRAMEWORK = "tensorflow"
"""The word that older versions wanted first."""


class _OldSpelling(click.Command):
    """Takes options in every form that argparse did, which the old command had: ``-O=name``, ``-tqO name``, and the
    beginning of a long option's name that no other has."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``args`` once they are spelled as click reads them."""
        takes = {o: not p.is_flag for p in self.get_params(ctx) if isinstance(p, click.Option) for o in p.opts}
        return super().parse_args(ctx, list(_spelled(args, takes)))


def _spelled(args: list[str], takes: dict[str, bool]) -> Iterator[str]:
    """``args`` as click reads them; ``takes`` says of each option whether a value follows."""
    words = iter(args)
    for word in words:
        if word == "--":
            yield from (word, *words)
            return
        word = _long(word, takes) if word.startswith("--") else _short(word, takes)
        yield word
        name, equals, _ = word.partition("=")
        ends_short = not word.startswith("--") and len(word) == 2
        if takes.get(name) and (ends_short or (word.startswith("--") and not equals)):
            yield from itertools.islice(words, 1)


def _long(word: str, takes: dict[str, bool]) -> str:
    """The whole name of a long option that begins so, where there is one alone."""
    name, equals, value = word.partition("=")
    meant = [o for o in takes if o.startswith(name) and o.startswith("--")]
    known = name in takes or len(meant) != 1
    return word if known else f"{meant[0]}{equals}{value}"


def _short(word: str, takes: dict[str, bool]) -> str:
    """A value that is bound to its letter by ``=``, without that: ``-O=name``, ``-tO=name``."""
    if not word.startswith("-") or len(word) < 3:
        return word
    for at, letter in enumerate(word[1:], 1):
        option = f"-{letter}"
        if option not in takes:
            return word
        if takes[option]:
            return word[: at + 1] + word[at + 1 :].removeprefix("=")
    return word


@click.command(
    NAME, cls=_OldSpelling, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name=NAME)
@click.argument("words", nargs=-1, metavar="[tensorflow] INPUT_FILE")
@click.option(
    "--input-file", "--input_file", "given", metavar="INPUT_FILE", help="The model, as older versions took it."
)
@click.option("-o", "--output", "path", metavar="OUT", help="The file to write (default: INPUT_FILE with .uff).")
@click.option(
    "-O", "--output-node", "outputs", multiple=True, metavar="NODE", help="An output: name or number. Repeats."
)
@click.option(
    "-I",
    "--input-node",
    "inputs",
    multiple=True,
    metavar="NAME,NEW_NAME,DTYPE,DIM,...",
    help="Replace a node by an input. Repeats.",
)
@click.option("-l", "--list-nodes", is_flag=True, help="List the nodes with their numbers; write nothing.")
@click.option("-t", "--text", is_flag=True, help="Also write the text, to OUT with .pbtxt.")
@click.option("--write_preprocessed", "--write-preprocessed", "keep", is_flag=True, help="Also write the graph before.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-d", "--debug", is_flag=True, help="Print the nodes that are written.")
@click.option(
    "-p", "--preprocessor", "script", metavar="PREPROCESS.PY", help="First run its preprocess(dynamic_graph)."
)
@click.option("--plugin", "plugins", multiple=True, metavar="OP", help="Write OP for a plugin of yours. Repeats.")
def command(
    words: tuple[str, ...],
    given: str | None,
    path: str | None,
    outputs: tuple[str, ...],
    inputs: tuple[str, ...],
    list_nodes: bool,
    text: bool,
    keep: bool,
    quiet: bool,
    debug: bool,
    script: str | None,
    plugins: tuple[str, ...],
) -> None:
    """Convert a frozen TensorFlow graph to UFF, with the options of NVIDIA's converter.

    Without -O every node that reads something and that nobody reads is an output. graphdoctor convert --to uff does
    the same with graphdoctor's own options.
    """
    from graphdoctor.flows.old_converter import Asked, Files, convert_as_asked, node_lines
    from graphdoctor.formats.tensorflow import graphdef_bytes

    source = _input_file(words, given)
    files = Files(path or _beside(source), text, keep, "" if source == "-" else source)
    named = path is not None or files.out != source  # else it may be a UFF file already, which reading it says
    if named and not list_nodes:
        files.check()
    graph = _graph(source, script)
    if list_nodes:
        out("\n".join(node_lines(graph)))
        return
    files.check()
    before = graphdef_bytes(graph) if keep else b""
    model = convert_as_asked(graph, Asked(outputs, inputs, plugins))
    if debug:
        _debug(model)
    written = files.write(model, before)
    if not quiet:
        _say(graph, model, written)


def main() -> NoReturn:
    """Run the command and exit, as graphdoctor does."""
    run_program(command, NAME)


def _input_file(words: tuple[str, ...], given: str | None) -> str:
    """The one model that the command line names, in either spelling."""
    if words[:1] == (FRAMEWORK,) and (given is not None or len(words) > 1):
        words = words[1:]
    named = (*words, *([given] if given is not None else []))
    if not named:
        raise click.UsageError("missing argument 'INPUT_FILE'")
    if len(named) > 1:
        raise click.UsageError(f"one model is converted at a time, and {' and '.join(named)} are named")
    return named[0]


def _beside(source: str) -> str:
    """The model's name with .uff; model.uff where it has no name."""
    path = Path(source)
    return "model.uff" if source == "-" or path.name in ("", "..") else str(path.with_suffix(".uff"))


def _graph(source: str, script: str | None) -> Graph:
    """The graph at ``source``, as ``script`` leaves it."""
    if script is None:
        from graphdoctor.formats.tensorflow import load_model

        return load_model(source).graph
    from graphdoctor.flows.opening import SignatureOptions
    from graphdoctor.flows.scripted import run_over
    from graphdoctor.runners.script import SECONDS

    scripted = run_over(source, script, SignatureOptions(), SECONDS)
    if scripted.said:
        note(scripted.said.rstrip("\n"))
    graph = scripted.opened.graph
    graph.inputs = graph.outputs = ()  # those that were found; the old command finds its own
    return graph


def _debug(model: UffModel) -> None:
    from graphdoctor.wire.uff.notation import format_node

    for node in model.nodes():
        note(format_node(model, node))


def _say(graph: Graph, model: UffModel, written: list[str]) -> None:
    plugins = sorted({node.op[1:] for node in model.nodes() if node.op.startswith("_")})
    run = f", for plugins: {', '.join(plugins)}" if plugins else ""
    note(f"outputs: {', '.join(v.name for v in graph.outputs)}")
    size = Path(written[0]).stat().st_size
    note(f"wrote {written[0]} ({size:,} bytes): {sum(1 for _ in model.nodes()):,} nodes{run}")
    for place in written[1:]:
        note(f"wrote {place}")
