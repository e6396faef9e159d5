"""``cure`` of nine nets for two targets with the UFF parser: what is left, and how far the numbers are off.

``python bench/uff_numbers.py [NET...] [--target trt3]... [--out DIR]``

Nets that are not in bench/data are made. One process at a time; VGG16 takes 4 GB. Exit code 1 if a cure does not end
with 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import graphdoctor, net

UNSAFE = {"lstm"}
"""Nets that need --unsafe-fixes: without slices a step is picked by ones and zeros, which NaN pass."""
NETS = ("lenet", "mnist", "ds_cnn", "mobilenetv2", "resnet50", "inceptionv3", "vgg16", "resnet_v1_50", "lstm")
TARGETS = ("trt3", "trt8-uff")
ROW = "{:<13} {:<9} {:>4}  {:<12} {:>6}  {:>9}  {:>9}  {:>6}"


def cured(name: str, target: str, folder: Path) -> tuple[int, list[Any]]:
    """Cure a net; its exit code and its row: verdict, errors left, differences from TensorFlow, seconds."""
    start = time.perf_counter()
    command = graphdoctor("cure", str(net(name)), "--target", target, "-o", str(folder))
    command += ["--unsafe-fixes"] if name in UNSAFE else []
    code = subprocess.run(command, capture_output=True, check=False).returncode
    seconds = time.perf_counter() - start
    report = json.loads((folder / "report.json").read_text())
    after = report["check_after_fix"]
    left = sum(f["severity"] == "error" for f in after["findings"])
    numbers = [_worst(report["verify"], key) for key in ("max_abs", "max_rel")]
    return code, [name, target, code, after["verdicts"][target]["verdict"], left, *numbers, f"{seconds:.0f} s"]


def _worst(verified: Any, key: str) -> str:
    """The largest of ``key`` over the outputs."""
    found = [o[key] for o in verified["outputs"] if o[key] is not None] if verified else []
    return f"{max(found):.1e}" if found else "-"


def main() -> int:
    """Print the table; exit 1 if a cure does not end with 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*NETS, []], metavar="NET", help=f"of {', '.join(NETS)}")
    parser.add_argument("--target", action="append", choices=TARGETS, help="of the two; repeat for both")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the artefacts stay")
    options = parser.parse_args()
    print(ROW.format("net", "target", "exit", "verdict", "errors", "max abs", "max rel", "time"))
    worst = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.names or NETS:
            for target in options.target or TARGETS:
                folder = (options.out or Path(scratch)) / f"{name}-{target}"
                code, row = cured(name, target, folder)
                print(ROW.format(*row), flush=True)
                worst = max(worst, code)
                if options.out is None:
                    for file in folder.iterdir():
                        file.unlink()
    return min(worst, 1)


if __name__ == "__main__":
    sys.exit(main())
