"""NodeDef as scripts know it.

It looks like TensorFlow's protobuf message and is none: ``name``, ``op`` and ``input`` are kept in Python and tell
their graph of every change, so that no question to the graph reads it all again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, SupportsIndex, cast

from graphdoctor.graphsurgeon.attributes import AttrMap
from graphdoctor.wire.messages import schema
from graphdoctor.wire.schema import Variant

_NODE = schema(Variant.FULL).message_class("NodeDef")


class Owner(Protocol):
    """The graph that a node belongs to."""

    def touched(self, node: NodeDef) -> None:
        """Take note that ``node`` has another name, another op or other inputs."""


class InputList(list[str]):
    """``node.input``: input references, as written. Every change goes through to the graph."""

    __slots__ = ("_node",)

    def __init__(self, node: NodeDef, references: Iterable[str] = ()) -> None:
        super().__init__(references)
        self._node = node

    def append(self, reference: str) -> None:
        """Add one at the end."""
        super().append(_text(reference))
        self._node.touched()

    def extend(self, references: Iterable[str]) -> None:
        """Add several at the end."""
        super().extend([_text(r) for r in references])
        self._node.touched()

    MergeFrom = extend

    def insert(self, index: SupportsIndex, reference: str) -> None:
        """Add one in front of ``index``."""
        super().insert(index, _text(reference))
        self._node.touched()

    def remove(self, reference: str) -> None:
        """Remove the first that is written so.

        Raises:
            ValueError: there is none.
        """
        super().remove(reference)
        self._node.touched()

    def pop(self, index: SupportsIndex = -1) -> str:
        """Remove one and give it."""
        gone = super().pop(index)
        self._node.touched()
        return gone

    def clear(self) -> None:
        """Remove all."""
        super().clear()
        self._node.touched()

    def reverse(self) -> None:
        """Turn the order round."""
        super().reverse()
        self._node.touched()

    def sort(self, **how: Any) -> None:
        """Sort as lists do."""
        super().sort(**how)
        self._node.touched()

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, [_text(v) for v in value] if isinstance(index, slice) else _text(value))
        self._node.touched()

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        super().__delitem__(index)
        self._node.touched()

    def __iadd__(self, references: Iterable[str]) -> InputList:  # type: ignore[override, misc]
        self.extend(references)
        return self

    def __imul__(self, times: SupportsIndex) -> InputList:
        self[:] = list(self) * times
        return self


class NodeDef:
    """One node.

    Attributes:
        name: unique in a sound graph; renaming does not touch those that read it.
        op: TensorFlow's op type, or a plugin's name.
        input: references to other nodes: ``name``, ``name:1``, ``^name``.
        attr: attributes by name.
        device: requested device.
    """

    __slots__ = ("_input", "_message", "_name", "_op", "owner", "serial")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str = "", op: str = "", input: Iterable[str] = (), device: str = "") -> None:
        message: Any = _NODE(device=device)
        self._set(message, name, op, InputList(self, map(_text, input)))

    def _set(self, message: Any, name: str, op: str, inputs: InputList) -> None:
        self._message, self._name, self._op, self._input = message, name, op, inputs
        self.owner: Owner | None = None
        self.serial = 0

    @classmethod
    def of(cls, message: Any) -> NodeDef:
        """The node that ``message`` (of graphdoctor's own class) holds; its attributes stay those of the message."""
        node = cls.__new__(cls)
        node._set(message, message.name, message.op, InputList(node, message.input))
        return node

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = _text(value)
        self.touched()

    @property
    def op(self) -> str:
        return self._op

    @op.setter
    def op(self, value: str) -> None:
        self._op = _text(value)
        self.touched()

    @property
    def input(self) -> InputList:
        return self._input

    @property
    def attr(self) -> AttrMap:
        return AttrMap(self._message.attr)

    @property
    def device(self) -> str:
        return cast(str, self._message.device)

    @device.setter
    def device(self, value: str) -> None:
        self._message.device = value

    def touched(self) -> None:
        """The name, the op or an input has changed: the graph must know."""
        if self.owner is not None:
            self.owner.touched(self)

    def message(self) -> Any:
        """This node as a message of graphdoctor's own; shared, not to be changed."""
        message = self._message
        message.name, message.op = self._name, self._op
        if list(message.input) != self._input:
            message.input[:] = self._input
        return message

    def CopyFrom(self, other: Any) -> None:  # noqa: N802 - protobuf's name
        """Become equal to ``other``, a node of any library."""
        data = other.SerializeToString()
        self.ParseFromString(data)

    def ParseFromString(self, data: bytes) -> None:  # noqa: N802 - protobuf's name
        """Become the node that ``data`` holds."""
        message: Any = _NODE.FromString(data)
        self._message, self._name, self._op = message, message.name, message.op
        self._input[:] = message.input  # tells the graph

    @classmethod
    def FromString(cls, data: bytes) -> NodeDef:  # noqa: N802 - protobuf's name
        """The node that ``data`` holds."""
        return cls.of(_NODE.FromString(data))

    def SerializeToString(self, deterministic: bool = True) -> bytes:  # noqa: N802 - protobuf's name
        """This node as bytes."""
        return cast(bytes, self.message().SerializeToString(deterministic=deterministic))

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's name
        """Length in bytes."""
        return cast(int, self.message().ByteSize())

    def HasField(self, name: str) -> bool:  # noqa: N802 - protobuf's name
        """As protobuf's."""
        return cast(bool, self.message().HasField(name))

    def ClearField(self, name: str) -> None:  # noqa: N802 - protobuf's name
        """Empty the field ``name``."""
        if name == "input":
            self._input.clear()
        elif name in ("name", "op"):
            setattr(self, name, "")
        else:
            self._message.ClearField(name)

    def copy(self) -> NodeDef:
        """A node equal to this one that belongs to no graph."""
        return type(self).of(_copied(self.message()))

    def __copy__(self) -> NodeDef:
        return self.copy()

    def __deepcopy__(self, memo: object) -> NodeDef:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        same = isinstance(other, NodeDef) and (self.name, self.op, self.input) == (other.name, other.op, other.input)
        return same and self.message() == cast(NodeDef, other).message()

    def __str__(self) -> str:
        return str(self.message())

    __repr__ = __str__


def copied(node: Any) -> NodeDef:
    """A node of our own that is equal to ``node``, a node of any library.

    Raises:
        TypeError: it is no node.
    """
    if isinstance(node, NodeDef):
        return node.copy()
    if getattr(getattr(node, "DESCRIPTOR", None), "name", "") != "NodeDef":
        raise TypeError(f"not a node: {type(node).__name__}")
    return NodeDef.FromString(node.SerializeToString())


def _copied(message: Any) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    return other


def _text(value: object) -> str:
    """What protobuf takes for a string field.

    Raises:
        TypeError: it is neither a string nor UTF-8.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8")
    raise TypeError(f"{value!r} has type {type(value).__name__}, but expected a string")
