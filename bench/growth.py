"""``check`` of a graph of 2,000 and of 200,000 nodes: time per node, less the constant start.

The constant start is what ``check`` takes for one block of the same graph. Undivided it would hide how the work itself
grows, so it is taken off both; time per node of the whole process is printed beside it. Processor time (the largest
takes long enough to meet other work on the machine), best of several runs, all targets.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import graphdoctor, measure

from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir.text import parse_graph

SMALL, LARGE = 2_000, 200_000
GOAL = 1.3
BLOCK = """
s{i}/w = Const float32[1,1,4,4] 0.5
s{i}/b = Const float32[4] 0.25
s{i}/c = Conv2D({x}, s{i}/w) {{T: float32, padding: "SAME", strides: [1,1,1,1], data_format: "NHWC"}}
s{i}/a = BiasAdd(s{i}/c, s{i}/b) {{T: float32, data_format: "NHWC"}}
s{i}/r = Relu6(s{i}/a) {{T: float32}}
s{i}/p = AddV2(s{i}/r, {x}) {{T: float32}}
s{i}/i = Identity(s{i}/p) {{T: float32}}
s{i}/m = Maximum(s{i}/i, s{i}/b) {{T: float32}}
"""
"""A residual block with a fusable and a renamable op, so that rules have work at every block."""
PER_BLOCK = 8


def main() -> int:
    """Print the time per node of both and their ratio; exit 1 if the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        commands = [_command(Path(folder), nodes) for nodes in (PER_BLOCK, SMALL, LARGE)]
        start, small = measure(commands[:2], runs=15)
        (large,) = measure(commands[2:], runs=2)
    whole = [m.cpu / n for m, n in ((small, SMALL), (large, LARGE))]
    work = [(m.cpu - start.cpu) / n for m, n in ((small, SMALL), (large, LARGE))]
    ratio = work[1] / work[0]
    print(f"start                {start.cpu:6.2f} s")
    for m, n, each, less in ((small, SMALL, whole[0], work[0]), (large, LARGE, whole[1], work[1])):
        print(f"{n:>7,} nodes        {m.cpu:6.2f} s  {each * 1e6:6.1f} us a node, {less * 1e6:6.1f} less the start")
    print(f"growth               {ratio:6.2f}   (goal: at most {GOAL})")
    print(f"  with the start     {whole[1] / whole[0]:6.2f}")
    return 0 if ratio <= GOAL and not any(m.code for m in (start, small, large)) else 1


def _command(folder: Path, nodes: int) -> list[str]:
    path = folder / f"{nodes}.pb"
    lines = ["x = Placeholder {dtype: float32, shape: shape[1,8,8,4]}"]
    before = "x"
    for i in range(nodes // PER_BLOCK):
        lines.append(BLOCK.format(i=i, x=before))
        before = f"s{i}/m"
    path.write_bytes(graphdef_bytes(parse_graph("\n".join([*lines, "inputs: x", f"outputs: {before}"]))))
    return graphdoctor("check", str(path), "--target", "all", "--no-live", "--no-cache", "--fail-on", "never")


if __name__ == "__main__":
    sys.exit(main())
