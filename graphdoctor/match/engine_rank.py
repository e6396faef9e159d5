"""How many dimensions a value has in an engine with an implicit batch, which every network from UFF has.

The batch is no dimension there. Three layers leave another number than TensorFlow does:

- a reduction keeps the dimensions that it reduces (the UFF parser ignores keep_dims);
- FullyConnected takes three or more and leaves as many, the last two of size 1 (class IFullyConnectedLayer in the
  TensorRT API documentation, 4.0.1 to 8.6.1);
- behind a Reshape or Flatten to [N,K] a FullyConnected works: NVIDIA's own samples do that on TensorRT 3 (tf_to_trt),
  5.0 (end_to_end_tensorflow_mnist) and 6.0 (cookbook, 04-TF-UFF-TensorRT). What other layers see there is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import PASS_THROUGH
from graphdoctor.match.context import EngineRank, SpecTable

ACTIVATIONS = frozenset(
    "Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softplus Softsign Abs Neg Sqrt Rsqrt Square Exp Log Sin Cos Tan Sinh "
    "Cosh Asin Acos Atan Asinh Acosh Atanh Ceil Floor".split()
)
BINARY = frozenset("Add AddV2 Sub Mul Div RealDiv Maximum Minimum".split())
REDUCTIONS = frozenset("Mean Sum Max Min Prod".split())
_KEEP = (
    frozenset(
        "BiasAdd Softmax MaxPool AvgPool LRN FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Pad Transpose Conv2D "
        "DepthwiseConv2dNative".split()
    )
    | ACTIVATIONS
    | REDUCTIONS
    | PASS_THROUGH
)
BY_SHAPE = frozenset("ExpandDims StridedSlice Pack Gather GatherV2".split())
NOT_KNOWN = frozenset("Squeeze ArgMax ArgMin ResourceGather".split())
"""Ops that a target may run and of which it is not known how many dimensions they leave."""
_PLUGIN = "_TRT"
_INPUTS = frozenset("Placeholder PlaceholderWithDefault IteratorGetNext QueueDequeueV2".split())
_SHAPES = frozenset("Shape ShapeN Size Rank".split())
_FC = 3
_ARITHMETIC = EngineRank(None, arithmetic=True, why="it is arithmetic")


_SAME_DIMENSIONS = ACTIVATIONS | BINARY | PASS_THROUGH | {"BiasAdd", "Softmax"}


def near_outputs(graph: GraphView) -> frozenset[Node]:
    """The nodes that give an output of ``graph``, as it is or behind ops that keep its dimensions."""
    found: set[Node] = set()
    waiting = [v.node for v in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [v.node for v in node.inputs] if node.op in _SAME_DIMENSIONS else []
    return frozenset(found)


class EngineRanks:
    """The number of dimensions of every value of one graph; stale after any change of the graph.

    Args:
        graph: its inputs are set.
        specs: from inference over ``graph``.
        is_constant: whether a node computes the same value every time.
    """

    def __init__(self, graph: GraphView, specs: SpecTable, is_constant: Callable[[Node], bool]) -> None:
        self.specs = specs
        self.is_constant = is_constant
        self._known: dict[Node, EngineRank] = {}
        for node in graph.order().nodes:
            self._known[node] = self._infer(node)

    def of(self, value: Value) -> EngineRank:
        """What the engine has of ``value``; nothing is said of constants and arithmetic on shapes."""
        found = self._known.get(value.node)
        return EngineRank(None, why=f"{value.node.name} is not in the order of the graph") if found is None else found

    def _infer(self, node: Node) -> EngineRank:
        op = node.op
        if op == "Const" or op in _SHAPES or self.is_constant(node) or self._is_arithmetic(node):
            return _ARITHMETIC
        if op in _INPUTS:
            return self._without_batch(node)._replace(moot=self.specs.output(node).rank is None)
        if op in _KEEP:
            return self._of_input(node, 0)
        if op in BINARY or op == "ConcatV2":
            return self._joined(node)
        if op == "MatMul":
            return EngineRank(_FC)
        if op == "Conv2DBackpropInput":
            return self._of_input(node, 2)
        if op == "Reshape":
            return self._reshaped(node)
        if op in BY_SHAPE and self._is_plain(node):
            return self._without_batch(node)
        thought_of = op in BY_SHAPE | NOT_KNOWN or op.endswith(_PLUGIN)
        moot = not thought_of or any(self.of(v).moot for v in node.inputs)
        return EngineRank(None, moot=moot, why=f"nothing says how many dimensions {op} leaves ({node.name})")

    def _is_arithmetic(self, node: Node) -> bool:
        return bool(node.inputs) and all(self.of(v).arithmetic for v in node.inputs)

    def _reshaped(self, node: Node) -> EngineRank:
        moot = self._of_input(node, 0).moot
        if self.specs.output(node).rank == 2 or "flatten" in node.scope.rpartition("/")[2].lower():
            return EngineRank(None, flat=True, moot=moot, why=f"{node.op} flattens to it")
        return self._without_batch(node)._replace(moot=moot)

    def _without_batch(self, node: Node) -> EngineRank:
        rank = self.specs.output(node).rank
        if rank is None:
            return EngineRank(None, why=f"the rank of {node.name} is not known")
        return EngineRank(max(rank - 1, 0))

    def _of_input(self, node: Node, slot: int) -> EngineRank:
        if slot >= len(node.inputs):
            return EngineRank(None, why=f"{node.name} lacks its input")
        return self.of(node.inputs[slot])

    def _is_plain(self, node: Node) -> bool:
        """True if input 0 has the dimensions that TensorFlow gives it, but for the batch."""
        rank = self.specs.of(node.inputs[0]).rank if node.inputs else None
        return rank is not None and self._of_input(node, 0).rank == rank - 1

    def _joined(self, node: Node) -> EngineRank:
        """What the computed inputs agree on; the constant ones are laid over them."""
        found = [r for r in map(self.of, node.inputs) if not r.arithmetic]
        unknown = sorted((r for r in found if r.rank is None), key=lambda r: not r.moot)
        known = {r.rank for r in found if r.rank is not None}
        if len(known) == 1 and not unknown:
            return EngineRank(known.pop())
        if known and (len(known) > 1 or not unknown[0].moot):
            return EngineRank(None, why=f"the inputs of {node.name} have different numbers of dimensions there")
        return unknown[0] if unknown else EngineRank(None, why=f"{node.name} has no computed input")


def unlike(ranks: Iterable[EngineRank]) -> bool:
    """True if two of ``ranks`` are known not to be alike; a Reshape to [N,K] is like itself alone."""
    return (
        len({(r.rank, r.flat) for r in ranks if not r.arithmetic and not r.moot and (r.flat or r.rank is not None)}) > 1
    )
