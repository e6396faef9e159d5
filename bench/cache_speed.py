"""The second ``check`` of an unchanged 98 MB ResNet50, against ``graphdoctor --version`` plus reading the file once."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from measure import graphdoctor, mb, measure, net

GOAL = 1.5


def main() -> int:
    """Print the times and the ratio for the default target and for all; exit 1 if a goal is missed."""
    path = net("resnet50")
    print(f"model                        {path.name}, {mb(path.stat().st_size)}")
    with tempfile.TemporaryDirectory() as folder:
        return max([_compare(path, folder, words) for words in ([], ["--target", "all", "--no-live"])])


def _compare(path: Path, folder: str, words: list[str]) -> int:
    check = graphdoctor("check", str(path), *words, "--cache-dir", folder, "--fail-on", "never")
    (first,) = measure([check], runs=1)
    again, version = measure([check, graphdoctor("--version")], runs=20)
    reading = min(_read(path) for _ in range(10))
    ratio = again.seconds / (version.seconds + reading)
    print(f"check {' '.join(words) or '(default target)'}")
    print(f"  first                      {first.seconds:6.3f} s")
    print(f"  again                      {again.seconds:6.3f} s")
    print(f"  --version, reading once    {version.seconds:6.3f} s + {reading:.3f} s")
    print(f"  ratio                      {ratio:6.2f}   (goal: at most {GOAL})")
    print(f"  processor time             {again.cpu:6.3f} s, of --version {version.cpu:.3f} s")
    return 0 if not first.code and not again.code and ratio <= GOAL else 1


def _read(path: Path) -> float:
    """Seconds to have the file's bytes in memory; the page cache has them already, as for the program."""
    start = time.perf_counter()
    path.read_bytes()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
