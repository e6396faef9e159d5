"""``check`` of a 98 MB ResNet50, all targets, against ``python -c "import tensorflow"`` in the same run."""

from __future__ import annotations

import sys

from measure import graphdoctor, mb, measure, net


def main() -> int:
    """Print both times, the ratio and the memory; exit 1 if a goal is missed."""
    path = net("resnet50")
    size = path.stat().st_size
    check, tensorflow = measure(
        [
            graphdoctor("check", str(path), "--target", "all", "--no-live", "--no-cache", "--fail-on", "never"),
            [sys.executable, "-c", "import tensorflow"],
        ]
    )
    ratio, allowed = tensorflow.seconds / check.seconds, 2 * size + 100_000_000
    print(f"model                      {path.name}, {mb(size)}")
    print(f"graphdoctor check          {check.seconds:6.2f} s  peak {mb(check.peak)} (goal: under {mb(allowed)})")
    print(f"python import tensorflow   {tensorflow.seconds:6.2f} s  peak {mb(tensorflow.peak)}")
    print(f"check is {ratio:.1f}x faster (goal: 4x)")
    return 0 if check.code == 0 and ratio >= 4 and check.peak < allowed else 1


if __name__ == "__main__":
    sys.exit(main())
