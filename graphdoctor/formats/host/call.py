"""What a rule of the host generator is given: one node, the text of its operands, what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from graphdoctor.ir import Node, TensorSpec
from graphdoctor.ops.base import OpContext
from graphdoctor.types import Array, DType


class CannotWriteError(Exception):
    """The node cannot be written in numpy. The text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One node on its way to Python.

    Attributes:
        node: the node.
        ctx: its attributes, and what is known of its inputs.
        operands: Python text of each data input.
        need: asks for a function of ``library``; gives the name that it has in the file.
        outputs: what is known of each output.
    """

    node: Node
    ctx: OpContext
    operands: tuple[str, ...]
    need: Callable[[str], str]
    outputs: tuple[TensorSpec, ...]

    def x(self, index: int = 0) -> str:
        """The text of data input ``index``."""
        if index >= len(self.operands):
            self.fail(f"it has no input {index}")
        return self.operands[index]

    def known(self, index: int) -> Array | None:
        """The value of data input ``index`` where it is a constant."""
        return self.ctx.constant(index)

    def number(self, index: int) -> str:
        """Data input ``index`` as a Python integer."""
        value = self.known(index)
        return f"int({self.x(index)})" if value is None else str(int(value.reshape(())))

    def real(self, index: int) -> str:
        """Data input ``index``, a float of one element, in its own precision."""
        return self.x(index)

    def axes(self, index: int, rank: int | None) -> str:
        """Data input ``index`` as a tuple of axes; empty for none."""
        value = self.known(index)
        if value is None:
            return f"tuple(np.ravel({self.x(index)}))"
        listed = [int(v) for v in value.reshape(-1)]
        return str(listed[0]) if len(listed) == 1 else str(tuple(listed))

    def dims(self, index: int) -> str:
        """Data input ``index`` as a shape: a tuple where it is known, else the vector."""
        value = self.known(index)
        return self.x(index) if value is None else tuple_text([int(v) for v in value.reshape(-1)])

    def dtype(self, index: int = 0) -> DType:
        """The dtype of output ``index``."""
        found = self.outputs[index].dtype if index < len(self.outputs) else DType.INVALID
        if found.numpy is None or found is DType.STRING:
            self.fail(f"numpy has no {found.label}")
        return found

    def attr(self, key: str, default: Any = None) -> Any:
        """An attribute, or TensorFlow's default of it, or ``default``."""
        value = self.ctx.attr(key)
        return default if value is None else value

    def fail(self, why: str) -> NoReturn:
        """This node cannot be written.

        Raises:
            CannotWriteError: always.
        """
        raise CannotWriteError(why)


Rule = Callable[[Call], str]
"""The Python expression of a node: its value, or a sequence of values where the op has several outputs."""


def tuple_text(items: list[int]) -> str:
    """``(1, 2)``, ``(1,)`` or ``()``."""
    return str(tuple(items))


def numpy_name(dtype: DType) -> str:
    """``np.float32``."""
    kind = dtype.numpy
    if kind is None or kind.kind not in "biufc":
        raise CannotWriteError(f"numpy has no {dtype.label}")
    return f"np.{'bool_' if kind.kind == 'b' else kind.name}"


def real_text(value: float) -> str:
    """A number as Python reads it back, infinities included."""
    number = float(value)
    return repr(number) if math.isfinite(number) else f'float("{number}")'
