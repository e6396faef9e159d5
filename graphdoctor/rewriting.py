"""What a rewrite in Python is made of: the public names for packages that bring rewrites of their own.

A finder is a module of the package's ``finders`` with a function::

    def find(graph, facts, options):
        "Yield a Proposal at each place where the rewrite applies, a Refusal where it only looks so."

- ``graph`` is a :class:`GraphView`: iterate it, ``by_op(*ops)``, ``get(name)``, ``uses(node)``, ``consumers(node)``,
  ``is_output(node)``, ``inputs``, ``outputs``. It is frozen: nothing can be changed here.
- ``facts`` are :class:`Facts`: ``facts.specs.of(value)`` is what inference knows of a value (``dtype``, ``shape`` with
  ``None`` for an unknown dimension, ``constant`` where small), ``facts.target`` the target or ``None``.
- ``options`` is a record of the module's ``Options``, a frozen ``msgspec.Struct``; the pack's TOML fills it in.

A proposal is made by :func:`propose` from steps; the engine applies all of them or none, checks the graph, and takes
back what breaks it. Nodes that nothing reads any more go by themselves. Graphdoctor's own rewrites
(``graphdoctor/surgery/rewrites``) are made of the same.

What is listed in ``__all__`` keeps its name and meaning within a major version; the rest of graphdoctor may change.
"""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node, TensorSpec, Use, Value
from graphdoctor.match.constants import constant_of, scalar_of, source_of
from graphdoctor.match.names import reads_other_outputs
from graphdoctor.match.pattern import Pattern, PatternEdge
from graphdoctor.surgery.finder import NoOptions
from graphdoctor.surgery.proposal import (
    Drop,
    DropAttrs,
    Facts,
    Make,
    New,
    Proposal,
    Refusal,
    Rename,
    ReplaceValue,
    SetAttr,
    SetInputs,
    SetOp,
    StandFor,
    TakeOver,
    propose,
)
from graphdoctor.surgery.rewrites.common import (
    array_of,
    become,
    const_step,
    dtype_of,
    forward,
    known_array,
    lacks,
    looked_at,
    with_inputs,
)
from graphdoctor.types import DType
from graphdoctor.wire.attrs import ShapeValue
from graphdoctor.wire.tensors import Tensor

__all__ = [
    "DType",
    "Drop",
    "DropAttrs",
    "Facts",
    "GraphView",
    "Make",
    "New",
    "NoOptions",
    "Node",
    "Pattern",
    "PatternEdge",
    "Proposal",
    "Refusal",
    "Rename",
    "ReplaceValue",
    "SetAttr",
    "SetInputs",
    "SetOp",
    "ShapeValue",
    "StandFor",
    "TakeOver",
    "Tensor",
    "TensorSpec",
    "Use",
    "Value",
    "array_of",
    "become",
    "const_step",
    "constant_of",
    "dtype_of",
    "forward",
    "known_array",
    "lacks",
    "looked_at",
    "propose",
    "reads_other_outputs",
    "scalar_of",
    "source_of",
    "with_inputs",
]
