"""The event file is one that TensorBoard reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdoctor.graphsurgeon as gs
from graphdoctor.graphsurgeon.tensorboard import crc32c


def test_the_checksum_is_the_published_one() -> None:
    """RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.tensorflow
def test_tensorflow_reads_the_file(tmp_path: Path) -> None:
    from tensorflow.python.summary.summary_iterator import summary_iterator

    made = gs.DynamicGraph()
    made.append(gs.create_node("w", "Const", value=np.ones(1000, dtype=np.float32) * np.arange(1000)))
    made.append(gs.create_node("y", "Relu", inputs=["w"]))
    made.write_tensorboard(str(tmp_path / "logs"))
    (path,) = (tmp_path / "logs").iterdir()
    version, event = list(summary_iterator(str(path)))
    assert version.file_version == "brain.Event:2"
    read = gs.StaticGraph(gs.GraphDef.FromString(event.graph_def))
    assert [n.name for n in read] == ["w", "y"]
    assert read["w"].attr["value"].tensor.tensor_shape.dim[0].size == 1000
    assert not read["w"].attr["value"].tensor.tensor_content
    assert made["w"].attr["value"].tensor.tensor_content
