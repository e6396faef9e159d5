"""Constants, held as they came and decoded when asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphdoctor.types import Array, DType, dims_text
from graphdoctor.wire import scan
from graphdoctor.wire import tensor_values as stored
from graphdoctor.wire.messages import TensorShapeProto
from graphdoctor.wire.tensor_values import REMEDY, TensorError
from graphdoctor.words import plural

__all__ = ["MAX_EXPANDED_BYTES", "Tensor", "TensorError"]

MAX_EXPANDED_BYTES = 256 << 20
"""How large ``array()`` makes a constant whose values are stored in part; a single value takes no memory."""


class Tensor:
    """A constant: dtype, shape and values, immutable.

    Two are equal when dtype, shape and the bits of all values are, however they are stored. Everything but
    ``payload`` and ``nbytes_stored`` may raise :class:`TensorError` on a damaged constant; ``==``, ``hash``
    and ``digest()`` then go by the payload.
    """

    __slots__ = ("_header", "_payload", "_values")

    def __init__(self, payload: bytes | memoryview | None, header: stored.Header | None, values: Array | None) -> None:
        """Use :meth:`from_payload` or :meth:`from_array`."""
        self._payload = payload
        self._header = header
        self._values = values

    @classmethod
    def from_payload(cls, payload: bytes | memoryview) -> Tensor:
        """The constant in a serialized TensorProto; nothing is decoded or copied yet."""
        return cls(payload, None, None)

    @classmethod
    def from_array(cls, array: npt.ArrayLike, dtype: DType | None = None) -> Tensor:
        """A constant with the values of ``array``, converted to ``dtype`` where given.

        An array that owns its memory is taken over and made read-only; a broadcast single value stays one.

        Raises:
            TensorError: no constant can hold such elements.
        """
        given = np.asarray(array)
        kind = DType.from_numpy(given.dtype) if dtype is None else dtype
        one = given.size > 1 and all(s == 0 for s, d in zip(given.strides, given.shape, strict=True) if d > 1)
        values = _convert(given[(0,) * given.ndim].reshape(1) if one else given.reshape(-1), kind)
        if given.flags.writeable and np.may_share_memory(values, given):
            if given.base is None:
                given.flags.writeable = False
            else:
                values = values.copy()
        values.flags.writeable = False
        return cls(None, stored.Header(kind, given.shape, False, None), values)

    @property
    def dtype(self) -> DType:
        """The element type; known without decoding the values."""
        return stored.known_dtype(self._head().dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions, outermost first, all known; without decoding the values."""
        return stored.known_shape(self._head())

    @property
    def element_count(self) -> int:
        """The number of elements that the shape says, however few are stored."""
        return stored.count(self.shape)

    @property
    def payload(self) -> bytes | None:
        """The serialized TensorProto as it came, ``None`` for a constant made from an array."""
        return None if self._payload is None else bytes(self._payload)

    @property
    def nbytes_stored(self) -> int:
        """Bytes that the constant takes in the file (near enough where it was made from an array)."""
        if self._payload is not None:
            return len(self._payload)
        values = self._stored()
        return sum(map(len, values)) if values.dtype.kind == "O" else values.nbytes

    @property
    def is_splat(self) -> bool:
        """True where one stored value stands for more than one element."""
        return self.element_count > 1 and len(self._stored()) == 1

    def array(self) -> Array:
        """The values in the constant's shape, read-only; bfloat16 and float8 as float32, strings as bytes.

        Values stored whole are not copied, and one repeated value is a broadcast view: neither takes memory.

        Raises:
            TensorError: the constant contradicts itself, has no values (resource, variant), repeats its last
                value into more than :data:`MAX_EXPANDED_BYTES`, or has more dimensions than numpy can hold.
        """
        shape, values = self.shape, self._stored()
        try:
            if len(values) == self.element_count:
                return values.reshape(shape)
            if len(values) == 1:
                return np.broadcast_to(values.reshape(()), shape)
        except ValueError as e:
            raise TensorError(f"numpy cannot hold the shape {dims_text(shape)}: {e}", remedy=REMEDY) from e
        return self._expand(values).reshape(shape)

    def to_payload(self) -> bytes:
        """A serialized TensorProto: the original bytes where there are any, else values in tensor_content.

        Strings go to string_val; a single repeated value to the list field of the dtype.

        Raises:
            TensorError: the constant is over protobuf's 2 GiB.
        """
        if self._payload is not None:
            return bytes(self._payload)
        shape = TensorShapeProto()
        for dim in self.shape:
            shape.dim.add(size=dim)
        head = scan.encode_varint(1 << 3) + scan.encode_varint(self.dtype)
        head += scan.encode_field(2, shape.SerializeToString())
        return b"".join([head, *_data_fields(self._stored(), self.dtype, self.element_count)])

    def digest(self) -> str:
        """sha256 (hex) over dtype, shape and values; equal constants have equal digests."""
        import hashlib

        try:
            head = f"{int(self.dtype)} {self.shape} ".encode()
            bits = self._bits()
        except TensorError:
            return hashlib.sha256(b"damaged " + bytes(self._payload or b"")).hexdigest()
        hashed = hashlib.sha256(head)
        for item in [bits.tobytes()] if isinstance(bits, np.ndarray) else bits:
            hashed.update(f"{len(item)} ".encode())
            hashed.update(item)
        return hashed.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        if self is other or (self._payload is not None and self._payload == other._payload):
            return True
        try:
            if (self.dtype, self.shape) != (other.dtype, other.shape):
                return False
            mine, others = self._bits(), other._bits()
        except TensorError:
            return False
        return np.array_equal(mine, others) if isinstance(mine, np.ndarray) else mine == others

    def __hash__(self) -> int:
        try:
            return hash((self.dtype, self.shape))
        except TensorError:
            return hash(self._payload)

    def __repr__(self) -> str:
        try:
            said = f"{self.dtype.label}{dims_text(self.shape)}"
        except TensorError as e:
            said = f"damaged: {e.message}"
        return f"<Tensor {said}, {self.nbytes_stored} bytes stored>"

    def _head(self) -> stored.Header:
        if self._header is None:
            self._header = stored.read_header(self._payload or b"")
        return self._header

    def _stored(self) -> Array:
        """The stored values, one-dimensional; see :func:`tensor_values.stored_values`."""
        if self._values is None:
            self._values = stored.stored_values(self._payload or b"", self._head())
            self._values.flags.writeable = False
        return self._values

    def _expand(self, values: Array) -> Array:
        """All values, the last stored one repeated to the end."""
        n = self.element_count
        if n * values.itemsize > MAX_EXPANDED_BYTES:
            raise TensorError(
                f"the constant stores {plural(len(values), 'value')} and claims {n} of {self.dtype.label}, "
                f"over {MAX_EXPANDED_BYTES >> 20} MiB",
                remedy=REMEDY,
            )
        out = np.empty(n, values.dtype)
        out[: len(values)] = values
        out[len(values) :] = values[-1]
        out.flags.writeable = False
        return out

    def _bits(self) -> Array | list[bytes]:
        """The values' bits without the repeats at the end: the same for equal constants."""
        values = self._stored()
        if values.dtype.kind == "O":
            texts: list[bytes] = values.tolist()
            while len(texts) > 1 and texts[-1] == texts[-2]:
                texts.pop()
            return texts
        words = max(values.itemsize // 8, 1)
        bits = values.view(f"u{values.itemsize // words}").reshape(-1, words)
        differing = np.flatnonzero((bits != bits[-1:]).any(axis=1))
        return bits[: int(differing[-1]) + 2 if len(differing) else 1]


def _convert(values: Array, dtype: DType) -> Array:
    """``values`` (one-dimensional) as :func:`tensor_values.stored_values` would give them for ``dtype``."""
    if dtype is DType.STRING:
        return _as_bytes(values)
    if dtype is DType.BFLOAT16:
        return _round_to_bfloat16(np.ascontiguousarray(values, np.float32))
    if dtype is DType.INVALID or dtype.name.startswith("FLOAT8"):
        raise TensorError(
            f"a constant cannot be made of {values.dtype} as {dtype.label}", remedy="Convert the array first"
        )
    return stored.widen(np.ascontiguousarray(values, stored.storage(dtype)), dtype)


def _as_bytes(values: Array) -> Array:
    out = np.empty(len(values), object)
    for i, item in enumerate(values.tolist()):
        if not isinstance(item, (str, bytes)):
            raise TensorError(
                f"a constant of strings cannot hold {type(item).__name__}", remedy="Convert the array first"
            )
        out[i] = item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item
    return out


def _round_to_bfloat16(values: Array) -> Array:
    """float32 with the bits that bfloat16 has, rounded to nearest, ties to even; NaN stays NaN."""
    bits = values.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    kept = np.where(np.isnan(values), bits & 0xFFFF0000 | 0x00400000, rounded)
    return kept.astype(np.uint32).view(np.float32)


def _data_fields(values: Array, dtype: DType, n: int) -> list[bytes | memoryview]:
    """The TensorProto fields that hold ``values``, as pieces, so that large data are copied once."""
    number = stored.LISTS[dtype][0]
    if n == 0:
        return []
    if dtype is DType.STRING:
        return [scan.encode_field(number, item) for item in values.tolist()]
    bits = np.right_shift(values.view(np.uint32), 16).astype("<u2") if dtype is DType.BFLOAT16 else values
    if len(values) == n:
        data = bits.view(np.uint8).data
        if len(data) >= 1 << 31:
            raise TensorError("a constant is over protobuf's 2 GiB", remedy="Split the weights")
        return [scan.encode_varint(4 << 3 | scan.LEN), scan.encode_varint(len(data)), data]
    if dtype in stored.FIXED_WIDTH:
        return [scan.encode_field(number, bits.tobytes())]
    whole = int(bits.view(np.uint16)[0] if dtype is DType.HALF else bits[0])
    return [scan.encode_field(number, scan.encode_varint(whole & 0xFFFF_FFFF_FFFF_FFFF))]
