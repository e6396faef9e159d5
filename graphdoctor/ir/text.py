"""The compact text form: a graph as people write it down, one node a line.

::

    # anything after a hash is a comment
    x   = Placeholder {dtype: float32, shape: shape[?,28,28,1]}
    w   = Const float32[5,5,1,32] normal(7)
    c   = Conv2D(x, w) {T: float32, padding: "SAME", strides: [1,1,1,1]}
    ok  = Identity(c, ^x) {T: float32}
    inputs: x
    outputs: ok

A constant is ``dtype[dims] payload``; the payload is one number (a splat), ``[all, the, elements]``, ``hex:...`` (the
bytes), or seeded, ``normal(seed)``, ``normal(seed, std)`` or ``uniform(seed, low, high)``: they keep test graphs short.
Attributes are ints, floats, ``true``/``false``, ``"strings"``, dtypes, ``shape[?,2]``, ``shape[*]``, constants,
``[lists]``, ``@function``, ``@function{T: float32}`` and ``$placeholder``. Names with other characters than
``A-Za-z0-9_./->`` are quoted. Functions of the library: :mod:`graphdoctor.ir.text_functions`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphdoctor.errors import InputError
from graphdoctor.ir.attrs import Attrs
from graphdoctor.ir.edits import NodeState, state_of
from graphdoctor.ir.graph import Graph
from graphdoctor.ir.node import Node, NodeRecord
from graphdoctor.ir.scanner import Scanner
from graphdoctor.ir.text_functions import Argument, FunctionText, arguments_of, library_of, states_of
from graphdoctor.types import Array, DType, dims_text
from graphdoctor.wire.attrs import AttrPlaceholder, AttrPy, FuncRef, ShapeValue
from graphdoctor.wire.tensors import Tensor

_PLAIN = re.compile(r"[A-Za-z0-9_./>][A-Za-z0-9_./>\-]*\Z")
_ELIDE_ABOVE = 16


def parse_graph(text: str, name: str = "<text>") -> Graph:
    """The graph that ``text`` states; its edit log is empty.

    Raises:
        InputError: a line is malformed; the message gives file and line.
    """
    records: list[NodeRecord] = []
    declared: dict[str, list[str]] = {}
    functions: list[FunctionText] = []
    inside: FunctionText | None = None
    for number, line in enumerate(text.splitlines(), 1):
        scanner = Scanner(line, f"{name}:{number}")
        if scanner.at_end():
            continue
        if inside is not None:
            inside = _parse_function_line(scanner, inside)
        elif scanner.peek() == "function" and scanner.peek(1) != "=":
            functions.append(inside := _parse_function(scanner))
        elif line.lstrip().startswith(("inputs:", "outputs:")):
            key = scanner.word()
            scanner.expect(":")
            declared[key] = scanner.refs(end="")
        else:
            records.append(_parse_node(scanner))
        scanner.finish()
    if inside is not None:
        raise InputError(f"the function {inside.name} has no end", where=name, remedy="Close it with a line }")
    graph = Graph.from_records(records, source=library_of(functions) if functions else None)
    graph.inputs = tuple(graph.node(n) for n in declared.get("inputs", ()))
    graph.outputs = tuple(graph.value(n) for n in declared.get("outputs", ()))
    return graph


def format_graph(graph: Graph, *, elide: bool = False) -> str:
    """``graph`` in the text form. With ``elide``, large payloads become ``...`` and the start of their digest."""
    library = graph.source.library.function if graph.source is not None else ()
    lines = [line for function in library for line in _format_function(function, elide)]
    lines += [format_node(node, elide=elide) for node in graph]
    if graph.inputs:
        lines.append("inputs: " + ", ".join(_name(n.name) for n in graph.inputs))
    if graph.outputs:
        lines.append("outputs: " + ", ".join(_ref(v.name) for v in graph.outputs))
    return "\n".join(lines) + "\n"


def format_node(node: Node, *, elide: bool = False) -> str:
    """One node as one line."""
    return format_state(state_of(node), elide=elide)


def format_state(
    node: NodeState, *, elide: bool = False, inputs: Callable[[tuple[str, ...]], str] | None = None
) -> str:
    """What a node was at one time as one line; the unit of a diff."""
    inputs = inputs or _inputs
    value = node.attrs.get("value")
    if node.op == "Const" and set(node.attrs) == {"dtype", "value"} and isinstance(value, Tensor):
        head = f"{_name(node.name)} = Const {_tensor(value, elide)}"
        return head if not node.inputs else head + " " + inputs(node.inputs)
    text = f"{_name(node.name)} = {node.op}"
    if node.inputs:
        text += inputs(node.inputs)
    if len(node.attrs):
        text += " " + _attrs(node.attrs, elide)
    return text


def _attrs(attrs: Mapping[str, AttrPy], elide: bool) -> str:
    return "{" + ", ".join(f"{k}: {_attr(v, elide)}" for k, v in attrs.items()) + "}"


def _format_function(function: Any, elide: bool) -> Iterator[str]:
    signature = function.signature
    yield f"function {_name(signature.name)}({', '.join(map(_argument, arguments_of(signature.input_arg)))}) {{"
    for attr in signature.attr:
        yield f"    attr {_name(attr.name)}: {_name(attr.type)}"
    for state in states_of(function):
        yield "    " + format_state(state, elide=elide, inputs=_inner_inputs)
    for argument in arguments_of(signature.output_arg):
        yield f"    return {_argument(argument)} = {_inner_ref(function.ret[argument[0]])}"
    for control, node in sorted(function.control_ret.items()):
        yield f"    control {_name(control)} = {_name(node)}"
    yield "}"


def _argument(argument: Argument) -> str:
    return f"{_name(argument[0])}: {_attr(argument[1], elide=False)}"


def _inner_inputs(refs: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(_inner_ref, refs)) + ")"


def _inner_ref(ref: str) -> str:
    mark = "^" if ref.startswith("^") else ""
    return mark + ":".join(_name(part) for part in ref.removeprefix("^").split(":"))


def _inputs(refs: tuple[str, ...]) -> str:
    return "(" + ", ".join(_ref(r) for r in refs) + ")"


def _name(name: str) -> str:
    return name if _PLAIN.match(name) else json.dumps(name)


def _ref(ref: str) -> str:
    mark = "^" if ref.startswith("^") else ""
    name, colon, tail = ref.removeprefix("^").rpartition(":")
    if colon and tail.isdecimal():
        return f"{mark}{_name(name)}:{tail}"
    return mark + _name(ref.removeprefix("^"))


def format_attr(value: AttrPy, *, elide: bool = False) -> str:
    """An attribute's value in the text form."""
    return _attr(value, elide)


