"""Attributes of a node: a read-only mapping that decodes a value when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphdoctor.wire.attrs import AttrPy, decode, encode


class Attrs(Mapping[str, AttrPy]):
    """Attribute name to Python value, over the AttrValue messages the node was read with.

    A value that was never changed is written back as the message it came from, unknown fields included.
    """

    __slots__ = ("_messages", "_pristine", "_values")

    def __init__(
        self,
        values: Mapping[str, AttrPy] | None = None,
        messages: Mapping[str, Any] | None = None,
        *,
        pristine: bool = False,
    ) -> None:
        self._messages: Mapping[str, Any] = messages if messages is not None else {}
        self._values: dict[str, AttrPy] = dict(values) if values else {}
        self._pristine = pristine

    def __getitem__(self, key: str) -> AttrPy:
        if key not in self._values:
            if key not in self._messages:
                raise KeyError(key)
            self._values[key] = decode(self._messages[key])
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values or key in self._messages

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._messages, *self._values}))

    def __len__(self) -> int:
        return len({*self._messages, *self._values})

    def __repr__(self) -> str:
        return f"Attrs({dict(self)!r})"

    @property
    def is_pristine(self) -> bool:
        """True if nothing was changed since the node was read."""
        return self._pristine

    def message(self, key: str) -> Any:
        """The AttrValue message to write for ``key``."""
        if key in self._messages:
            return self._messages[key]
        return encode(self._values[key])

    def with_value(self, key: str, value: AttrPy) -> Attrs:
        """A copy in which ``key`` is ``value``."""
        messages = {k: self._messages[k] for k in self._messages if k != key}
        return Attrs({**self._values, key: value}, messages)

    def without(self, *keys: str) -> Attrs:
        """A copy that lacks ``keys``."""
        messages = {k: self._messages[k] for k in self._messages if k not in keys}
        return Attrs({k: v for k, v in self._values.items() if k not in keys}, messages)
