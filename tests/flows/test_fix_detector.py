"""fix of a detector: what it says, and what it does not claim to prove."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.errors import InputError
from graphdoctor.flows.fix import Fixed, FixOptions, fix_model
from graphdoctor.flows.fix_views import summary_view
from graphdoctor.flows.verify import verify_fixed
from graphdoctor.targets import load_target

SMALL = Path(__file__).parents[2] / "fixtures" / "detectors" / "ssd.pb"


@pytest.fixture(scope="module")
def fixed() -> Fixed:
    options = FixOptions(("ssd-trt",), load_target("trt5"), unsafe=True, keep_original=True, judge=True)
    return fix_model(str(SMALL), options)


def test_the_summary_says_what_to_feed(fixed: Fixed) -> None:
    view = summary_view(fixed, None)
    notes = {a.rewrite: a.note for a in view.applied if a.note}
    assert list(notes) == ["ssd-to-plugins"]
    assert "feed image_tensor with float32 [1,32,32,3]" in notes["ssd-to-plugins"]
    assert "channels were put in the order of the plugin's anchors" in notes["ssd-to-plugins"]
    assert [c.after.verdict.value for c in view.verdicts] == ["compatible"]


def test_plugins_cannot_be_compared_in_tensorflow(fixed: Fixed) -> None:
    with pytest.raises(InputError, match="ssd-to-plugins gives the graph other outputs"):
        verify_fixed(fixed)
