"""The host part of a graph as one Python file: its functions, their order, and a function that runs all of it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphdoctor.formats.host import library
from graphdoctor.formats.host.text import Names, plain
from graphdoctor.formats.host.writer import Shared, Writer
from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.infer_shapes import Specs


@dataclass(frozen=True, slots=True)
class Function:
    """One function to write: what it takes and gives, as values of the graph."""

    name: str
    takes: tuple[Value, ...]
    gives: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine between the functions: tensor by the name that its model has for it."""

    model: str
    takes: Mapping[str, Value]
    gives: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Written:
    """A function as text."""

    function: Function
    parameters: Mapping[str, Value]
    text: str
    nodes: int = 0


def write_function(graph: GraphView, specs: Specs, shared: Shared, function: Function) -> Written:
    """One function of numpy.

    Raises:
        HostError: a node cannot be written.
    """
    names = Names()
    parameters = {names.new(v.name.replace(":", "_")): v for v in function.takes}
    writer = Writer(graph, specs, shared, names, {v: n for n, v in parameters.items()}, function.gives)
    results = writer.write()
    head = ", ".join(f"{n}: Array" for n in parameters)
    lines = ['@np.errstate(all="ignore")', f"def {function.name}({head}) -> dict[str, Array]:"]
    lines += _docstring(function, parameters, specs, list(writer.written))
    lines += writer.lines
    lines.append("    return {")
    lines += [f"        {v.name!r}: np.asarray({text})," for v, text in results.items()]
    lines.append("    }")
    return Written(function, parameters, "\n".join(lines), len(writer.written))


def _docstring(function: Function, parameters: Mapping[str, Value], specs: Specs, nodes: Sequence[Node]) -> list[str]:
    what = {"preprocess": "What stands in front of the engine", "postprocess": "What stands behind the engine"}
    lines = [f"{what.get(function.name, 'What stands between two engines')}: {len(nodes)} nodes of the graph.", ""]
    lines.append("Args:")
    lines += [f"    {n}: {specs.of(v)}, {plain(v.name)} of the graph." for n, v in parameters.items()]
    lines += ["", "Returns:"]
    lines += [f"    {plain(v.name)}: {specs.of(v)}." for v in function.gives]
    lines += ["", "Steps, by the scopes of the TensorFlow nodes they come from:"]
    lines += [f"    {line}" for line in _steps(nodes)]
    return [f'    """{lines[0]}', *(f"    {line}" if line else "" for line in lines[1:]), '    """']


def _steps(nodes: Sequence[Node]) -> list[str]:
    """The scopes, two parts of each, in the order of the code, with their ops."""
    merged: dict[str, dict[str, int]] = {}
    for node in nodes:
        counts = merged.setdefault("/".join(node.name.split("/")[:-1][:2]), {})
        counts[node.op] = counts.get(node.op, 0) + 1
    found = []
    for scope, counts in merged.items():
        listed = ", ".join(f"{op} x {n}" if n > 1 else op for op, n in counts.items())
        text = f"{plain(scope) or 'at the top'}: {plain(listed)}"
        found += textwrap.wrap(text, 108, subsequent_indent="    ", break_long_words=False)
    return found


def module_text(title: str, shared: Shared, order: Sequence[Written | Engine], outputs: Sequence[Value]) -> str:
    """The whole file: constants, functions, and ``run``.

    Args:
        title: its first line.
        shared: what the functions asked for.
        order: functions and engines in the order they run.
        outputs: what ``run`` gives.
    """
    functions = [w for w in order if isinstance(w, Written)]
    parts = [_head(title, order), *_library(shared), *(["\n".join(shared.lines)] if shared.lines else [])]
    parts += [w.text for w in functions]
    parts.append(_steps_text(order, outputs))
    parts.append(textwrap.dedent(inspect.getsource(library.run)))
    return "\n\n\n".join(p.strip("\n") for p in parts) + "\n"


def _head(title: str, order: Sequence[Written | Engine]) -> str:
    engines = [e for e in order if isinstance(e, Engine)]
    lines = [f'"""{plain(title)}', "", "Self-contained: numpy is all it needs. In order:", ""]
    for part in order:
        if isinstance(part, Engine):
            number = f"engine {engines.index(part)}"
            lines.append(f"    {number} ({plain(part.model)}): {', '.join(map(plain, part.takes))}")
            lines.append(f"        -> {', '.join(map(plain, part.gives))}")
        else:
            lines.append(f"    {part.function.name}({', '.join(part.parameters)})")
            lines.append(f"        -> {', '.join(plain(v.name) for v in part.function.gives)}")
    lines += ["", "run(engine, inputs) does all of it. What the graph asserts is not tested here.", '"""', ""]
    lines += ["from __future__ import annotations", "", "import base64", "import zlib"]
    lines += ["from collections.abc import Callable, Mapping, Sequence", "from typing import Any", ""]
    lines += ["import numpy as np", "", "Array = np.ndarray[Any, Any]"]
    return "\n".join(lines)


def _library(shared: Shared) -> list[str]:
    return [inspect.getsource(getattr(library, name)) for name in sorted(shared.needs)]


def _steps_text(order: Sequence[Written | Engine], outputs: Sequence[Value]) -> str:
    lines = ["STEPS: tuple[Any, ...] = ("]
    number = 0
    for part in order:
        if isinstance(part, Engine):
            takes, gives = ({n: v.name for n, v in side.items()} for side in (part.takes, part.gives))
            lines.append(f"    ({number}, {takes!r}, {gives!r}),")
            number += 1
        else:
            lines.append(f"    ({part.function.name}, { {n: v.name for n, v in part.parameters.items()}!r}, None),")
    lines += [")", '"""Function or number of the engine, what it takes and gives by the name of the tensor."""']
    lines.append(f"OUTPUTS = {tuple(v.name for v in outputs)!r}")
    return "\n".join(lines)
