"""The fields of GridAnchor_TRT, read off anchors that they made."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdoctor.formats.tensorflow import load_model
from graphdoctor.match import NoMatch
from graphdoctor.match.detection import SsdHead, find_ssd_head
from graphdoctor.match.detection.grid import GridFields, cell_sizes, fit_grid, grid_boxes
from graphdoctor.passes.infer_shapes import infer_shapes
from graphdoctor.passes.signature import set_signature

SMALL = Path(__file__).parents[2] / "fixtures" / "detectors" / "ssd.pb"
RATIOS = (1.0, 2.0, 0.5, 3.0, 0.333)
SHAPES = ((4, 4), (3, 3), (2, 2))


@cache
def small() -> SsdHead:
    graph = load_model(str(SMALL)).graph
    set_signature(graph)
    found = find_ssd_head(graph, infer_shapes(graph))
    assert isinstance(found, SsdHead)
    return found


def head_with(
    low: float, high: float, ratios: tuple[float, ...], shapes: tuple[tuple[int, int], ...], orders: list[list[int]]
) -> SsdHead:
    """A head whose anchors have these fields, those of a cell in the order given."""
    parts, maps = [], []
    for layer, ((height, width), order) in enumerate(zip(shapes, orders, strict=True)):
        sizes = cell_sizes(low, high, ratios, layer, len(shapes))[order]
        parts.append(grid_boxes(sizes, height, width))
        maps.append(replace(small().feature_maps[0], height=height, width=width, anchors=len(sizes)))
    return replace(small(), feature_maps=tuple(maps), anchors=np.concatenate(parts).astype(np.float32))


def plain(count: int = len(SHAPES), ratios: int = len(RATIOS)) -> list[list[int]]:
    return [list(range(3)), *([list(range(ratios + 1))] * (count - 1))]


@settings(deadline=None)
@given(
    st.floats(0.15, 0.5),
    st.floats(0.6, 0.98),
    st.permutations(range(3)),
    st.lists(st.permutations(range(len(RATIOS) + 1)), min_size=2, max_size=2),
)
def test_fields_are_found_whatever_the_order_in_a_cell(
    low: float, high: float, first: list[int], others: list[list[int]]
) -> None:
    low, high = round(low, 3), round(high, 3)
    found = fit_grid(head_with(low, high, RATIOS, SHAPES, [first, *others]))
    assert isinstance(found, GridFields), found
    assert (found.min_size, found.max_size) == pytest.approx((low, high), abs=1e-5)
    assert found.ratios[0] == pytest.approx(1.0)
    assert sorted(found.ratios) == pytest.approx(sorted(RATIOS), rel=1e-4)
    assert found.worst < 1e-5


def test_maps_that_are_not_square() -> None:
    head = head_with(0.2, 0.95, RATIOS, ((4, 8), (2, 4), (1, 2)), plain())
    found = fit_grid(head)
    assert isinstance(found, GridFields)
    assert (found.is_square, found.shapes) == (False, ((4, 8), (2, 4), (1, 2)))
    refused = fit_grid(head, square_cells=True)
    assert isinstance(refused, NoMatch)
    assert "of cell (0, 7) of map 0" in refused.reason


@pytest.mark.parametrize(
    ("ratios", "orders", "reason"),
    [
        (RATIOS, [[0, 1, 2]], "there is one feature map"),
        (RATIOS[:2], [[0, 1], [0, 1, 2]], "have [2, 3] anchors in a cell"),
        (RATIOS, [[0, 1, 2], [0, 1, 2, 3, 4]], "not one beside a common one"),
    ],
)
def test_what_the_plugin_cannot_make(ratios: tuple[float, ...], orders: list[list[int]], reason: str) -> None:
    if len(ratios) < 3:
        head = replace(small(), feature_maps=tuple(replace(m, anchors=m.anchors - 1) for m in small().feature_maps))
    else:
        head = head_with(0.2, 0.95, ratios, SHAPES[: len(orders)], orders)
    found = fit_grid(head)
    assert isinstance(found, NoMatch)
    assert reason in found.reason
