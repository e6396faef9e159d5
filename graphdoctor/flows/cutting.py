"""cut: what a target runs of a graph as models, the rest as functions of numpy; the one place that finds the cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphdoctor.errors import InputError, UnsupportedError
from graphdoctor.flows.cut_detector import head_of, readable
from graphdoctor.flows.fix import FixOptions, fix_opened
from graphdoctor.flows.opening import Opened, keep_input
from graphdoctor.formats.host import (
    Engine,
    Function,
    HostError,
    Shared,
    Written,
    can_write,
    module_text,
    write_function,
)
from graphdoctor.formats.readfile import atomic_write
from graphdoctor.formats.tensorflow import graph_from_bytes, graphdef_bytes, save_graph
from graphdoctor.ir import Graph, Node, Value
from graphdoctor.lint import LintOptions, lint
from graphdoctor.match.detection import SsdHead
from graphdoctor.passes.infer_shapes import Specs, infer_shapes
from graphdoctor.passes.prune import prune
from graphdoctor.passes.stages import FLOW_OPS, NETWORK_OPS, Stages, find_stages
from graphdoctor.surgery import load_rewrites
from graphdoctor.targets import Target
from graphdoctor.wire.attrs import ShapeValue


@dataclass(frozen=True, slots=True)
class Part:
    """One engine of a cut graph: its model, and the tensors of the whole graph by the names they have in it."""

    graph: Graph
    engine: Engine


@dataclass(frozen=True, slots=True)
class Cut:
    """A graph in parts, not yet written.

    Attributes:
        parts: the engines.
        host: the text of the host part; empty where nothing was cut off.
        order: functions and engines in the order they run.
        outputs: the outputs of the whole graph.
        head: the head of a detector, where the graph is cut in front of it.
    """

    parts: tuple[Part, ...]
    host: str
    order: tuple[Written | Engine, ...]
    outputs: tuple[str, ...]
    head: SsdHead | None = None


def stages_of(graph: Graph, specs: Specs, target: Target | None, names: Sequence[str] = ()) -> Stages:
    """Where ``graph`` is cut for ``target``; ``names`` are the last values of the engine where the user says them.

    Raises:
        InputError: a name is none, or nothing is left for an engine.
    """
    return _found(graph, specs, target, names)[0]


def _found(graph: Graph, specs: Specs, target: Target | None, names: Sequence[str]) -> tuple[Stages, SsdHead | None]:
    """The stages, and the detector whose head is where they end."""
    refused = refused_by(graph, specs, target) if target is not None else frozenset()
    head = None if names else head_of(graph, specs, refused)
    ends = [_value(graph, name) for name in names] if head is None else [head.encodings, head.logits]
    try:
        return find_stages(graph, specs, refused, ends, can_write), head
    except InputError as e:
        node = next((n for n in graph.by_op(*sorted(NETWORK_OPS)) if n in refused), None)
        said = "" if target is None or node is None else _said_of(graph, specs, node, target)
        if not said or node is None:
            raise
        raise InputError(f"{e.message}. {said}", where=node.name, remedy=e.remedy) from e


LOOP = "a loop"
"""How control flow is called among ops."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a graph would be cut.

    Attributes:
        ops: what keeps the target from going on, loops as one word.
        takes: what the first engine reads.
        gives: what the last engine gives.
        unwritable: ops of the host part that cannot be written in numpy.
        has_tail: True if the host has work behind the last engine.
    """

    ops: tuple[str, ...]
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    unwritable: tuple[str, ...]
    has_tail: bool


def boundary_of(opened: Opened, target: Target) -> Boundary | None:
    """Where ``--cut`` would cut ``opened`` for ``target``; ``None`` for nowhere. The graph stays as it is."""
    graph = graph_from_bytes(graphdef_bytes(opened.graph))
    graph.inputs = tuple(graph.node(n.name) for n in opened.graph.inputs)
    graph.outputs = tuple(graph.value(v.name) for v in opened.graph.outputs)
    graph.producer = opened.graph.producer
    copy = Opened(replace(opened.model, graph=graph), infer_shapes(graph))
    fix_opened(copy, load_rewrites(target.packs), FixOptions(target.packs, target))
    refused = refused_by(graph, copy.specs, target)
    stages, is_front = _stages_or_front(graph, copy.specs, refused)
    if stages is None:
        return None
    host = [n for n, s in stages.stage.items() if not s % 2]
    if not host:
        return None
    first, last = stages.engines[0], stages.engines[-1]
    plain = {n.op for n in host if n in refused and n.op not in FLOW_OPS and not n.op.startswith("TensorArray")}
    loop = (LOOP,) if any(n.op in FLOW_OPS for n in host) else ()
    return Boundary(
        (*sorted(plain), *loop),
        tuple(v.name for v in stages.reads(graph, first)),
        tuple(v.name for v in (graph.outputs if is_front else stages.gives(graph, last))),
        tuple(sorted({n.op for n in host if not can_write(n) and n.op not in FLOW_OPS})),
        not is_front and any(s > last for s in stages.stage.values()),
    )


def _stages_or_front(graph: Graph, specs: Specs, refused: frozenset[Node]) -> tuple[Stages | None, bool]:
    """The stages; where all weights are in loops (True), those of a target that runs loops: what is in front counts."""
    head = head_of(graph, specs, refused)
    ends = () if head is None else (head.encodings, head.logits)
    for loops_run in (False, True):
        try:
            return find_stages(graph, specs, refused, ends, can_write, loops_run=loops_run), loops_run
        except InputError:
            continue
    return None, False


def refused_by(graph: Graph, specs: Specs, target: Target) -> frozenset[Node]:
    """The nodes behind the verdict of ``check``: those that ``target`` does not run, or of which it cannot be told."""
    result = lint(graph, specs, [target], LintOptions(report=(target.name,)))
    names = result.behind.get(target.name, frozenset())
    return frozenset(n for n in graph if n.name in names and n not in graph.inputs)


def _value(graph: Graph, name: str) -> Value:
    value = graph.value(name.removesuffix(":0"))
    if value.node.is_missing:
        graph.node(name.partition(":")[0])  # raises, with the nearest names
    return value


def cut_opened(opened: Opened, target: Target | None, names: Sequence[str], out: str) -> Cut:
    """Cut an opened model.

    Args:
        opened: its graph stays as it is.
        target: what the engines are for.
        names: the last values of the engine; none: they are found.
        out: where the first engine's model will be written; the others get a number.

    Raises:
        InputError: a name is none, or nothing is left for an engine.
        UnsupportedError: a node of the host part cannot be written in numpy.
    """
    graph, specs = opened.graph, opened.specs
    stages, head = _found(graph, specs, target, names)
    data = graphdef_bytes(graph)
    shared = Shared()
    parts: list[Part] = []
    order: list[Written | Engine] = []
    for stage in range(max(stages.stage.values(), default=0) + 1):
        if not stages.nodes(stage):
            continue
        if stage % 2:
            parts.append(_part(graph, specs, stages, stage, data, model_place(out, len(parts))))
            order.append(parts[-1].engine)
        else:
            order.append(_written(opened, stages, stage, shared, target))
    functions = tuple(w for w in order if isinstance(w, Written))
    title = f"Host part of {Path(opened.model.path).name}" + (f", cut for {target.name}" if target else "")
    text = module_text(title, shared, order, graph.outputs) if functions else ""
    short = readable(head, graph, specs, title, order, text) if head is not None else None
    order, text = short if short is not None else (order, text)
    return Cut(tuple(parts), text, tuple(order), tuple(v.name for v in graph.outputs), head)


def model_place(out: str, number: int) -> str:
    """Where the model of engine ``number`` goes: ``net.pb``, ``net.engine2.pb``."""
    path = Path(out)
    return str(path if not number else path.with_name(f"{path.stem}.engine{number + 1}{path.suffix}"))


def host_place(out: str) -> str:
    """Where the host part goes: ``net.host.py`` beside ``net.pb``."""
    path = Path(out)
    return str(path.with_name(f"{path.stem}.host.py"))


def cut_places(cut: Cut, path: str, out: str) -> tuple[str, ...]:
    """Where the engines go, and behind them the host part if there is one.

    Args:
        cut: the parts.
        path: the model that was read; it is not written over.
        out: where the first engine's model goes.

    Raises:
        InputError: one of them is the model itself.
    """
    places = [model_place(out, k) for k in range(len(cut.parts))]
    places += [host_place(out)] if cut.host else []
    for place in places:
        keep_input(path, place)
    return tuple(places)


def write_cut(cut: Cut, path: str, out: str) -> tuple[str, ...]:
    """Write the models and the host part; gives their places. Each file is complete or as it was.

    Raises:
        InputError: a file is the model itself, or cannot be written.
    """
    places = cut_places(cut, path, out)
    for place, part in zip(places, cut.parts, strict=False):
        save_graph(part.graph, place)
    write_host(cut, places)
    return places


def write_host(cut: Cut, places: Sequence[str]) -> None:
    """Write the host part, the last of ``places``, if there is one."""
    if cut.host:
        atomic_write(places[-1], cut.host.encode())


def _written(opened: Opened, stages: Stages, stage: int, shared: Shared, target: Target | None) -> Written:
    graph, specs = opened.graph, opened.specs
    behind = [e for e in stages.engines if e > stage]
    name = "preprocess" if stage == 0 else "postprocess" if not behind else f"between_{stage // 2}"
    function = Function(name, tuple(stages.reads(graph, stage)), tuple(stages.gives(graph, stage)))
    try:
        return write_function(graph, specs, shared, function)
    except HostError as e:
        said = "" if target is None else _said_of(graph, specs, e.node, target)
        raise UnsupportedError(
            f"{e.node.op} cannot be written for the host: {e.why}" + (f". {said}" if said else ""),
            where=e.node.name,
            remedy=f"{'Settle that, or name' if said else 'Name'} where to cut with --cut NAME; nothing was written",
        ) from e


def _said_of(graph: Graph, specs: Specs, node: Node, target: Target) -> str:
    """Why ``node`` is not in an engine, as ``check`` says it; empty where it only comes behind such a node."""
    options = LintOptions(report=(target.name,))
    for found in lint(graph, specs, [target], options).findings:
        if found.target == target.name and node.name in (found.node, *found.covers):
            return f"It is not in the engine, since {target.name}, {found.code}: {found.message}"
    return ""


def _part(graph: Graph, specs: Specs, stages: Stages, stage: int, data: bytes, place: str) -> Part:
    """The model of one engine: what it reads are placeholders of the same names, what it gives are its outputs."""
    part = graph_from_bytes(data)
    takes, gives = {}, {}
    outputs = []
    for value in stages.gives(graph, stage):
        output = _same(part, value)
        if value.index:
            output = part.add("Identity", value.name.replace(":", "_"), [output], {"T": specs.of(value).dtype}).out()
        outputs.append(output)
        gives[output.node.name] = value
    for value in stages.reads(graph, stage):
        takes[_placeholder(part, specs, value)] = value
    part.outputs = tuple(outputs)
    part.inputs = tuple(part.node(name) for name in takes)
    for node in list(part):
        if node.controls:  # of what is cut off; nothing in an engine has to wait
            part.set_inputs(node, node.inputs, ())
    prune(part)
    return Part(part, Engine(Path(place).name, takes, gives))


def _same(part: Graph, value: Value) -> Value:
    return Value(part.node(value.node.name), value.index)


def _placeholder(part: Graph, specs: Specs, value: Value) -> str:
    """Put an input in the place of ``value``; gives its name."""
    old = _same(part, value)
    spec = specs.of(value)
    if old.node.op == "Placeholder":
        return old.node.name
    name = value.name.replace(":", "_")
    if not value.index:
        part.rename(old.node, part.unique_name(f"{name}/cut_off"))
    new = part.add("Placeholder", name, (), {"dtype": spec.dtype, "shape": ShapeValue(spec.shape)})
    part.replace_uses(old, new.out())
    return new.name
