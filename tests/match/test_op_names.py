"""The ops that somebody has heard of: TensorFlow's, and what converters read."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from graphdoctor.match.history import has_heard_of
from graphdoctor.ops import all_ops
from graphdoctor.targets import all_target_names, load_target

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "tf_op_history.json"
REGISTRY = """
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session as session
found = op_def_pb2.OpList()
found.ParseFromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
print("OPS", *(op.name for op in found.op))
"""


def test_every_op_that_graphdoctor_knows() -> None:
    assert [n for n in all_ops() if not has_heard_of(n) and not n.endswith("_TRT")] == []  # those are plugins


def test_every_op_that_a_table_of_tensorflow_ops_has_but_plugins() -> None:
    tables = [t for t in map(load_target, all_target_names()) if t.parser != "onnx"]
    unheard = {op for t in tables for op in t.ops if not has_heard_of(op)}
    assert {op for op in unheard if not op.endswith("_TRT")} == {"Proposal"}


@pytest.mark.parametrize("op", ("MysteryOp", "Conv2d", "conv2d", "", "Relu ", "DeepSpeechBeamDecoder"))
def test_nobody_has_heard_of(op: str) -> None:
    assert not has_heard_of(op)


@pytest.mark.skipif(not FACTS.is_file(), reason="the tables of facts are not beside this checkout")
def test_every_op_of_the_facts() -> None:
    names = json.loads(FACTS.read_text())["op_first_seen_all"]
    assert len(names) > 1500
    assert [name for name in names if not has_heard_of(name)] == []


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_every_op_of_the_tensorflow_that_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", REGISTRY], capture_output=True, text=True, timeout=120, check=True)
    names = done.stdout.rpartition("OPS ")[2].split()
    assert len(names) > 1500
    assert [name for name in names if not has_heard_of(name)] == []
