"""Sliding windows: where convolutions and pools pad, and how large their outputs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphdoctor.ir import TensorSpec
from graphdoctor.ops.attributes import HasAttrs, ints_attr
from graphdoctor.ops.base import InferError, Lowering
from graphdoctor.types import Dim, Shape

_LAST = ("NHWC", "NDHWC")
_FIRST = ("NCHW", "NCDHW")
_PADDINGS = ("SAME", "VALID", "EXPLICIT")


@dataclass(frozen=True, slots=True)
class Format:
    """In which order the dimensions of a rank-``rank`` tensor stand.

    Attributes:
        rank: batch, channels and the spatial dimensions.
        stated_last: attributes and small inputs (``strides``, ``input_sizes``) have channels last.
        data_last: the data have channels last; differs where the layout pass turned the data alone.
    """

    rank: int
    stated_last: bool
    data_last: bool

    @property
    def channel(self) -> int:
        """The axis of the channels in the data."""
        return self.rank - 1 if self.data_last else 1

    def spatial(self, dims: Sequence[Any]) -> tuple[Any, ...]:
        """The spatial ones of the data's dimensions."""
        return tuple(dims[1:-1]) if self.data_last else tuple(dims[2:])

    def stated_spatial(self, items: Sequence[Any]) -> tuple[Any, ...]:
        """The spatial ones of items that stand in the order of the attributes."""
        return tuple(items[1:-1]) if self.stated_last else tuple(items[2:])

    def stated_channel(self, items: Sequence[Any]) -> Any:
        """The channels' item of items that stand in the order of the attributes."""
        return items[-1] if self.stated_last else items[1]

    def shape(self, batch: Dim, channels: Dim, spatial: Sequence[Dim]) -> Shape:
        """A shape of the data."""
        return (batch, *spatial, channels) if self.data_last else (batch, channels, *spatial)


