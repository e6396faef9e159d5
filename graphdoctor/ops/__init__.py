"""Every TensorFlow op graphdoctor knows: one class an op, one file a family."""

from __future__ import annotations

from graphdoctor.ops.base import CannotLowerError, InferError, Layout, Lowering, Op, OpContext
from graphdoctor.ops.registry import all_ops, find_op

__all__ = ["CannotLowerError", "InferError", "Layout", "Lowering", "Op", "OpContext", "all_ops", "find_op"]
