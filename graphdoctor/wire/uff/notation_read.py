"""The written form of ``notation`` to a model: for tests and fixtures, which state UFF files in it."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from typing import TypeVar

from graphdoctor.errors import InputError
from graphdoctor.types import DType
from graphdoctor.wire.uff.data import EMPTY, Data, Order
from graphdoctor.wire.uff.dtypes import dtype_number, dtype_of
from graphdoctor.wire.uff.model import CONST, CUSTOM, TENSORFLOW_EXTENSION, Descriptor, UffGraph, UffModel, UffNode
from graphdoctor.wire.uff.orders import encode_order, orders_key

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>\#.*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<hex>hex:[0-9a-fA-F]*)
    | (?P<number>[-+]?(?:inf|nan|\d+\.\d*(?:[eE][-+]?\d+)?|\d+(?:[eE][-+]?\d+)?)(?![A-Za-z0-9_./>]))
    | (?P<order>[NCK]*[+-][NCK]*(?=\s*[,)]))
    | (?P<word>[A-Za-z0-9_./>][A-Za-z0-9_./>\-]*)
    | (?P<mark>[=(){}\[\],:])
    )""",
    re.VERBOSE,
)
_FORMATS = {DType.FLOAT: "f", DType.HALF: "e", DType.INT8: "b", DType.INT16: "h", DType.INT32: "i", DType.INT64: "q"}
_MOST = 1 << 24
_T = TypeVar("_T")


def parse_uff(text: str, name: str = "<text>") -> UffModel:
    """The model that ``text`` states.

    Raises:
        InputError: a line is malformed; the message gives file and line.
    """
    model = UffModel(graphs=[UffGraph()])
    described = False
    for number, line in enumerate(text.splitlines(), 1):
        scanner = _Line(line, f"{name}:{number}", model)
        if not scanner.kind:
            continue
        described |= scanner.statement()
    if not described:
        custom = any(n.is_custom for n in model.graph.nodes)
        model.descriptors = [Descriptor(TENSORFLOW_EXTENSION), *([Descriptor(CUSTOM)] if custom else [])]
    return model


