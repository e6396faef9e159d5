"""The anchors that the plugins GridAnchor_TRT and GridAnchorRect_TRT make, and the fields that make given ones.

The formula is that of NVIDIA/TensorRT, ``plugin/gridAnchorPlugin/gridAnchorPlugin.cpp`` and
``plugin/common/kernels/gridAnchorLayer.cu``. With L layers, layer k has the scale
``minSize + (maxSize - minSize) * k / (L - 1)``. Layer 0 has three anchors, of the first three aspect ratios, with the
scales 0.1, minSize and minSize. Each other layer has one for every aspect ratio, and one more of ratio 1 whose scale
is the geometric mean of the layer's and the next one's, which is 1 behind the last. An anchor of scale s and ratio r
is ``s * sqrt(r)`` wide and ``s / sqrt(r)`` high, and stands in the middle of its cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphdoctor.match.detection.head import FeatureMap, SsdHead
from graphdoctor.match.results import NoMatch
from graphdoctor.types import Array

SMALLEST = 0.1
"""Scale of the first anchor of layer 0, which is no field."""
FIRST = 3
"""Anchors of layer 0."""
TOLERANCE = 1e-5
"""Largest difference of a coordinate, as part of the image; rounding in float32 is a hundred times less."""
_CELL_TOLERANCE = 1e-4
_DIGITS = 6
"""Digits to which fields are rounded: float32 has seven."""


@dataclass(frozen=True, slots=True)
class GridFields:
    """Fields of the plugin that make the anchors of a head.

    Attributes:
        min_size: scale of layer 0.
        max_size: scale of the last layer.
        ratios: aspect ratios, the three of layer 0 first.
        shapes: height and width of each map.
        order: for each map, which anchor of a cell in the graph each anchor of the plugin is.
        worst: the largest difference of a coordinate between both, as part of the image.
    """

    min_size: float
    max_size: float
    ratios: tuple[float, ...]
    shapes: tuple[tuple[int, int], ...]
    order: tuple[tuple[int, ...], ...]
    worst: float

    @property
    def is_square(self) -> bool:
        """True if every map is as high as it is wide."""
        return all(h == w for h, w in self.shapes)

    @property
    def is_reordered(self) -> bool:
        """True if the anchors of a cell stand in another order in the graph."""
        return any(o != tuple(range(len(o))) for o in self.order)


def cell_sizes(min_size: float, max_size: float, ratios: Sequence[float], layer: int, layers: int) -> Array:
    """Width and height of the anchors of one cell of ``layer``, [anchors, 2], in the order of the plugin."""

    def scale(k: int) -> float:
        return min_size + (max_size - min_size) * k / (layers - 1)

    if layer == 0:
        scales, used = [SMALLEST, min_size, min_size], list(ratios[:FIRST])
    else:
        following = 1.0 if layer == layers - 1 else scale(layer + 1)
        scales = [scale(layer)] * len(ratios) + [float(np.sqrt(scale(layer) * following))]
        used = [*ratios, 1.0]
    roots = np.sqrt(np.asarray(used))
    return np.stack([np.asarray(scales) * roots, np.asarray(scales) / roots], axis=1)


def grid_boxes(sizes: Array, height: int, width: int, *, square_cells: bool = False) -> Array:
    """Anchors [height * width * anchors, 4] (ymin xmin ymax xmax) of a map with ``sizes`` (width, height) in a cell.

    Args:
        sizes: of one cell, [anchors, 2].
        height: of the map.
        width: of the map.
        square_cells: cells are as wide as they are high, 1 / height, as in the kernel of the older releases.
    """
    step_x = 1.0 / (height if square_cells else width)
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) * step_x, indexing="ij")
    centre = np.stack([y, x], axis=-1).reshape(-1, 1, 2)
    half = sizes[None, :, ::-1] / 2
    return np.concatenate([centre - half, centre + half], axis=-1).reshape(-1, 4)


def fit_grid(head: SsdHead, *, square_cells: bool = False) -> GridFields | NoMatch:
    """The fields with which the plugin makes the anchors of ``head``; else where they differ, with the numbers.

    The anchors themselves are the proof: those of the plugin, computed by its formula, are compared with those of
    the graph, coordinate by coordinate.
    """
    maps, cells = head.feature_maps, _cells(head)
    if len(maps) < 2:
        return NoMatch("there is one feature map, and the formula of GridAnchor_TRT wants two or more")
    counts = [m.anchors for m in maps]
    if counts[0] != FIRST or len(set(counts[1:])) != 1 or counts[1] <= FIRST:
        return NoMatch(
            f"the maps have {counts} anchors in a cell; GridAnchor_TRT makes 3 on the first and as many as there are "
            "aspect ratios, and one more, on each other"
        )
    with np.errstate(all="ignore"):  # anchors without size are refused by the comparison
        found = _read_off(cells)
    if isinstance(found, NoMatch):
        return found
    low, high, ratios = found
    orders, worst = [], 0.0
    for layer, (grid, cell, anchors) in enumerate(zip(maps, cells, _by_map(head), strict=True)):
        sizes = cell_sizes(low, high, ratios, layer, len(maps))
        order = _order(sizes, cell)
        made = grid_boxes(sizes, grid.height, grid.width, square_cells=square_cells)
        given = anchors.reshape(-1, grid.anchors, 4)[:, list(order)].reshape(-1, 4)
        off = np.abs(made - given).max(axis=1)
        if not off.max() <= TOLERANCE:
            return _difference(layer, grid, made, given, int(off.argmax()))
        orders.append(order)
        worst = max(worst, float(off.max()))
    shapes = tuple((m.height, m.width) for m in maps)
    return GridFields(low, high, ratios, shapes, tuple(orders), worst)


def _by_map(head: SsdHead) -> list[Array]:
    counts = [m.height * m.width * m.anchors for m in head.feature_maps]
    return np.split(head.anchors.astype(np.float64), np.cumsum(counts)[:-1])


def _cells(head: SsdHead) -> list[Array]:
    """Width and height of the anchors of the first cell of each map, [anchors, 2]."""
    found = []
    for grid, anchors in zip(head.feature_maps, _by_map(head), strict=True):
        first = anchors[: grid.anchors]
        found.append((first[:, 2:] - first[:, :2])[:, ::-1])
    return found


def _read_off(cells: Sequence[Array]) -> tuple[float, float, tuple[float, ...]] | NoMatch:
    """minSize, maxSize and the aspect ratios, from the sizes in the cells."""
    scales = [np.sqrt(c.prod(axis=1)) for c in cells]
    ratios = [c[:, 0] / c[:, 1] for c in cells]
    shared = [float(np.median(s)) for s in scales]
    first = int(np.abs(scales[0] - SMALLEST).argmin())
    if abs(scales[0][first] - SMALLEST) > _CELL_TOLERANCE:
        return NoMatch(
            f"the anchors of the first map have the scales {_shown(scales[0])}, and GridAnchor_TRT makes one of 0.1"
        )
    low = float(np.delete(scales[0], first).mean())
    high = shared[-1]
    extra = np.abs(scales[1] - shared[1]) > _CELL_TOLERANCE
    if extra.sum() != 1:
        return NoMatch(f"the second map has the scales {_shown(scales[1])}, and not one beside a common one")
    rest = [_rounded(r) for r in ratios[1][~extra]]
    start = [_rounded(ratios[0][first]), *(_rounded(r) for r in np.delete(ratios[0], first))]
    if not all(any(abs(r - s) < _CELL_TOLERANCE * s for r in rest) for s in start):
        return NoMatch(f"the first map has the aspect ratios {_shown(start)}, which are not among {_shown(rest)}")
    others = [r for r in rest if not any(abs(r - s) < _CELL_TOLERANCE * s for s in start)]
    return _rounded(low), _rounded(high), (*start, *others)


def _order(sizes: Array, cell: Array) -> tuple[int, ...]:
    """For each of ``sizes`` the anchor of the graph that is nearest, each once."""
    left = list(range(len(cell)))
    order = []
    for size in sizes:
        nearest = min(left, key=lambda k: float(np.abs(cell[k] - size).max()))
        left.remove(nearest)
        order.append(nearest)
    return tuple(order)


def _difference(layer: int, grid: FeatureMap, made: Array, given: Array, at: int) -> NoMatch:
    cell, place = divmod(at, grid.anchors)
    where = f"anchor {place} of cell ({cell // grid.width}, {cell % grid.width}) of map {layer}"
    return NoMatch(
        f"GridAnchor_TRT would make {_shown(made[at])} (ymin xmin ymax xmax) of {where}, and the graph has "
        f"{_shown(given[at])}",
        grid.box_layer.name,
    )


def _shown(numbers: Sequence[float] | Array) -> str:
    return "[" + ", ".join(f"{float(v):.4g}" for v in numbers) + "]"


def _rounded(value: float) -> float:
    """``value`` without the noise of float32, so that 0.95 is not 0.9499999."""
    return float(f"{float(value):.{_DIGITS}g}") if np.isfinite(value) else float(value)