def format_of(node: HasAttrs, rank: int) -> Format:
    """The order that ``data_format`` and the layout pass's ``_layout`` give.

    Raises:
        InferError: ``data_format`` is none that has ``rank`` dimensions.
    """
    stated = node.attr("data_format") or ("NHWC" if rank == 4 else "NDHWC")
    if stated not in (*_LAST, *_FIRST) or len(stated) != rank:
        raise InferError(f"data_format {stated!r} is none of {_LAST[rank - 4]} and {_FIRST[rank - 4]}")
    last = stated in _LAST
    return Format(rank, last, last and node.attr("_layout") != "NCHW")


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over the spatial dimensions; one item per spatial dimension in each tuple."""

    kernel: tuple[Dim, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: str
    explicit: tuple[tuple[int, int], ...] = ()

    def output(self, sizes: Sequence[Dim]) -> tuple[Dim, ...]:
        """Output sizes for input ``sizes``.

        Raises:
            InferError: the window does not fit into the input.
        """
        return tuple(self._output(axis, size) for axis, size in enumerate(sizes))

    def _output(self, axis: int, size: Dim) -> Dim:
        stride, span = self.strides[axis], self.span(axis)
        if size is None or (span is None and self.padding != "SAME"):
            return None
        if self.padding == "SAME" or span is None:
            return -(-size // stride)
        before, after = self.explicit[axis] if self.explicit else (0, 0)
        room = size + before + after - span
        if room < 0:
            raise InferError(f"a window of {span} does not fit into a dimension of {size}")
        return room // stride + 1

    def span(self, axis: int) -> Dim:
        """Elements from the first to the last one that the window covers."""
        kernel = self.kernel[axis]
        return None if kernel is None else (kernel - 1) * self.dilations[axis] + 1

    def pads(self, sizes: Sequence[Dim]) -> list[tuple[int, int] | None]:
        """Padding before and after each dimension, as TensorFlow does it; ``None`` where it depends on the size.

        SAME pads so that the output has ``ceil(size / stride)`` elements, and one more after than before.
        """
        if self.padding == "EXPLICIT":
            return list(self.explicit)
        if self.padding == "VALID":
            return [(0, 0)] * len(self.strides)
        return [self._same(axis, size) for axis, size in enumerate(sizes)]

    def _same(self, axis: int, size: Dim) -> tuple[int, int] | None:
        stride, span = self.strides[axis], self.span(axis)
        if span == 1:
            return (0, 0)
        if span is None or (size is None and stride != 1):
            return None
        whole = span - 1 if size is None else (-(-size // stride) - 1) * stride + span - size
        total = max(whole, 0)
        return (total // 2, total - total // 2)

    def onnx_padding(self, low: Lowering, sizes: Sequence[Dim]) -> dict[str, Any]:
        """ONNX's ``pads``, or ``auto_pad`` where SAME depends on a size that is not known.

        Raises:
            CannotLowerError: ONNX cannot say it.
        """
        pads = self.pads(sizes)
        known = [p for p in pads if p is not None]
        if len(known) == len(pads):
            return {"pads": [p[0] for p in known] + [p[1] for p in known]}
        if any(d != 1 for d in self.dilations):
            low.fail("SAME padding of a dilated window depends on the input's size, which is unknown")
        if any((self.span(axis) or 1) < stride for axis, stride in enumerate(self.strides)):
            # ONNX Runtime computes a negative padding and stops.
            low.fail("SAME padding of a window smaller than its stride depends on the input's size, which is unknown")
        return {"auto_pad": "SAME_UPPER"}


def window_of(node: HasAttrs, form: Format, kernel: tuple[Dim, ...], strides: Sequence[Dim] | None = None) -> Window:
    """The window that ``padding``, ``strides``, ``dilations`` and ``explicit_paddings`` describe.

    Args:
        node: has the attributes.
        form: order of the attributes.
        kernel: spatial sizes of the window.
        strides: in the order of the attributes, instead of the attribute.

    Raises:
        InferError: an attribute contradicts the op.
    """
    steps = per_dim(node, "strides", form) if strides is None else tuple(strides)
    dilations = per_dim(node, "dilations", form) if node.attr("dilations") else (1,) * form.rank
    for what, items in (("strides", steps), ("dilations", dilations)):
        if items[0] != 1 or form.stated_channel(items) != 1:
            raise InferError(f"{what} over batch or channels must be 1, not {list(items)}")
    padding = node.attr("padding")
    if padding not in _PADDINGS:
        raise InferError(f"padding {padding!r} is none of {', '.join(_PADDINGS)}")
    explicit = _explicit(node, form) if padding == "EXPLICIT" else ()
    return Window(kernel, form.stated_spatial(steps), form.stated_spatial(dilations), padding, explicit)


def per_dim(node: HasAttrs, key: str, form: Format) -> tuple[int, ...]:
    """An attribute with one positive integer per dimension.

    Raises:
        InferError: it has another length, or an element below 1.
    """
    items = ints_attr(node, key)
    if len(items) != form.rank or min(items) < 1:
        raise InferError(f"{key} {list(items)} are not {form.rank} positive integers")
    return items


def _explicit(node: HasAttrs, form: Format) -> tuple[tuple[int, int], ...]:
    items = ints_attr(node, "explicit_paddings")
    if len(items) != 2 * form.rank or min(items) < 0:
        raise InferError(f"explicit_paddings {list(items)} are not {2 * form.rank} integers from 0")
    pairs = list(zip(items[::2], items[1::2], strict=True))
    if pairs[0] != (0, 0) or form.stated_channel(pairs) != (0, 0):
        raise InferError("explicit_paddings over batch or channels must be 0")
    return form.stated_spatial(pairs)


def channels_first(low: Lowering, name: str, form: Format) -> str:
    """The data ``name`` with channels first; a Transpose where the layout pass left channels last."""
    if not form.data_last:
        return name
    return low.op("Transpose", [name], hint="to_nchw", perm=[0, form.rank - 1, *range(1, form.rank - 1)])


def channels_back(low: Lowering, name: str, form: Format) -> str:
    """The result ``name``, which has channels first, in the layout of the data."""
    if not form.data_last:
        return name
    return low.op("Transpose", [name], hint="to_nhwc", perm=[0, *range(2, form.rank), 1])


def spatial_sizes(spec: TensorSpec, form: Format) -> tuple[Dim, ...]:
    """The spatial sizes of ``spec``, unknown ones where its rank is."""
    if spec.shape is None or len(spec.shape) != form.rank:
        return (None,) * (form.rank - 2)
    return form.spatial(spec.shape)
