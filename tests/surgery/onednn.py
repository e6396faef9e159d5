"""TensorFlow in a process of its own with oneDNN, which has NCHW convolutions on a CPU.

Run as a program: ``python onednn.py FOLDER`` evaluates FOLDER/<k>.pb with FOLDER/<k>.npz into FOLDER/<k>.out.npz.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphdoctor.formats.tensorflow import graphdef_bytes
from graphdoctor.ir import Graph
from graphdoctor.types import Array


def evaluate_all(jobs: Sequence[tuple[Graph, dict[str, Array]]], folder: Path) -> list[dict[str, Array]]:
    """The outputs of each graph for its feeds, by tensor name."""
    for k, (graph, feeds) in enumerate(jobs):
        (folder / f"{k}.pb").write_bytes(graphdef_bytes(graph))
        (folder / f"{k}.txt").write_text("\n".join(v.name for v in graph.outputs))
        fed: dict[str, Any] = {name: value for name, value in feeds.items() if name in graph}
        np.savez(folder / f"{k}.npz", **fed)
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, __file__, str(folder)], check=True, env=environment, timeout=300)
    return [dict(np.load(folder / f"{k}.out.npz")) for k in range(len(jobs))]


def _main(folder: Path) -> None:
    import tensorflow as tf

    tf = tf.compat.v1
    for path in sorted(folder.glob("*.pb")):
        message = tf.GraphDef.FromString(path.read_bytes())
        message.versions.producer = 1286
        names = path.with_suffix(".txt").read_text().splitlines()
        feeds = dict(np.load(path.with_suffix(".npz")))
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(message, name="")
            with tf.Session(graph=graph) as session:
                fetches = {n: n if ":" in n else f"{n}:0" for n in names}
                got = session.run(fetches, {f"{n}:0": v for n, v in feeds.items()})
        np.savez(path.with_suffix(".out.npz"), **got)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
