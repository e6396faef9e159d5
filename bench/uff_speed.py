"""``convert --to uff`` of MobileNetV2 and ResNet50, whole process, against ``import tensorflow`` in the same run.

NVIDIA's converter needs that import, and on top of it 15 % for MobileNetV2.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import graphdoctor, mb, measure, net

GOALS = {"mobilenetv2": (4.0, lambda size: 200e6), "resnet50": (2.0, lambda size: 3.0 * size)}
"""How many times faster, and the memory for a file of that size."""


def main() -> int:
    """Print both; exit 1 if a goal is missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (times, memory) in GOALS.items():
            path = net(name)
            size = path.stat().st_size
            convert = graphdoctor("convert", str(path), "--to", "uff", "-o", str(Path(folder) / f"{name}.uff"))
            ours, theirs = measure([convert, [sys.executable, "-c", "import tensorflow"]])
            faster = theirs.seconds / ours.seconds
            print(f"{name:<14} {mb(size)}")
            most = mb(int(memory(size)))
            print(f"  convert --to uff   {ours.seconds:6.2f} s  peak {mb(ours.peak)} (goal: under {most})")
            print(f"  import tensorflow  {theirs.seconds:6.2f} s  {faster:.1f}x (goal: {times:g}x)")
            missed += faster < times or ours.peak > memory(size) or ours.code != 0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
