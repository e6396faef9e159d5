"""Attribute values as Python values, and back.

===========  ==========================================================================
AttrValue    Python
===========  ==========================================================================
s            str (UTF-8; bytes that are not become surrogate escapes)
i, f, b      int, float, bool
type         DType; a reference type RefDType; a number without a name UnknownDType
shape        ShapeValue
tensor       Tensor
list         tuple of one of the above (an empty one does not say of which)
func         FuncRef
placeholder  AttrPlaceholder
nothing set  None
otherwise    AttrOpaque: kept as it came
===========  ==========================================================================

``encode(decode(x)) == x`` for every AttrValue, bit for bit; fields that a later TensorFlow may put beside the
value are the exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError, Message

from graphdoctor.errors import InputError
from graphdoctor.types import DType, Shape, dims_text
from graphdoctor.wire import scan
from graphdoctor.wire.messages import AttrValue, NameAttrList, TensorShapeProto
from graphdoctor.wire.tensors import Tensor

_REF = 100
_F = 4  # the field f, of AttrValue and of ListValue
_F_TAG = b"\x25"  # AttrValue.f on the wire: field 4, four bytes
_NAN = b"\x00\x00\xc0\x7f"  # the bits that Python's nan becomes


@dataclass(frozen=True, slots=True)
class UnknownDType:
    """A dtype number that no known TensorFlow has."""

    number: int

    @property
    def label(self) -> str:
        """``dtype 77``."""
        return f"dtype {self.number}"


@dataclass(frozen=True, slots=True)
class RefDType:
    """A reference to ``base``, what a TensorFlow 1 variable gives; ``number`` is ``base`` + 100."""

    number: int

    @property
    def base(self) -> DType:
        """The dtype referred to."""
        return DType(self.number - _REF)

    @property
    def label(self) -> str:
        """``float32 reference``."""
        return f"{self.base.label} reference"


@dataclass(frozen=True, slots=True)
class ShapeValue:
    """A shape. ``names`` are the dimensions' names, one each, or empty where none has one."""

    dims: Shape
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return dims_text(self.dims)


@dataclass(frozen=True, slots=True)
class FuncRef:
    """A function of the library and the attributes it is called with."""

    name: str
    attrs: Mapping[str, AttrPy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttrPlaceholder:
    """Inside a function: the attribute ``name`` of the caller."""

    name: str


@dataclass(frozen=True, slots=True)
class AttrOpaque:
    """An AttrValue that cannot be said otherwise, as it came."""

    data: bytes


class NanBits(float):
    """A float32 NaN whose bits Python's float would not keep."""

    bits: bytes

    def __new__(cls, bits: bytes) -> NanBits:
        """The NaN with these four bytes, little-endian."""
        made = super().__new__(cls, "nan")
        made.bits = bits
        return made

    def __getnewargs__(self) -> tuple[bytes]:  # type: ignore[override]
        return (self.bits,)


AttrScalar: TypeAlias = (
    str
    | int
    | float
    | bool
    | DType
    | UnknownDType
    | RefDType
    | ShapeValue
    | Tensor
    | FuncRef
    | AttrPlaceholder
    | AttrOpaque
    | None
)
AttrPy: TypeAlias = AttrScalar | tuple[AttrScalar, ...]
"""An attribute value in Python."""


def decode(attr: AttrValue) -> AttrPy:
    """``attr`` in Python form; a constant stays undecoded."""
    kind = attr.WhichOneof("value")
    if kind is None:
        return AttrOpaque(attr.SerializeToString()) if attr.ByteSize() else None
    if kind == "list":
        return _decode_list(attr)
    if kind == "f":
        return _decode_floats([attr.f], attr)[0]
    if kind == "shape" and not _sayable(attr.shape):
        return AttrOpaque(attr.SerializeToString())
    made: AttrScalar = _DECODERS[kind](getattr(attr, kind))
    return made


def encode(value: AttrPy | Sequence[Any], like: AttrValue | None = None) -> AttrValue:
    """``value`` as a new AttrValue; lists and numpy scalars will do as well.

    ``like``, the attribute's former value, decides where Python alone is ambiguous: an int stays a float, and
    a tuple of dimensions, the empty one too, stays a shape.

    Raises:
        InputError: no attribute can hold ``value``.
    """
    attr = AttrValue()
    try:
        if isinstance(value, (tuple, list)):
            _fill_list(attr, tuple(value), like)
        elif isinstance(value, (AttrOpaque, NanBits)):
            attr.MergeFromString(value.data if isinstance(value, AttrOpaque) else _F_TAG + value.bits)
        elif value is not None:
            _set(attr, *_wire(value, like is not None and like.WhichOneof("value") == "f"))
    except (TypeError, ValueError, DecodeError) as e:
        raise InputError(
            f"an attribute cannot hold {value!r:.200}: {e}",
            remedy="Give a value that TensorFlow's AttrValue has",
        ) from e
    return attr


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _dtype(number: int) -> DType | RefDType | UnknownDType:
    known = DType._value2member_map_
    if number in known:
        return DType(number)
    return RefDType(number) if number > _REF and number - _REF in known else UnknownDType(number)


def _sayable(shape: TensorShapeProto) -> bool:
    """False where an unknown rank comes with dimensions, which ShapeValue has no form for."""
    return not (shape.unknown_rank and len(shape.dim))


def _shape(proto: TensorShapeProto) -> ShapeValue:
    if proto.unknown_rank:
        return ShapeValue(None)
    names = tuple(d.name for d in proto.dim)
    return ShapeValue(tuple(None if d.size == -1 else d.size for d in proto.dim), names if any(names) else ())


def _func(proto: NameAttrList) -> FuncRef:
    return FuncRef(proto.name, {k: decode(v) for k, v in sorted(proto.attr.items())})


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "s": _text,
    "i": int,
    "b": bool,
    "type": _dtype,
    "shape": _shape,
    "tensor": Tensor.from_payload,
    "placeholder": AttrPlaceholder,
    "func": _func,
}