def _attr(value: AttrPy, elide: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, DType):
        return value.label
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, ShapeValue):
        return "shape" + dims_text(value.dims)
    if isinstance(value, Tensor):
        return _tensor(value, elide)
    if isinstance(value, tuple):
        return "[" + ", ".join(_attr(v, elide) for v in value) + "]"
    if isinstance(value, FuncRef):
        return "@" + _name(value.name) + (_attrs(value.attrs, elide) if value.attrs else "")
    if isinstance(value, AttrPlaceholder):
        return "$" + _name(value.name)
    return str(value)


def _float(value: float) -> str:
    text = repr(float(value))
    return text if any(c in text for c in ".einf") else text + ".0"


def _tensor(tensor: Tensor, elide: bool) -> str:
    head = tensor.dtype.label + dims_text(tensor.shape)
    if elide and (tensor.element_count or 0) > _ELIDE_ABOVE and not tensor.is_splat:
        return f"{head} ... #{tensor.digest()[:12]}"
    array = tensor.array()
    if array.dtype == object:
        return f"{head} [{', '.join(json.dumps(_text(v)) for v in array.reshape(-1))}]"
    if array.ndim == 0 or (array.size and tensor.is_splat):
        return f"{head} {_number(array.reshape(-1)[0])}"
    if array.size <= _ELIDE_ABOVE:
        return f"{head} [{', '.join(_number(v) for v in array.reshape(-1))}]"
    return f"{head} hex:{array.tobytes().hex()}"


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _number(value: np.generic) -> str:
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    if isinstance(value, np.integer):
        return str(int(value))
    shortest = isinstance(value, np.float32 | np.float16) and np.isfinite(value)
    return _float(float(str(value)) if shortest else float(value))


def _parse_node(s: Scanner) -> NodeRecord:
    name = s.word()
    s.expect("=")
    op = s.word()
    if op == "Const" and s.peek() != "{" and s.peek(1) == "[":
        tensor = _parse_tensor(s)
        refs = s.refs() if s.accept("(") else []
        return NodeRecord(name, op, refs, Attrs({"dtype": tensor.dtype, "value": tensor}))
    refs = s.refs() if s.accept("(") else []
    return NodeRecord(name, op, refs, Attrs(_parse_attrs(s) if s.accept("{") else {}))


def _parse_attrs(s: Scanner) -> dict[str, AttrPy]:
    attrs: dict[str, AttrPy] = {}
    while not s.accept("}"):
        key = s.word()
        s.expect(":")
        attrs[key] = _parse_attr(s)
        s.accept(",")
    return attrs


