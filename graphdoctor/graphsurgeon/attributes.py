"""``node.attr``: protobuf messages of graphdoctor's own that also take values of TensorFlow's classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message


class LiveMessage:
    """A protobuf message that also takes values of another library's classes of the same form."""

    __slots__ = ("_message",)

    def __init__(self, message: Any) -> None:
        object.__setattr__(self, "_message", message)

    def __getattr__(self, key: str) -> Any:
        value = getattr(self._message, key)
        return LiveMessage(value) if isinstance(value, Message) else value

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(self._message, key, value)

    def __eq__(self, other: object) -> bool:
        return bool(self._message == plain_message(other))

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self._message)

    def CopyFrom(self, other: Any) -> None:  # noqa: N802 - protobuf's name
        """Become equal to ``other``."""
        self._message.Clear()
        self.MergeFrom(other)

    def MergeFrom(self, other: Any) -> None:  # noqa: N802 - protobuf's name
        """Take over what ``other`` sets.

        Raises:
            TypeError: ``other`` is no message of this form.
        """
        other = plain_message(other)
        if isinstance(other, type(self._message)):
            self._message.MergeFrom(other)
            return
        mine, theirs = self._message.DESCRIPTOR.name, getattr(getattr(other, "DESCRIPTOR", None), "name", None)
        if mine != theirs:
            raise TypeError(f"a {mine} cannot be copied from {type(other).__name__}")
        self._message.MergeFromString(other.SerializeToString())


class AttrMap:
    """``node.attr``: attribute values by name; reading one that is not there makes it, as protobuf's maps do."""

    __slots__ = ("_map",)

    def __init__(self, attrs: Any) -> None:
        self._map = attrs

    def __getitem__(self, key: str) -> LiveMessage:
        return LiveMessage(self._map[key])

    get_or_create = __getitem__

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default``; makes nothing."""
        return LiveMessage(self._map[key]) if key in self._map else default

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove ``key`` and give its value."""
        if key not in self._map and default:
            return default[0]
        value = type(self._map[key])()
        value.CopyFrom(self._map[key])
        del self._map[key]
        return LiveMessage(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def keys(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._map)

    def values(self) -> list[LiveMessage]:
        """The values, by name."""
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[str, LiveMessage]]:
        """Names and values, by name."""
        return [(key, self[key]) for key in self.keys()]

    def clear(self) -> None:
        """Remove all."""
        self._map.clear()

    def MergeFrom(self, other: Any) -> None:  # noqa: N802 - protobuf's name
        """Take over all of ``other``'s."""
        for key in other:
            self[key].CopyFrom(other[key])


def plain_message(value: Any) -> Any:
    """What is behind a :class:`LiveMessage`; anything else as it is."""
    return object.__getattribute__(value, "_message") if isinstance(value, LiveMessage) else value