def _decode_list(attr: AttrValue) -> AttrPy:
    filled = attr.list.ListFields()
    if not filled:
        return AttrOpaque(attr.SerializeToString()) if attr.list.ByteSize() else ()
    kind, items = filled[0][0].name, filled[0][1]
    if len(filled) > 1 or (kind == "shape" and not all(map(_sayable, items))):
        return AttrOpaque(attr.SerializeToString())
    return _decode_floats(items, attr.list) if kind == "f" else tuple(map(_DECODERS[kind], items))


def _decode_floats(values: Sequence[float], message: AttrValue | AttrValue.ListValue) -> tuple[float, ...]:
    """``values`` of the field ``f`` of ``message``; a NaN with its bits, which a double may not keep."""
    if all(v == v for v in values):
        return tuple(values)
    data = message.SerializeToString()
    wire_type = scan.FIXED32 if isinstance(message, AttrValue) else scan.LEN
    place = next(f for f in scan.fields(data) if (f.number, f.wire_type) == (_F, wire_type))
    bits = [data[i : i + 4] for i in range(place.start, place.end, 4)]
    return tuple(v if v == v or b == _NAN else NanBits(b) for v, b in zip(values, bits, strict=True))


def _set(attr: AttrValue, kind: str, wire: Any) -> None:
    if isinstance(wire, Message):
        getattr(attr, kind).CopyFrom(wire)
        getattr(attr, kind).SetInParent()
    else:
        setattr(attr, kind, wire)


def _fill_list(attr: AttrValue, values: tuple[Any, ...], like: AttrValue | None) -> None:
    kind = like.WhichOneof("value") if like is not None else None
    if kind == "shape":
        _set(attr, "shape", _shape_proto(ShapeValue(values)))
        return
    attr.list.SetInParent()
    if any(isinstance(v, NanBits) for v in values):
        attr.list.MergeFromString(scan.encode_field(_F, b"".join(map(_float_bytes, values))))
        return
    as_float = like is not None and kind == "list" and len(like.list.f) > 0
    wires = [_wire(v, as_float) for v in values]
    kinds = {kind for kind, _ in wires}
    if len(kinds) > 1 or "placeholder" in kinds:
        raise TypeError(f"a list holds values of one kind, not {', '.join(sorted(kinds))}")
    if kinds:
        getattr(attr.list, kinds.pop()).extend(wire for _, wire in wires)


def _float_bytes(value: Any) -> bytes:
    return value.bits if isinstance(value, NanBits) else np.float32(value).tobytes()


def _wire(value: Any, as_float: bool) -> tuple[str, Any]:
    """The AttrValue field for ``value`` and what protobuf wants there; bool and DType come first, being ints."""
    if isinstance(value, (bool, np.bool_)):
        return "b", bool(value)
    if isinstance(value, DType):
        return "type", int(value)
    if isinstance(value, (RefDType, UnknownDType)):
        return "type", value.number
    if isinstance(value, (int, np.integer)):
        return ("f", float(value)) if as_float else ("i", int(value))
    if isinstance(value, (float, np.floating)):
        return "f", float(value)
    if isinstance(value, (str, bytes)):
        return "s", value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return _wire_record(value)


def _wire_record(value: Any) -> tuple[str, Any]:
    if isinstance(value, Tensor):
        return "tensor", value.to_payload()
    if isinstance(value, ShapeValue):
        return "shape", _shape_proto(value)
    if isinstance(value, FuncRef):
        func = NameAttrList(name=value.name)
        for key, item in value.attrs.items():
            func.attr[key].CopyFrom(encode(item))
        return "func", func
    if isinstance(value, AttrPlaceholder):
        return "placeholder", value.name
    raise TypeError(f"{type(value).__name__} is no kind of attribute")


def _shape_proto(shape: ShapeValue) -> TensorShapeProto:
    if shape.dims is None:
        return TensorShapeProto(unknown_rank=True)
    proto = TensorShapeProto()
    for dim in shape.dims:
        proto.dim.add(size=-1 if dim is None else dim)
    for made, name in zip(proto.dim, shape.names, strict=False):
        made.name = name
    return proto
