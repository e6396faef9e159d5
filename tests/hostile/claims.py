"""A program with little memory that runs commands on models whose constants claim far more than they hold.

``python -m tests.hostile.claims FOLDER`` prints one JSON list: model, command, exit code, seconds, standard error.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.cli.program import call
from tests.hostile.models import GRAPHS, GraphDef

MEMORY = 2 << 30
"""Bytes of address space: an eighth of what the constant claims."""
LIMIT = 5
"""Seconds that one command may take."""
COUNT = 1 << 32
"""Elements claimed; of float32 they are 16 GiB."""
SLOTS = [
    ("cnn_tf1_nhwc", "Conv2D", 1),
    ("cnn_tf1_nhwc", "Pad", 1),
    ("cnn_tf1_nhwc", "FusedBatchNorm", 1),
    ("cnn_tf1_nhwc", "FusedBatchNorm", 4),
    ("cnn_tf1_nhwc", "BiasAdd", 1),
    ("cnn_tf1_nhwc", "ConcatV2", -1),
    ("cnn_tf1_nhwc", "Reshape", 1),
    ("cnn_tf1_nhwc", "StridedSlice", 1),
    ("cnn_tf1_nhwc", "MatMul", 1),
    ("keras_bn_unfused", "Mean", 0),
    ("keras_bn_unfused", "Mean", 1),
    ("keras_bn_unfused", "Rsqrt", 0),
    ("keras_bn_unfused", "Mul", 1),
    ("keras_bn_unfused", "AddV2", 1),
    ("keras_bn_unfused", "DepthwiseConv2dNative", 1),
    ("lstm_unrolled", "Split", 0),
    ("lstm_unrolled", "Sigmoid", 0),
]
_FIELDS = {1: "float_val", 3: "int_val"}
_INTEGERS = {("Pad", 1), ("ConcatV2", -1), ("Reshape", 1), ("StridedSlice", 1), ("Mean", 1), ("Split", 0)}


def claiming(name: str, op: str, slot: int, dims: tuple[int, ...]) -> bytes:
    """The fixture ``name``; at ``slot`` its first ``op`` reads a constant of one stored value that claims ``dims``."""
    graph = GraphDef.FromString((GRAPHS / f"{name}.pb").read_bytes())
    node = next(n for n in graph.node if n.op == op)
    node.input[slot] = "huge"
    graph.node.append(huge(3 if (op, slot) in _INTEGERS else 1, dims))
    return bytes(graph.SerializeToString())


def huge(dtype: int, dims: tuple[int, ...]) -> Any:
    """A Const of one stored value, about 60 bytes in all."""
    const = GraphDef().node.add(name="huge", op="Const")
    const.attr["dtype"].type = dtype
    tensor = const.attr["value"].tensor
    tensor.dtype = dtype
    getattr(tensor, _FIELDS[dtype]).append(1)
    for size in dims:
        tensor.tensor_shape.dim.add(size=size)
    return const


def _outcome(words: list[str | Path]) -> tuple[int, str]:
    """Exit code and standard error; -1 and the traceback for an exception, and for one command that takes too long."""
    signal.alarm(LIMIT)
    try:
        done = call(*words)
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError):
        return -1, traceback.format_exc()
    finally:
        signal.alarm(0)
    return done.code, done.err


def _late(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {LIMIT} s")


def main(folder: Path) -> None:
    """Run every command on every model."""
    signal.signal(signal.SIGALRM, _late)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    results = []
    for name, op, slot in SLOTS:
        for dims in ((COUNT,), (1, COUNT >> 2, 2, 2)):
            model = folder / "m.pb"
            model.write_bytes(claiming(name, op, slot, dims))
            for words in (
                ["check", "--target", "all", "--no-live"],
                ["fix", "--rules", "tf112,clean,fold,trt3", "--target", "trt3", "-o", folder / "o.pb"],
                ["convert", "--to", "onnx", "-o", folder / "o.onnx"],
            ):
                start = time.perf_counter()
                code, said = _outcome([*words, model])
                seconds = round(time.perf_counter() - start, 2)
                results.append([f"{name} {op}:{slot} {list(dims)}", str(words[0]), code, seconds, said])
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