class _Line:
    """One line, token by token."""

    def __init__(self, line: str, where: str, model: UffModel) -> None:
        self._text, self._where, self._model = line, where, model
        self._pos = 0
        self.kind = self.token = ""
        self._next()

    def _next(self) -> str:
        """The token, which the next one follows."""
        token = self.token
        found = _TOKEN.match(self._text, self._pos)
        rest = self._text[self._pos :].strip()
        if found is None and rest:
            raise self._wrong(rest)
        self.kind = "" if found is None or found.lastgroup == "comment" else found.lastgroup or ""
        self.token = found[self.kind] if found is not None and self.kind else ""
        self._pos = len(self._text) if found is None else found.end()
        return token

    def _wrong(self, token: str = "") -> InputError:
        said = token or self.token or "the end"
        return InputError(f"{said!r} is not expected here", where=self._where, remedy="docs/uff.md has the form")

    def _expect(self, token: str) -> None:
        if self.token != token:
            raise self._wrong()
        self._next()

    def _take(self, token: str) -> bool:
        if self.token != token or self.kind == "string":
            return False
        self._next()
        return True

    def _name(self) -> str:
        if self.kind == "string":
            return str(json.loads(self._next()))
        if self.kind not in ("word", "number"):
            raise self._wrong()
        return self._next()

    def statement(self) -> bool:
        """The whole line; True for one that gives the descriptors."""
        first = self._name()
        described = first == "descriptors" and self._take(":")
        if described:
            while self.kind:
                self._model.descriptors.append(Descriptor(self._name()))
                self._take(",")
        elif first == "version" and self._take(":"):
            self._model.version = int(self._next())
        elif first == "reference" and self.token != "=":
            key = self._name()
            self._expect("=")
            self._model.references[key] = self._value()
        else:
            self._expect("=")
            self._node(first)
        if self.kind:
            raise self._wrong()
        return described

    def _node(self, id_: str) -> None:
        node = UffNode(id_, self._name())
        if self._take("("):
            node.inputs = self._list(")", self._name)
        if node.op == CONST and self.kind == "word":
            self._constant(node)
        if self._take("{"):
            self._list("}", lambda: self._field(node))
        self._model.graph.nodes.append(node)

    def _list(self, end: str, one: Callable[[], _T]) -> list[_T]:
        found: list[_T] = []
        while not self._take(end):
            found.append(one())
            if self.token != end:
                self._expect(",")
        return found

    def _field(self, node: UffNode) -> None:
        key = self._name()
        into = node.fields
        if key == "extra" and self.token != ":":
            key, into = self._name(), node.extra_fields
        self._expect(":")
        into[key] = self._value()

    def _constant(self, node: UffNode) -> None:
        number = self._dtype()
        self._expect("[")
        shape = self._list("]", lambda: int(self._next()))
        key = f"weights_{node.id}"
        node.fields = {"shape": Data.i_list(shape), "dtype": Data.dtype(number), "values": Data.ref(key)}
        self._model.references[key] = Data.blob(self._payload(number, shape))

    def _payload(self, number: int, shape: list[int]) -> bytes:
        if self.kind == "hex":
            return bytes.fromhex(self._next()[4:])
        packed = _FORMATS.get(dtype_of(number), "B")
        count = math.prod(shape)
        if not 0 <= count <= _MOST:
            raise self._wrong()
        values = self._list("]", self._number) if self._take("[") else [self._number()] * count
        return struct.pack(f"<{len(values)}{packed}", *(v if packed in "fe" else int(v) for v in values))

    def _number(self) -> float:
        if self.kind != "number":
            raise self._wrong()
        token = self._next()
        return float(token) if re.search(r"[.a-z]", token) else int(token)

    def _dtype(self) -> int:
        word = self._next()
        if word == "type":
            return int(self._next())
        found = dtype_number(DType.parse(word) or DType.INVALID)
        if found is None:
            raise InputError(f"UFF has no type {word!r}", where=self._where, remedy="Write type 7 for such a type")
        return found

    def _value(self) -> Data:
        if self.kind == "hex":
            return Data.blob(bytes.fromhex(self._next()[4:]))
        if self.kind == "string":
            return Data.s(json.loads(self._next()))
        if self.kind == "number":
            found = self._number()
            return Data.d(found) if isinstance(found, float) else Data.i(found)
        if self._take("["):
            return self._list_of(self._list("]", self._value))
        read = _WORDS.get(self.token) if self.kind == "word" else None
        if read is not None:
            self._next()
            return read(self)
        if self.kind != "word":
            raise self._wrong()
        return Data.dtype(self._dtype())

    def _list_of(self, values: list[Data]) -> Data:
        members = {v.member for v in values} or {"i"}
        if members == {"i", "d"}:
            members = {"d"}
        if len(members) != 1 or not members <= {"i", "d", "b", "s", "dtype"}:
            raise self._wrong()
        member = members.pop()
        return Data(f"{member}_list", tuple(float(v.value) if member == "d" else v.value for v in values))

    def reference(self) -> Data:
        """``ref(key)``, behind its word."""
        self._expect("(")
        return Data.ref(self._list(")", self._name)[0])

    def order(self) -> Data:
        """``order(N+C)``, behind its word."""
        self._expect("(")
        return Data.dim_orders(self._list(")", self._one_order)[0][1])

    def orders(self) -> Data:
        """``orders(N+C, +CK)``, behind its word, filed under the key that the converter gives."""
        self._expect("(")
        found = self._list(")", self._one_order)
        key = orders_key(letters for letters, _ in found)
        self._model.references[key] = Data.dim_orders_list(order for _, order in found)
        return Data.ref(key)

    def _one_order(self) -> tuple[str, Order]:
        if self._take("("):
            if self._take(")"):
                return "", ()
            key = int(self._next())
            self._expect(":")
            items: list[int] = []
            while not self._take(")"):
                items.append(int(self._next()))
            return str(items), ((key, tuple(items)),)
        letters = self._next()
        try:
            return letters, encode_order(letters)
        except ValueError as e:
            raise InputError(str(e), where=self._where, remedy="Write it as (-1: 0 1)") from e


_WORDS: dict[str, Callable[[_Line], Data]] = {
    "ref": _Line.reference,
    "order": _Line.order,
    "orders": _Line.orders,
    "true": lambda line: Data.b(True),
    "false": lambda line: Data.b(False),
    "nothing": lambda line: EMPTY,
}
