"""Structured damage: each kind changes one thing of a GraphDef, as a bad tool, a bad disk or a bad person would."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Damage = Callable[[Random, Any], None]

HUGE = (2**63 - 1, -(2**63), 2**31, 1 << 40, -1, 0)
DTYPES = (0, 1, 3, 7, 8, 9, 10, 14, 19, 20, 21, 101, 103, 4242)
NAMES = ("", "/", "a//b", "^x", "a:0", " ", "-" * 5000, "\u202e")


def drop_node(random: Random, graph: Any) -> None:
    del graph.node[random.randrange(len(graph.node))]


def retype_attr(random: Random, graph: Any) -> None:
    """An attribute of another kind."""
    attr = _attr(random, graph)
    if attr is None:
        return
    attr.Clear()
    kind = random.choice(("i", "s", "type", "f", "b", "ints", "list", "shape", "tensor", "func", "placeholder"))
    if kind == "ints":
        attr.list.i.extend(random.choices(HUGE, k=random.randrange(6)))
    elif kind == "list":
        attr.list.SetInParent()
    elif kind == "shape":
        attr.shape.dim.add(size=random.choice(HUGE))
    elif kind == "tensor":
        attr.tensor.tensor_shape.dim.add(size=random.choice(HUGE))
    elif kind == "func":
        attr.func.name = "f"
    else:
        values = {"i": HUGE, "s": (b"\xff\x00NHWC",), "type": DTYPES, "f": (float("nan"),), "b": (True,)}
        setattr(attr, kind, random.choice(values.get(kind, ("x",))))


def huge_attr(random: Random, graph: Any) -> None:
    """Numbers far out of range, of the right kind."""
    attr = _attr(random, graph)
    kind = None if attr is None else attr.WhichOneof("value")
    if kind == "list" and attr.list.i:
        attr.list.i[random.randrange(len(attr.list.i))] = random.choice(HUGE)
    elif kind == "i":
        attr.i = random.choice(HUGE)
    elif kind == "f":
        attr.f = random.choice((float("inf"), float("nan"), -1e38, 0.0))
    elif kind == "shape" and attr.shape.dim:
        attr.shape.dim[random.randrange(len(attr.shape.dim))].size = random.choice(HUGE)


def drop_attr(random: Random, graph: Any) -> None:
    node = _node(random, graph)
    if node.attr:
        del node.attr[random.choice(sorted(node.attr))]


def swap_inputs(random: Random, graph: Any) -> None:
    node = _node(random, graph)
    inputs = list(node.input)
    random.shuffle(inputs)
    node.input[:] = inputs


def rewire(random: Random, graph: Any) -> None:
    """Another node's output, or one that the other node does not have."""
    node = _node(random, graph)
    if node.input:
        suffix = random.choice(("", "", ":1", ":7", ":99999999999"))
        node.input[random.randrange(len(node.input))] = _node(random, graph).name + suffix


def add_input(random: Random, graph: Any) -> None:
    other = _node(random, graph).name
    wrong = (other, f"^{other}", "", "^", ":", ":0", "missing", "a:b:c", f"{other}:-1")
    _node(random, graph).input.append(random.choice(wrong))


def drop_input(random: Random, graph: Any) -> None:
    node = _node(random, graph)
    if node.input:
        del node.input[random.randrange(len(node.input))]


def close_circle(random: Random, graph: Any) -> None:
    """Two nodes that read each other, or one that reads itself."""
    first, second = _node(random, graph), _node(random, graph)
    for reader, read in ((first, second), (second, first)):
        if reader.input:
            reader.input[0] = read.name


def truncate_constant(random: Random, graph: Any) -> None:
    tensor = _tensor(random, graph)
    if tensor is not None:
        kept = tensor.tensor_content[: random.randrange(len(tensor.tensor_content) + 1)]
        tensor.tensor_content = kept + (b"x" if random.random() < 0.5 else b"")


def reshape_constant(random: Random, graph: Any) -> None:
    tensor = _tensor(random, graph)
    if tensor is not None:
        dims = tensor.tensor_shape.dim
        dim = dims[random.randrange(len(dims))] if dims and random.random() < 0.7 else dims.add()
        dim.size = random.choice((*HUGE, 3))


def scramble_constant(random: Random, graph: Any) -> None:
    tensor = _tensor(random, graph)
    if tensor is not None and tensor.tensor_content:
        content = bytearray(tensor.tensor_content)
        for _ in range(8):
            content[random.randrange(len(content))] = random.randrange(256)
        tensor.tensor_content = bytes(content)


def retype_constant(random: Random, graph: Any) -> None:
    tensor = _tensor(random, graph)
    if tensor is not None:
        tensor.dtype = random.choice(DTYPES)


def reference_dtypes(random: Random, graph: Any) -> None:
    """float_ref and the like, which TensorFlow 1 variables have."""
    for _ in range(3):
        node = _node(random, graph)
        for key in ("T", "dtype"):
            if key in node.attr and 0 < node.attr[key].type < 100:
                node.attr[key].type += 100


def change_op(random: Random, graph: Any) -> None:
    ops = (
        "Foo",
        _node(random, graph).op,
        "Merge",
        "Switch",
        "While",
        "PartitionedCall",
        "Shape",
        "Reshape",
        "ConcatV2",
    )
    _node(random, graph).op = random.choice((*ops, "é", ""))


def rename_node(random: Random, graph: Any) -> None:
    """To a strange name, or to one that is taken."""
    _node(random, graph).name = random.choice((*NAMES, _node(random, graph).name))


KINDS: tuple[Damage, ...] = (
    drop_node, retype_attr, huge_attr, drop_attr, swap_inputs, rewire, add_input, drop_input, close_circle,
    truncate_constant, reshape_constant, scramble_constant, retype_constant, reference_dtypes, change_op, rename_node,
)  # fmt: skip


def damage(graph: Any, random: Random) -> list[str]:
    """Damage ``graph`` in one to eight places; returns how."""
    done = []
    for _ in range(random.choice((1, 1, 1, 2, 4, 8))):
        if graph.node:
            kind = random.choice(KINDS)
            kind(random, graph)
            done.append(kind.__name__)
    return done


def _node(random: Random, graph: Any) -> Any:
    return graph.node[random.randrange(len(graph.node))]


def _attr(random: Random, graph: Any) -> Any:
    node = _node(random, graph)
    return node.attr[random.choice(sorted(node.attr))] if node.attr else None


def _tensor(random: Random, graph: Any) -> Any:
    constants = [n for n in graph.node if n.op == "Const" and "value" in n.attr]
    return random.choice(constants).attr["value"].tensor if constants else None
