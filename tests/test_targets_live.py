"""The table of rtx1.7 against NVIDIA's builder, one node at a time, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from graphdoctor.targets import load_target
from graphdoctor.types import DType

UNARY = "Abs Neg Relu Exp Sqrt Tanh Sigmoid Floor Erf Elu LeakyRelu Identity Softmax Flatten Transpose Shape".split()
BINARY = "Add Sub Mul Div Max Min Pow Less Equal MatMul".split()
BUILD = """
import json, sys
import onnxruntime_ep_nv_tensorrt_rtx
import tensorrt_rtx_bindings as trt
from onnx import TensorProto, ValueInfoProto, helper, shape_inference

logger = trt.Logger(trt.Logger.INTERNAL_ERROR)
builder = trt.Builder(logger)


def builds(op, dtype, inputs):
    names = [f"i{k}" for k in range(inputs)]
    infos = [helper.make_tensor_value_info(n, getattr(TensorProto, dtype), [2, 3, 4, 4]) for n in names]
    graph = helper.make_graph([helper.make_node(op, names, ["o"])], "g", infos, [ValueInfoProto(name="o")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    network = builder.create_network(0)
    if not trt.OnnxParser(network, logger).parse(shape_inference.infer_shapes(model).SerializeToString()):
        return False
    return builder.build_serialized_network(network, builder.create_builder_config()) is not None


answers = [builds(*case) for case in json.loads(sys.argv[1])]
print("ANSWERS", json.dumps(answers))
"""
ONNX_NAMES = {DType.HALF: "FLOAT16"}


CASES = [(op, d, n) for ops, n in ((UNARY, 1), (BINARY, 2)) for op in ops for d in sorted(DType)]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        importlib.util.find_spec("onnxruntime_ep_nv_tensorrt_rtx") is None, reason="NVIDIA's builder is not installed"
    ),
]


def test_the_builder_takes_and_refuses_what_the_table_says() -> None:
    rows = load_target("rtx1.7").ops
    cases = [(op, d, n) for op, d, n in CASES if d in (rows[op].dtypes or ()) or d in rows[op].refused]
    asked = json.dumps([(op, ONNX_NAMES.get(d, d.name), n) for op, d, n in cases])
    done = subprocess.run([sys.executable, "-c", BUILD, asked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.rpartition("ANSWERS ")[2])
    pairs = zip(cases, answers, strict=True)
    assert [(op, d.label) for (op, d, _), built in pairs if built is not (d in (rows[op].dtypes or ()))] == []
    assert set(answers) == {True, False}
