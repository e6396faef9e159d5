"""Nodes and the values they produce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from graphdoctor.ir.attrs import Attrs
from graphdoctor.wire.attrs import AttrPy
from graphdoctor.wire.tensors import Tensor, TensorError

MISSING_OP = ""
"""The op of a node that something refers to and that the graph does not have."""
WHY = "_graphdoctor_why"
"""Attribute of a plugin node: why it has no ONNX form. TensorFlow looks at no attribute with an underscore in front."""


class Node:
    """One operation of the graph. Read-only: a node changes through the methods of :class:`Graph` alone.

    Attributes:
        name: unique in the graph; ``/`` separates scopes.
        op: TensorFlow's op type.
        inputs: data inputs, in order.
        controls: nodes that must run before this one (``^name`` in a GraphDef).
        attrs: attributes by name.
        device: requested device, usually empty.
        origins: names of the nodes of the original graph that this one stands for.
        source: the NodeDef message it was read from, or ``None``.
    """

    __slots__ = ("attrs", "controls", "device", "inputs", "name", "op", "origins", "source")

    name: str
    op: str
    inputs: tuple[Value, ...]
    controls: tuple[Node, ...]
    attrs: Attrs
    device: str
    origins: tuple[str, ...]
    source: Any

    def __init__(
        self,
        name: str,
        op: str,
        attrs: Attrs | None = None,
        *,
        device: str = "",
        origins: tuple[str, ...] = (),
        source: Any = None,
    ) -> None:
        write = object.__setattr__
        write(self, "name", name)
        write(self, "op", op)
        write(self, "inputs", ())
        write(self, "controls", ())
        write(self, "attrs", attrs if attrs is not None else Attrs())
        write(self, "device", device)
        write(self, "origins", origins or (name,))
        write(self, "source", source)

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError(f"a node changes through its graph: use graph.set_{key}(...) or a rewrite")

    def __repr__(self) -> str:
        return f"<{self.op or 'missing'} {self.name}>"

    @property
    def scope(self) -> str:
        """The name scope, empty at the top."""
        return self.name.rpartition("/")[0]

    @property
    def is_missing(self) -> bool:
        """True for a node that is referred to and does not exist (a dangling input)."""
        return self.op == MISSING_OP

    def attr(self, key: str, default: AttrPy | None = None) -> Any:
        """The value of attribute ``key``, or ``default`` when it is absent."""
        return self.attrs.get(key, default)

    def out(self, index: int = 0) -> Value:
        """The value at output ``index``."""
        return Value(self, index)


class Value(NamedTuple):
    """One output of one node."""

    node: Node
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here

    @property
    def name(self) -> str:
        """TensorFlow's short tensor name: ``conv`` for output 0, ``split:1`` for another."""
        return self.node.name if self.index == 0 else f"{self.node.name}:{self.index}"

    def __repr__(self) -> str:
        return f"<value {self.name}>"


class Use(NamedTuple):
    """A place where a node's output is read. ``slot`` is the input number; controls have slot -1."""

    node: Node
    slot: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


CONTROL_SLOT = -1


class NodeRecord(NamedTuple):
    """A node as a file states it: ``inputs`` are references such as ``a``, ``b:1`` and ``^c``."""

    name: str
    op: str
    inputs: Sequence[str]
    attrs: Attrs
    device: str = ""
    source: Any = None


def tensor_of(node: Node) -> Tensor | None:
    """The value of a Const; ``None`` for other nodes, and where it contradicts the node's own dtype."""
    tensor = node.attr("value") if node.op == "Const" else None
    if not isinstance(tensor, Tensor):
        return None
    try:
        return tensor if node.attr("dtype", tensor.dtype) == tensor.dtype else None
    except TensorError:
        return tensor  # whoever reads its values is told what is damaged
