"""A file cut anywhere is a report or one message, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import call, helped
from tests.hostile.models import SMALL, pb, save, saved_model

WHOLE = pb(SMALL)
CONVERT = ("convert", "--to", "onnx", "-o")


def test_the_whole_file_is_sound(tmp_path: Path) -> None:
    assert 150 < len(WHOLE) < 600
    model = save(tmp_path, WHOLE)
    assert call("check", model, "--target", "rtx1.7", "--no-live").code == 0
    assert call(*CONVERT, tmp_path / "o.onnx", model).code == 0


@pytest.mark.parametrize("command", ["check", "inspect", "fix", "convert"])
def test_cut_at_every_byte(command: str, tmp_path: Path) -> None:
    """Between two nodes what is left is a graph, and may be reported on as one; elsewhere the cut is said."""
    words = {
        "check": ("check", "--no-live"),
        "inspect": ("inspect",),
        "fix": ("fix", "--rules", "tf112,clean,fold,trt3", "-o", tmp_path / "o.pb"),
        "convert": (*CONVERT, tmp_path / "o.onnx"),
    }[command]
    codes = []
    for size in range(len(WHOLE)):
        done = call(*words, save(tmp_path, WHOLE[:size]))
        codes.append(done.code)
        if done.code == 2:
            helped(done)
    assert codes.count(2) > 0.9 * len(codes)
    assert set(codes) <= {0, 1, 2}


def test_a_saved_model_cut_at_every_byte(tmp_path: Path) -> None:
    whole = saved_model()
    for size in range(len(whole)):
        done = call("check", "--no-live", save(tmp_path, whole[:size]))
        assert done.code in (0, 1) or helped(done)


def test_every_byte_turned(tmp_path: Path) -> None:
    """Damage in the middle, the length unchanged."""
    for place in range(len(WHOLE)):
        damaged = bytearray(WHOLE)
        damaged[place] ^= 0xFF
        done = call("check", "--no-live", save(tmp_path, bytes(damaged)))
        assert done.code in (0, 1) or helped(done)
