"""Normalize, PriorBox, Reorg and SpecialSlice of a UFF file as ops, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats import plugin_reference as reference

pytest.importorskip("onnxruntime")
from tests.formats.plugin_files import FEW, F, behind_conv, fields_text, run, why


@FEW
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_reorg(stride: int, high: int, wide: int, inner: int, last: bool) -> None:
    channels = inner * stride**2
    image = np.arange(2 * channels * high * wide * stride**2, dtype=F).reshape(
        2, channels, high * stride, wide * stride
    )
    fed = image.transpose(0, 2, 3, 1) if last else image
    (found,) = run(
        f"{behind_conv('x', channels, 'N+C' if last else 'NC+')}y = _Reorg_TRT(xc) {{stride_u_int: {stride}}}", x=fed
    )
    np.testing.assert_allclose(found, reference.reorg(image, stride))


@FEW
@given(st.integers(1, 4), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_normalize(channels: int, across: bool, shared: bool, last: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2, 1 if shared else channels).tolist()
    said = {"weights": weights, "acrossSpatial": int(across), "channelShared": int(shared), "nbWeights": 1, "eps": 1e-3}
    image = rng.normal(size=(2, channels, 3, 2)).astype(F)
    fed = image.transpose(0, 2, 3, 1) if last else image
    nodes = f"{behind_conv('x', channels, 'N+C' if last else 'NC+')}y = _Normalize_TRT(xc) {fields_text(said)}"
    if across and not shared:
        assert "the kernel divides by the weight" in why(nodes, x=fed)
        return
    np.testing.assert_allclose(run(nodes, x=fed)[0], reference.normalize(said, image), rtol=1e-5, atol=1e-6)


@FEW
@given(
    st.lists(st.floats(1, 20), min_size=1, max_size=2),
    st.booleans(),
    st.lists(st.sampled_from([1.0, 2.0, 0.5, 3.0]), min_size=1, max_size=4),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([(0, 0), (40, 30)]),
    st.sampled_from([(0.0, 0.0), (8.0, 6.0)]),
)
def test_prior_boxes(
    low: list[float],
    has_max: bool,
    ratios: list[float],
    flags: tuple[bool, bool],
    image: tuple[int, int],
    step: tuple[float, float],
) -> None:
    said = {
        "minSize": low,
        "maxSize": [2 * size + 1 for size in low] if has_max else [],
        "aspectRatios": ratios,
        "flip": int(flags[0]),
        "clip": int(flags[1]),
        "variance": [0.1, 0.1, 0.2, 0.2],
        **dict(zip(("imgH", "imgW", "stepH", "stepW"), (*image, *step), strict=True)),
        "offset": 0.5,
    }
    given = {k: v for k, v in said.items() if v != []}
    fed = {"x": np.zeros((1, 3, 2, 1), F), "i": np.zeros((1, 24, 20, 3), F)}
    nodes = f"{behind_conv('x', 1)}{behind_conv('i', 3)}y = _PriorBox_TRT(xc, ic) {fields_text(given)}"
    nodes = nodes if has_max else nodes.replace("{minSize", "{maxSize_u_flist: [], minSize")
    (found,) = run(nodes, **fed)
    expected = reference.prior_box(said, (3, 2), (24, 20))
    assert found.shape == (1, 2, expected.size, 1)
    np.testing.assert_allclose(found[0, 0].reshape(-1, 4), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[0, 1].reshape(-1, 4), np.broadcast_to(F(said["variance"]), expected.shape))


def test_the_boxes_of_detections() -> None:
    found = np.arange(2 * 3 * 6, dtype=F).reshape(2, 3, 6)
    np.testing.assert_array_equal(run("y = _SpecialSlice_TRT(x)", x=found)[0], found[..., :4])
    assert "detections of six numbers" in why("y = _SpecialSlice_TRT(x)", x=found[..., :5])


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ("_Reorg_TRT(xc) {stride_u_int: 3}", "its stride is 3, of 4 channels of 6 by 4"),
        ("_Reorg_TRT(x) {stride_u_int: 2}", "the order of its data is not known"),
        (
            "_Normalize_TRT(xc) {weights_u_flist: [1.0], acrossSpatial_u_int: 0, channelShared_u_int: 0}",
            "1 weights for 4 channels",
        ),
        ("_PriorBox_TRT(xc) {clip_u_int: 0}", "1 inputs, not a map and an image"),
    ],
)
def test_layers_whose_numbers_are_not_known_stay(node: str, reason: str) -> None:
    assert reason in why(f"{behind_conv('x', 4)}y = {node}", x=np.zeros((1, 6, 4, 4), F))
