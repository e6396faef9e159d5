""".pb to ONNX, ResNet50, whole process, against ``python -m tf2onnx.convert`` in the same run."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import onnx
from measure import graphdoctor, mb, measure, net


def main() -> int:
    """Print times, memory and Transpose nodes of both; exit 1 if a goal is missed."""
    path = str(net("resnet50"))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = f"{folder}/ours.onnx", f"{folder}/theirs.onnx"
        ends = ["--inputs", "input:0", "--outputs", "Identity:0"]
        convert, tf2onnx = measure(
            [
                graphdoctor("convert", path, "--to", "onnx", "-o", ours),
                [sys.executable, "-m", "tf2onnx.convert", "--graphdef", path, *ends, "--output", theirs],
            ],
            runs=2,
        )
        if convert.code or tf2onnx.code:
            print(f"exit codes: graphdoctor {convert.code}, tf2onnx {tf2onnx.code}")
            return 1
        mine, other = transposes(ours), transposes(theirs)
    faster, leaner = tf2onnx.seconds / convert.seconds, tf2onnx.peak / convert.peak
    print(f"graphdoctor convert   {convert.seconds:6.2f} s  peak {mb(convert.peak)}  {mine} Transpose")
    print(f"tf2onnx.convert       {tf2onnx.seconds:6.2f} s  peak {mb(tf2onnx.peak)}  {other} Transpose")
    print(f"convert is {faster:.1f}x faster (goal: 10x) and needs {leaner:.1f}x less memory (goal: 8x)")
    return 0 if faster >= 10 and leaner >= 8 and mine <= other else 1


def transposes(path: str) -> int:
    """Number of Transpose nodes in an ONNX file."""
    model = onnx.load(Path(path), load_external_data=False)
    return Counter(node.op_type for node in model.graph.node)["Transpose"]


if __name__ == "__main__":
    sys.exit(main())