def _parse_function(s: Scanner) -> FunctionText:
    s.word()
    function = FunctionText(s.word())
    s.expect("(")
    while not s.accept(")"):
        function.arguments.append(_parse_argument(s))
        s.accept(",")
    s.expect("{")
    s.finish()
    return function


def _parse_function_line(s: Scanner, function: FunctionText) -> FunctionText | None:
    """Take a line inside ``function`` in; ``None`` behind its last one."""
    kind = s.peek() if s.peek(1) != "=" else ""
    if s.accept("}"):
        s.finish()
        return None
    if kind == "return":
        s.word()
        argument = _parse_argument(s)
        s.expect("=")
        refs = s.refs(end="")
        if len(refs) != 1:
            raise s.fail(f"{argument[0]} is one value, not {len(refs)}")
        function.returns.append((argument, refs[0]))
    elif kind in ("attr", "control"):
        s.word()
        name = s.word()
        s.expect(":" if kind == "attr" else "=")
        (function.attrs if kind == "attr" else function.controls).append((name, s.word()))
    else:
        function.nodes.append(_parse_node(s))
    s.finish()
    return function


def _parse_argument(s: Scanner) -> Argument:
    name = s.word()
    s.expect(":")
    return name, AttrPlaceholder(s.word()) if s.accept("$") else _parse_dtype(s)


def _parse_attr(s: Scanner) -> AttrPy:
    kind, token = s.kind(), s.peek()
    if s.accept("["):
        items: list[AttrPy] = []
        while not s.accept("]"):
            items.append(_parse_attr(s))
            s.accept(",")
        return tuple(items)  # type: ignore[arg-type]  # a list holds no lists; encode refuses them
    if s.accept("@"):
        return FuncRef(s.word(), _parse_attrs(s) if s.accept("{") else {})
    if s.accept("$"):
        return AttrPlaceholder(s.word())
    if kind == "number":
        return _parse_number(s.take())
    if kind == "string":
        return s.word()
    if token == "shape":
        s.take()
        return ShapeValue(s.dims())
    if token in ("true", "false"):
        return s.take() == "true"
    return _parse_tensor(s) if s.peek(1) == "[" else _parse_dtype(s)


def _parse_number(token: str) -> int | float:
    return int(token) if re.fullmatch(r"[-+]?\d+", token) else float(token)


def _parse_dtype(s: Scanner) -> DType:
    token = s.take()
    dtype = DType.parse(token)
    if dtype is None:
        raise s.fail(f"{token!r} is no dtype, number or string")
    return dtype


def _parse_tensor(s: Scanner) -> Tensor:
    dtype = _parse_dtype(s)
    dims = s.dims()
    if dims is None or any(d is None for d in dims):
        raise s.fail("a constant needs all its dimensions")
    shape = tuple(d or 0 for d in dims)
    try:
        return Tensor.from_array(_payload(s, dtype, shape), dtype)
    except (ValueError, OverflowError) as e:
        raise s.fail(f"the payload does not fit {dtype.label}{list(shape)}: {e}") from e


def _payload(s: Scanner, dtype: DType, shape: tuple[int, ...]) -> Array:
    kind = dtype.numpy if dtype.numpy is not None else np.dtype(np.float32)
    token = s.peek()
    if s.kind() == "hex":
        return np.frombuffer(bytes.fromhex(s.take()[4:]), dtype=kind).reshape(shape)
    if token in ("normal", "uniform"):
        return _random(s, shape).astype(kind)
    if s.accept("["):
        items: list[AttrPy] = []
        while not s.accept("]"):
            items.append(_parse_attr(s))
            s.accept(",")
        return _array(items, kind).reshape(shape)
    return np.broadcast_to(_array([_parse_attr(s)], kind).reshape(()), shape)


def _array(items: list[AttrPy], kind: np.dtype[np.generic]) -> Array:
    if kind.kind == "O":
        out = np.empty(len(items), dtype=object)
        out[:] = [str(i).encode("utf-8", "surrogateescape") for i in items]
        return out
    return np.asarray(items, dtype=kind)


def _random(s: Scanner, shape: tuple[int, ...]) -> Array:
    kind = s.take()
    s.expect("(")
    numbers = []
    while not s.accept(")"):
        numbers.append(float(s.take()))
        s.accept(",")
    rng = np.random.default_rng(int(numbers[0]))
    if kind == "normal":
        return rng.normal(0.0, numbers[1] if len(numbers) > 1 else 1.0, shape)
    return rng.uniform(numbers[1], numbers[2], shape)
