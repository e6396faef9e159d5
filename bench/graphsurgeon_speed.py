"""A graphsurgeon script on 20,000 nodes, whole process, against ``python -c "import tensorflow"``; and how it grows.

The graph is a chain of groups of Const, Add, Relu, Identity and Relu6, ten groups a scope.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from measure import BENCH, DATA, graphdoctor, measure

import graphdoctor.graphsurgeon as gs

SCRIPT = BENCH / "graphsurgeon_script.py"
SIZES = (2_000, 20_000, 200_000)


def main() -> int:
    """Print the ratio and the seconds of each step at three sizes; exit 1 if the goal is missed."""
    paths = {size: chain(size) for size in SIZES}
    out = DATA / "chain_out.pb"
    script = graphdoctor("run-script", str(SCRIPT))
    mine, tensorflow = measure([[*script, str(paths[20_000]), str(out)], [sys.executable, "-c", "import tensorflow"]])
    ratio = tensorflow.seconds / mine.seconds
    print(f"script, 20,000 nodes       {mine.seconds:6.2f} s")
    print(f"python import tensorflow   {tensorflow.seconds:6.2f} s")
    print(f"the script takes 1/{ratio:.1f} of it (goal: at most 1/2)")
    for size, path in paths.items():
        print(f"{size:,} nodes", flush=True)
        subprocess.run([*script, str(path), str(out)], check=True)
    return 0 if mine.code == 0 and ratio >= 2 else 1


def chain(size: int) -> Path:
    """The graph with about ``size`` nodes, made if it is not there."""
    path = DATA / f"chain_{size}.pb"
    if path.is_file():
        return path
    graph, value, before = gs.DynamicGraph(), np.arange(16, dtype=np.float32), "x"
    graph.append(gs.create_node("x", "Placeholder", dtype=np.dtype("float32")))
    for k in range(size // 5):
        scope = f"scope{k // 10}/group{k}"
        graph.append(gs.create_node(f"{scope}/c", "Const", value=value))
        graph.append(gs.create_node(f"{scope}/add", "Add", inputs=[before, f"{scope}/c"]))
        graph.append(gs.create_node(f"{scope}/relu", "Relu", inputs=[f"{scope}/add"]))
        graph.append(gs.create_node(f"{scope}/id", "Identity", inputs=[f"{scope}/relu"]))
        graph.append(gs.create_node(f"{scope}/relu6", "Relu6", inputs=[f"{scope}/id"]))
        before = f"{scope}/relu6"
    DATA.mkdir(exist_ok=True)
    graph.write(str(path))
    return path


if __name__ == "__main__":
    sys.exit(main())
