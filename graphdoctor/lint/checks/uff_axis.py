"""Axes, orders and windows of a UFF file that mean something else to the parser than to TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import UffSubject, live_nodes, subject, with_batch
from graphdoctor.wire.uff import UffNode, decode_order
from graphdoctor.wire.uff.model import CONST, INPUT

Found = Iterator[tuple[str, bool]]
_PADDED = frozenset({"Conv", "Pool"})
_IMAGES = ("Conv", "ConvTranspose", "Pool", "BatchNorm")
_FARTHEST = 256
_MOST_INPUTS = 8


def check(ctx: CheckContext, *, ask: str = "batch", ops: list[str] = []) -> Iterator[Hit]:  # noqa: B006 - read only
    """One hit for each node of ``ops`` that ``ask`` is true of.

    ``batch``: it touches the batch axis. ``kept``: it drops dimensions. ``softmax``: its order is not that of the
    network. ``flatten``: it flattens NHWC. ``window``: an LRN with half a window. ``alone``: a Pad that no convolution
    or pooling reads. ``average``: an average pool that pads. ``constant``: a minimum or maximum with a constant.
    ``dimensions``: an input whose dimensions nobody said.
    """
    of, found = subject(ctx), _QUESTIONS[ask]
    for node, place in live_nodes(ctx, *ops):
        for reason, certain in found(ctx, of, node):
            yield Hit(place, reason, certain)


def _batch(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    if not with_batch(ctx).intersection(node.inputs):
        return
    permutation = of.model.value(node, "permutation", "i_list")
    if isinstance(permutation, tuple) and permutation and permutation[0] != 0:
        yield f"it is {list(permutation)}, and puts axis {permutation[0]} where the batch is", True
    axes = of.model.value(node, "axes", "i_list")
    axis = of.model.value(node, "axis", "i")
    if axis == 0 or (isinstance(axes, tuple) and 0 in axes):
        yield "its axis 0 is the batch", True


def _kept(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    if of.model.value(node, "keepdims", "b") is False:
        yield "keepdims is false", True


def _softmax(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    said = _order(of, node)
    nearest = _image_before(of, node)
    if said is None or nearest is None or len(said) != 3:
        return
    other = _order(of, nearest)
    if other is not None and other != said:
        yield f"it says {said}, and {nearest.id} in front of it {other}", True


def _flatten(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    """Where height and width are 1 the order is the same, which cannot be told without shapes."""
    nearest = _image_before(of, node)
    if nearest is not None and _order(of, nearest) == "N+C":
        yield f"{nearest.id} in front of it is NHWC, and the engine flattens channels first", False


def _window(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    size = of.model.value(node, "window_size", "i")
    if isinstance(size, int):
        yield f"window_size is {size}", size % 2 == 0


def _alone(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    readers = [of.nodes[n.name] for n in ctx.graph.consumers(of.node(node.id)) if n.name in of.nodes]
    other = next((r for r in readers if r.op not in _PADDED), None)
    if other is not None or len(readers) != 1:
        yield (f"{other.id} ({other.op}) reads it" if other is not None else f"{len(readers)} nodes read it"), True


def _average(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    padding = of.model.value(node, "padding", "i_list")
    if of.model.value(node, "func", "s") == "avg" and isinstance(padding, tuple) and any(padding):
        yield f"padding is {list(padding)}", False


def _constant(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    function = of.model.value(node, "func", "s")
    if function in ("min", "max") and any(i in of.nodes and of.nodes[i].op == CONST for i in node.inputs):
        yield f"{function} with a constant", True


def _dimensions(ctx: CheckContext, of: UffSubject, node: UffNode) -> Found:
    dims = of.model.value(node, "shape", "i_list")
    if node.id in of.given or not isinstance(dims, tuple):
        return
    if not dims:
        yield "the file says no shape", True
    elif any(d < 0 for d in dims[1:]):
        yield f"its shape is {list(dims)}", True


def _image_before(of: UffSubject, node: UffNode) -> UffNode | None:
    """The nearest op on images in front of ``node``, with nothing between that changes the layout."""
    for _ in range(_FARTHEST):
        data = [n for i in node.inputs[:_MOST_INPUTS] if (n := of.nodes.get(i)) is not None and n.op != CONST]
        if not data or data[0].op in (INPUT, "Reshape", "Flatten", "FullyConnected", "Transpose", "Reduce", "Squeeze"):
            return None
        node = data[0]
        if node.op in _IMAGES:
            return node
    return None


def _order(of: UffSubject, node: UffNode) -> str | None:
    orders = of.model.value(node, "inputs_orders", "dim_orders_list")
    return decode_order(orders[0], "NC+") if isinstance(orders, tuple) and orders else None


_QUESTIONS = {
    "batch": _batch,
    "kept": _kept,
    "softmax": _softmax,
    "flatten": _flatten,
    "window": _window,
    "alone": _alone,
    "average": _average,
    "constant": _constant,
    "dimensions": _dimensions,
}
