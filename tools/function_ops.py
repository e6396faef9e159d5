"""Writes ``rules/history/functions.toml``, what functions need to know of ops, from the installed TensorFlow.

    python tools/function_ops.py --write

Inside a function an output is read by its name (``split:output:1``), in a graph by its number.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "rules" / "history" / "functions.toml"
HEAD = """\
# What functions need to know of TensorFlow's ops: their outputs, read by name, and which have a state.
# Written by tools/function_ops.py.
# Source: the op definitions of TensorFlow {version}.

# Ops with one output, which may be a list of tensors: whatever it is called, it is the first.
single = \"\"\"
{single}
\"\"\"

# Ops that have a state or an effect: TensorFlow runs them in a function though nothing may read them.
stateful = \"\"\"
{stateful}
\"\"\"

# Ops with several outputs; one that is a list says the attribute with its length (*N) or its dtypes (*T).
[several]
"""


def definitions() -> tuple[str, list[Any]]:
    """Version and op definitions of the installed TensorFlow; those for one of its own libraries are left out."""
    import tensorflow as tf
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    found = op_def_pb2.OpList()
    found.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return tf.__version__, sorted((op for op in found.op if not op.name.startswith("_")), key=lambda op: op.name)


def said(arg: Any) -> str:
    """An output as the table says it."""
    length = arg.number_attr or arg.type_list_attr
    return f"{arg.name}*{length}" if length else arg.name


def key(name: str) -> str:
    """The name of an op as a key of TOML."""
    return name if name.isidentifier() else f'"{name}"'


def wrapped(names: Iterable[str]) -> str:
    """Names in lines."""
    return "\n".join(wrap(" ".join(names), 118))


def table() -> str:
    """The whole file."""
    version, ops = definitions()
    single = wrapped(op.name for op in ops if len(op.output_arg) == 1)
    stateful = wrapped(op.name for op in ops if op.is_stateful)
    rows = [f'{key(op.name)} = "{" ".join(map(said, op.output_arg))}"' for op in ops if len(op.output_arg) > 1]
    return HEAD.format(version=version, single=single, stateful=stateful) + "\n".join(rows) + "\n"


def main() -> None:
    """Write the file, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        FILE.write_text(table())
    else:
        print(table(), end="")


if __name__ == "__main__":
    main()
