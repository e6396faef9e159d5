"""graphdoctor convert."""

from __future__ import annotations

import sys
from collections import Counter

import click

from graphdoctor.cli.common import given_signature, note, out, progress, signature
from graphdoctor.cli.cutting import Cutting, convert_cut, cut_option
from graphdoctor.config import Given
from graphdoctor.flows.convert import FORMATS, Converted, UffWritten, convert_model
from graphdoctor.targets import load_target
from graphdoctor.words import plural

_PLUGIN_HELP = "With --cut: end the engine of an SSD in EfficientNMS_TRT, which may choose other boxes than TensorFlow."


@click.command("convert")
@click.argument("model", metavar="MODEL")
@click.option("--to", type=click.Choice(FORMATS), required=True, help="The format to write.")
@click.option("-o", "--output-path", "path", required=True, metavar="OUT", help="The file to write.")
@click.option("--text", is_flag=True, help="Print what was written as text besides, without weights.")
@click.option("--list-dropped", is_flag=True, help="List the nodes that left nothing behind, with the reason.")
@click.option(
    "--plugin", "plugins", multiple=True, metavar="OP", help="Write OP for a plugin of yours (UFF); repeatable."
)
@click.option("--target", "-t", metavar="T", help="What the UFF file, or with --cut the engine, is for.")
@click.option("--nms-plugin", is_flag=True, help=_PLUGIN_HELP)
@cut_option
@given_signature
def command(
    model: str,
    to: str,
    path: str,
    text: bool,
    list_dropped: bool,
    plugins: tuple[str, ...],
    target: str | None,
    nms_plugin: bool,
    cut: str | None,
    given: Given,
) -> None:
    """Lower a graph to ONNX or UFF.

    ONNX is opset 17, NCHW inside; inputs and outputs keep their names, dtypes and layout. UFF is as NVIDIA's converter
    0.6.3 wrote it, without its silent faults: what it cannot say is refused.
    """
    if plugins and to != "uff":
        raise click.UsageError("--plugin is for --to uff: ONNX has ops of its own for plugins")
    if nms_plugin and (cut or cut is None or to != "onnx"):
        raise click.UsageError("--nms-plugin goes with --to onnx and --cut without names")
    if cut is not None:
        chosen = load_target(target) if target else None
        cutting = Cutting.of(cut, chosen, bool(plugins or text or list_dropped))
        sys.exit(convert_cut(model, to, path, signature(given, model), cutting, chosen, plugin=nms_plugin))
    with progress(f"converting {model}"):
        wanted = load_target(target) if target and to == "uff" else None
        converted = convert_model(model, to, path, signature(given, model), plugins, wanted)
    if isinstance(converted, UffWritten):
        if text:
            out(converted.text)
        note(_uff_summary(converted))
        return
    if text:
        from graphdoctor.formats.onnx import onnx_text

        out(onnx_text(converted.onnx))
    note(_summary(converted))
    if list_dropped:
        for name, reason in sorted(converted.onnx.dropped.items()):
            note(f"  {name}: {reason}")


def _uff_summary(written: UffWritten) -> str:
    model = written.model
    verdict = written.verdict
    judged = f"; {verdict.verdict.value} with {verdict.target}" if verdict is not None else ""
    if verdict is not None and verdict.reason:
        judged += f": {verdict.reason}"
    lost = f"; left out: {'; '.join(f'{where}: {what}' for where, what in model.lost)}" if model.lost else ""
    size = f"{written.size:,} bytes"
    return f"wrote {written.path} ({size}): {sum(1 for _ in model.nodes()):,} nodes{judged}{lost}"


def _summary(converted: Converted) -> str:
    counts = Counter(n.op_type for n in converted.onnx.nodes)
    ops = ", ".join(f"{op} {n}" for op, n in counts.most_common(6))
    more = f", {plural(len(counts) - 6, 'more op')}" if len(counts) > 6 else ""
    before, after = len(converted.opened.graph), len(converted.onnx.nodes)
    return f"wrote {converted.path} ({converted.size:,} bytes): {plural(before, 'node')} -> {after:,} ({ops}{more})"
