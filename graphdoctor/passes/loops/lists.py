"""Tensor arrays of TensorFlow 1 and tensor lists of TensorFlow 2, as lists of values that are known one by one.

Facts of the ops are TensorFlow's (core/ops/data_flow_ops.cc, list_ops.cc; core/kernels/tensor_array.h, and
tensor_array_ops.cc). An element that was never written is zero where the array says the whole shape of its elements,
and is not read otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphdoctor.ir import Node, TensorSpec
from graphdoctor.passes.loops.form import LoopError
from graphdoctor.passes.loops.simulate import Copies, ListOp, Values
from graphdoctor.passes.loops.values import DEAD, Items, Out, Val
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue

MOST_ELEMENTS = 100_000
"""Elements that a list may have."""
_MOST_ZEROS = 1 << 20
"""Numbers that an element may have which was never written."""


def _ints(value: Val, what: str) -> list[int]:
    """The integers that ``value`` is.

    Raises:
        LoopError: they are not known before the graph runs; ``what`` says of what they decide.
    """
    if value.known is None:
        raise LoopError(f"{what} depends on what is fed")
    return [int(i) for i in value.known.reshape(-1)]


def _int(value: Val, what: str) -> int:
    found = _ints(value, what)
    if len(found) != 1:
        raise LoopError(f"{what} is not one number")
    return found[0]


def _number(count: int) -> Val:
    return Val(TensorSpec(DType.INT32, (), np.asarray(count, np.int32)))


def _type(node: Node, key: str) -> DType:
    found = node.attr(key)
    return found if isinstance(found, DType) else DType.INVALID


def _items(node: Node, value: Val, handle: Val | None = None) -> Items:
    """The list that ``value`` is.

    Raises:
        LoopError: where it comes from is not known, or it belongs to another array than ``handle``.
    """
    if value.items is None:
        raise LoopError(f"where the array of {node.op} {node.name} comes from is not known")
    if handle is not None and handle.handle is not value.items.source:
        raise LoopError(f"{node.op} {node.name} has the order of one array and the handle of another")
    return value.items


# ---- elements ----------------------------------------------------------------------------------------------


def _element(node: Node, items: Items, place: int) -> Val:
    found = items.get(place) if 0 <= place < items.size else None
    if found is None and 0 <= place < items.size:
        found = _zeros(items)
    if found is None:
        raise LoopError(f"{node.name} reads element {place} of {items.source.name}, which was never written")
    return found


def _zeros(items: Items) -> Val | None:
    """What an array of TensorFlow 1 gives for an element that was never written, where it knows its shape."""
    shape = items.source.attr("element_shape")
    dims = shape.dims if isinstance(shape, ShapeValue) else None
    if dims is None or None in dims or items.dtype.numpy is None or items.dtype is DType.STRING:
        return None
    zeros = np.zeros([d or 0 for d in dims], items.dtype.numpy)
    return Val(TensorSpec(items.dtype, zeros.shape, zeros)) if zeros.size <= _MOST_ZEROS else None


def _put(node: Node, items: Items, place: int, value: Val, *, once: bool) -> Items:
    grows = not items.fixed or bool(node.attr("resize_if_index_out_of_bounds", False))
    if place < 0 or (place >= items.size and not grows) or place >= MOST_ELEMENTS:
        raise LoopError(f"{node.name} writes element {place} of {items.source.name}, which has {items.size}")
    if once and items.get(place) is not None:
        raise LoopError(f"{node.name} writes element {place} of {items.source.name} again")
    if value.items is not None or value.handle is not None:
        raise LoopError(f"{node.name} puts a list into a list")
    return items.put(place, value)


def _rows(copies: Copies, value: Val, count: int, node: Node) -> Values:
    """The parts of ``value`` along its first dimension, which has ``count``."""
    known, shape = value.known, value.spec.shape
    if shape is not None and (not shape or shape[0] not in (None, count)):
        raise LoopError(f"{node.name} makes {count} elements of {value.spec}")
    if known is not None:
        return tuple(Val(TensorSpec(value.spec.dtype, row.shape, np.array(row))) for row in known)
    dtype = value.spec.dtype if value.spec.dtype is not DType.INVALID else _type(node, "T")
    if count == 1:
        made = copies.add(f"{node.name}/row", "Squeeze", [value], {"T": dtype, "squeeze_dims": (0,)}, node)
    elif count:
        made = copies.add(f"{node.name}/rows", "Unpack", [value], {"T": dtype, "num": count, "axis": 0}, node)
    else:
        return ()
    if isinstance(made[0].ref, Out):
        copies.parted[made[0].ref.key] = value, count
    return made


def _packed(copies: Copies, values: Sequence[Val], dtype: DType, node: Node, key: str, element: object) -> Val:
    """``values`` along a new first dimension; ``element`` is the shape of one, for the case that there is none."""
    if not values:
        dims = element.dims if isinstance(element, ShapeValue) else None
        if dims is None or any(d is None for d in dims) or dtype.numpy is None:
            raise LoopError(f"{node.name} joins no elements, and their shape is not known")
        empty = np.empty((0, *(d or 0 for d in dims)), dtype.numpy)
        return Val(TensorSpec(dtype, empty.shape, empty))
    whole = _whole(copies, values)
    if whole is not None:
        return whole
    if len(values) == 1:
        attrs = {"T": dtype, "Tdim": DType.INT32}
        return copies.add(key, "ExpandDims", [values[0], _number(0)], {**attrs}, node)[0]
    return copies.add(key, "Pack", values, {"T": dtype, "N": len(values), "axis": 0}, node)[0]


def _whole(copies: Copies, values: Sequence[Val]) -> Val | None:
    """The value of which ``values`` are all the parts, in order."""
    ref = values[0].ref
    parted = copies.parted.get(ref.key) if isinstance(ref, Out) else None
    if parted is None or not isinstance(ref, Out) or parted[1] != len(values):
        return None
    return parted[0] if all(v.ref == Out(ref.key, i) for i, v in enumerate(values)) else None


# ---- tensor arrays of TensorFlow 1 -------------------------------------------------------------------------


def _array(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    size = _int(inputs[0], f"the size of {node.name}")
    if not 0 <= size <= MOST_ELEMENTS:
        raise LoopError(f"{node.name} has {size} elements")
    items = Items(node, size, _type(node, "dtype"), fixed=not node.attr("dynamic_size", False))
    return Val(handle=node), Val(items=items)


def _write(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[3], inputs[0])
    place = _int(inputs[1], f"which element {node.name} writes")
    return (Val(items=_put(node, items, place, inputs[2], once=True)),)


def _scatter(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[3], inputs[0])
    places = _ints(inputs[1], f"which elements {node.name} writes")
    for place, row in zip(places, _rows(copies, inputs[2], len(places), node), strict=True):
        items = _put(node, items, place, row, once=True)
    return (Val(items=items),)


def _split(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[3], inputs[0])
    lengths, count = inputs[2], len(_ints(inputs[2], f"how {node.name} cuts"))
    if not count:
        return (Val(items=items),)
    attrs = {"T": inputs[1].spec.dtype, "Tlen": lengths.spec.dtype, "num_split": count}
    for place, part in enumerate(copies.add(key, "SplitV", [inputs[1], lengths, _number(0)], {**attrs}, node)):
        items = _put(node, items, place, part, once=True)
    return (Val(items=items),)


def _read(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[2], inputs[0])
    return (_element(node, items, _int(inputs[1], f"which element {node.name} reads")),)


def _gather(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[2], inputs[0])
    return (_gathered(copies, node, items, inputs[1], key, node.attr("element_shape")),)


def _gathered(copies: Copies, node: Node, items: Items, indices: Val, key: str, element: object) -> Val:
    places = _ints(indices, f"which elements {node.name} reads")
    dims = element.dims if isinstance(element, ShapeValue) else None
    if dims is None or None in dims:
        element = items.source.attr("element_shape")
    return _packed(copies, [_element(node, items, i) for i in places], items.dtype, node, key, element)


def _concat(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[1], inputs[0])
    values = [_element(node, items, i) for i in range(items.size)]
    if not values:
        raise LoopError(f"{node.name} joins no elements")
    if len(values) == 1:
        return values[0], DEAD
    attrs = {"T": items.dtype, "Tidx": DType.INT32, "N": len(values)}
    return *copies.add(key, "ConcatV2", [*values, _number(0)], {**attrs}, node)[:1], DEAD


def _size(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    return (_number(_items(node, inputs[1], inputs[0]).size),)


# ---- tensor lists of TensorFlow 2 --------------------------------------------------------------------------


def _reserve(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    size = _int(inputs[1], f"the size of {node.name}")
    if not 0 <= size <= MOST_ELEMENTS:
        raise LoopError(f"{node.name} has {size} elements")
    return (Val(items=Items(node, size, _type(node, "element_dtype"))),)


def _empty_list(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    return (Val(items=Items(node, 0, _type(node, "element_dtype"), fixed=False)),)


def _from_tensor(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    shape = inputs[0].spec.shape
    count = shape[0] if shape else None
    if count is None:
        raise LoopError(f"how many elements {node.name} gives is not known")
    if count > MOST_ELEMENTS:
        raise LoopError(f"{node.name} has {count} elements")
    items = Items(node, count, _type(node, "element_dtype"))
    for place, row in enumerate(_rows(copies, inputs[0], count, node)):
        items = items.put(place, row)
    return (Val(items=items),)


def _set_item(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[0])
    place = _int(inputs[1], f"which element {node.name} writes")
    return (Val(items=_put(node, items, place, inputs[2], once=False)),)


def _get_item(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[0])
    return (_element(node, items, _int(inputs[1], f"which element {node.name} reads")),)


def _push(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[0])
    grown = Items(items.source, items.size, items.dtype, False, items.store, items.state)
    return (Val(items=_put(node, grown, items.size, inputs[1], once=False)),)


def _pop(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[0])
    last = _element(node, items, items.size - 1)
    return Val(items=items.shortened()), last


def _stack(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    items = _items(node, inputs[0])
    said = inputs[1].known
    dims = None if said is None or said.ndim != 1 else tuple(int(d) for d in said)
    element = ShapeValue(dims) if dims is not None and min(dims, default=0) >= 0 else None
    values = [_element(node, items, i) for i in range(items.size)]
    return (_packed(copies, values, items.dtype, node, key, element),)


def _list_gather(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    return (_gathered(copies, node, _items(node, inputs[0]), inputs[1], key, None),)


def _length(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
    return (_number(_items(node, inputs[0]).size),)


_OPS: Mapping[str, tuple[int, ListOp]] = {
    "TensorArrayV3": (1, _array),
    "TensorArrayWriteV3": (4, _write),
    "TensorArrayScatterV3": (4, _scatter),
    "TensorArraySplitV3": (4, _split),
    "TensorArrayReadV3": (3, _read),
    "TensorArrayGatherV3": (3, _gather),
    "TensorArrayConcatV3": (2, _concat),
    "TensorArraySizeV3": (2, _size),
    "TensorListReserve": (2, _reserve),
    "EmptyTensorList": (2, _empty_list),
    "TensorListFromTensor": (2, _from_tensor),
    "TensorListSetItem": (3, _set_item),
    "TensorListGetItem": (3, _get_item),
    "TensorListPushBack": (2, _push),
    "TensorListPopBack": (2, _pop),
    "TensorListStack": (2, _stack),
    "TensorListGather": (3, _list_gather),
    "TensorListLength": (1, _length),
}


def _counted(op: ListOp, count: int) -> ListOp:
    def run(copies: Copies, node: Node, inputs: Values, key: str) -> Values:
        if len(inputs) != count:
            raise LoopError(f"{node.op} {node.name} has {len(inputs)} inputs, not {count}")
        return op(copies, node, inputs, key)

    return run


READING = frozenset(
    "TensorArrayReadV3 TensorArrayGatherV3 TensorArrayConcatV3 TensorArraySizeV3 TensorListGetItem TensorListStack "
    "TensorListGather TensorListLength".split()
)
"""Those that give values and no list."""
LIST_OPS: Mapping[str, ListOp] = {name: _counted(op, count) for name, (count, op) in _OPS.items()}
