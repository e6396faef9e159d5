"""A part of a graph as the body of a Python function: straight-line numpy, loops and branches as Python has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from graphdoctor.formats.host import flow, library
from graphdoctor.formats.host.call import Call, CannotWriteError, Rule
from graphdoctor.formats.host.rules_array import ARRAYS, HANDLES, PASS_THROUGH, SEVERAL
from graphdoctor.formats.host.rules_math import MATH
from graphdoctor.formats.host.text import Names, array_text, check_constant, plain, scalar_text
from graphdoctor.ir import GraphView, Node, TensorSpec, Value, tensor_of
from graphdoctor.ops import find_op
from graphdoctor.ops.base import OpContext
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.types import Array, DType
from graphdoctor.wire.tensors import TensorError

RULES: Mapping[str, Rule] = {**MATH, **ARRAYS}
"""Every op that can be written in numpy, beside those of control flow."""
MOST_PACKED = 1 << 24
"""Bytes of constants that a host part may hold: it is code, and no place for weights."""
_IN_LINE = 8
_NO_NUMBERS = frozenset({DType.STRING, DType.VARIANT, DType.BFLOAT16})


class HostError(Exception):
    """A node of the host part cannot be written in numpy.

    Attributes:
        node: the node.
        why: the reason.
    """

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(f"{node.op} {node.name}: {why}")
        self.node, self.why = node, why


@dataclass(slots=True)
class Shared:
    """What all functions of one file have together: constants, and functions of ``library``."""

    names: Names = field(default_factory=Names)
    constants: dict[Value, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    packed: int = 0

    def need(self, name: str) -> str:
        """Ask for a function of ``library``."""
        self.needs.update((name, *library.NEEDS.get(name, ())))
        return name

    def constant(self, value: Value, known: Array | None) -> str:
        """A constant as text: in line where it is small, else by the name of a constant of the file.

        Args:
            value: a Const, or what inference found to be one.
            known: what inference found.
        """
        if value not in self.constants:
            array = _array_of(value.node) if known is None else known
            self.constants[value] = self._constant(value.node, array)
        return self.constants[value]

    def _constant(self, node: Node, array: Array) -> str:
        return scalar_text(array) if array.ndim == 0 else self.array(node, array, node.name)

    def array(self, node: Node, array: Array, wanted: str) -> str:
        """An array of one dimension or more as text; it comes from ``node`` and is called like ``wanted``."""
        text = array_text(array)
        if array.size <= _IN_LINE and "\n" not in text:
            return text
        if "\n" in text:
            self.need("constant")
            self.packed += array.nbytes
            if self.packed > MOST_PACKED:
                raise HostError(node, f"the constants of the host part take more than {MOST_PACKED >> 20} MiB")
        name = self.names.new(wanted, upper=True)
        self.lines.append(f"{name} = {text}  # {plain(node.name)}")
        return name


def _array_of(node: Node) -> Array:
    tensor = tensor_of(node)
    if tensor is None:
        raise HostError(node, "it has no value")
    try:
        check_constant(tensor.dtype)
        return tensor.array()
    except (TensorError, CannotWriteError) as e:
        raise HostError(node, str(e)) from e


@dataclass(slots=True)
class _Scope:
    """The names that may be used at a place; those of the places around it may be, too."""

    parent: _Scope | None = None
    names: dict[Value, str] = field(default_factory=dict)
    taken: dict[Value, int] = field(default_factory=dict)
    """Predicate -> the branch that this place is in."""
    indent: int = 1

    def find(self, value: Value) -> str | None:
        scope: _Scope | None = self
        while scope is not None:
            if value in scope.names:
                return scope.names[value]
            scope = scope.parent
        return None

    def branch(self, predicate: Value) -> int | None:
        scope: _Scope | None = self
        while scope is not None:
            if predicate in scope.taken:
                return scope.taken[predicate]
            scope = scope.parent
        return None


class Writer:
    """Writes the body of one function.

    Args:
        graph: where the nodes are.
        specs: what inference found in it.
        shared: what the file has besides.
        names: those of this function.
        given: values that are arguments, with their names.
        wanted: values that the function gives.
    """

    def __init__(
        self,
        graph: GraphView,
        specs: Specs,
        shared: Shared,
        names: Names,
        given: Mapping[Value, str],
        wanted: Sequence[Value],
    ) -> None:
        self.graph, self.specs, self.shared, self.names = graph, specs, shared, names
        self.wanted = tuple(wanted)
        self.lines: list[str] = []
        self.written: dict[Node, None] = {}
        self._top = _Scope(names=dict(given))
        self._live: AbstractSet[Node] = graph.live([v.node for v in wanted], controls=False)
        self._loops: dict[Node, flow.Loop] = {}

    def write(self) -> dict[Value, str]:
        """Write all; gives the text of each wanted value.

        Raises:
            HostError: a node cannot be written.
        """
        self._block(self.wanted, self._top)
        return {v: self._text(v, self._top) for v in self.wanted}

    # ---- order ----------------------------------------------------------------------------------------------

    def _block(self, wanted: Sequence[Value], scope: _Scope) -> None:
        """Write what ``wanted`` needs and is not known yet, producers first; without recursion along the graph."""
        stack = [(v, False) for v in reversed(wanted)]
        entered: set[Value] = set()
        while stack:
            value, ready = stack.pop()
            if self._is_known(value, scope):
                continue
            if ready:
                self._guarded(value, scope)
                continue
            if value in entered:
                raise HostError(value.node, "it depends on itself")
            entered.add(value)
            stack.append((value, True))
            stack += [(v, False) for v in reversed(self._guarded_needs(value, scope))]

    def _is_known(self, value: Value, scope: _Scope) -> bool:
        return scope.find(value) is not None or self._is_constant(value)

    def _is_constant(self, value: Value) -> bool:
        return value.node.op == "Const" or self._constant(value) is not None

    def _constant(self, value: Value) -> Array | None:
        found = self.specs.of(value).constant
        return found if found is not None and found.dtype.kind in "biufc" else None

    def _guarded(self, value: Value, scope: _Scope) -> None:
        try:
            self._write(value, scope)
        except CannotWriteError as e:
            raise HostError(value.node, str(e)) from e
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as e:
            raise HostError(value.node, f"its attributes or inputs are damaged ({type(e).__name__}: {e})") from e

    def _guarded_needs(self, value: Value, scope: _Scope) -> Sequence[Value]:
        try:
            return self._needs(value, scope)
        except CannotWriteError as e:
            raise HostError(value.node, str(e)) from e
        except (LookupError, TypeError, ValueError) as e:
            raise HostError(value.node, f"its inputs are damaged ({type(e).__name__}: {e})") from e

    def _needs(self, value: Value, scope: _Scope) -> Sequence[Value]:
        """What has to be written first."""
        node = value.node
        if node.op in flow.EXITS:
            return self._loop(node).before()
        if node.op in flow.MERGES:
            conditional = flow.conditional_at(node)
            return (conditional.predicate, *conditional.outside)
        if node.op in flow.SWITCHES:
            if scope.branch(flow.source(node.inputs[1])) != value.index:
                raise CannotWriteError("it is read in no branch of its predicate")
            return (node.inputs[0],)
        return node.inputs[1:] if node.op in HANDLES else node.inputs

    def _loop(self, exit_node: Node) -> flow.Loop:
        if exit_node not in self._loops:
            loop = flow.loop_at(self.graph, exit_node, self._live)
            self._loops[exit_node] = loop
        return self._loops[exit_node]

    # ---- writing --------------------------------------------------------------------------------------------

    def _text(self, value: Value, scope: _Scope) -> str:
        found = scope.find(value)
        if found is None and self._is_constant(value):
            return self.shared.constant(value, self._constant(value))
        if found is None:
            raise HostError(value.node, f"its output {value.index} is not given")
        return found

    def _write(self, value: Value, scope: _Scope) -> None:
        node = value.node
        self.written[node] = None
        if node.op in flow.EXITS:
            self._write_loop(node, scope)
        elif node.op in flow.MERGES:
            self._write_conditional(node, value, scope)
        elif node.op in PASS_THROUGH or node.op in flow.SWITCHES:
            scope.names[value] = self._text(node.inputs[0], scope)
        else:
            self._write_node(node, scope)

    def _write_node(self, node: Node, scope: _Scope) -> None:
        rule = RULES.get(node.op)
        if rule is None:
            raise CannotWriteError(why_not(node))
        if self.specs.output(node).dtype in _NO_NUMBERS:
            raise CannotWriteError(f"it gives {self.specs.output(node).dtype.label}")
        text = rule(self._call(node, scope))
        used = self._used(node)
        hint = node.name.rpartition("/")[2]
        if node.op == "TensorArrayV3":  # its flow stands for the array, its handle for nothing
            scope.names[node.out()] = "None"
            self._assign([node.out(1)], [self.names.new(hint)], text, node, scope)
        elif node.op not in SEVERAL:
            if max(used, default=0) > 0:
                raise CannotWriteError(f"output {used[-1]} of it is read")
            self._assign([node.out()], [self.names.new(hint)], text, node, scope)
        else:
            count = max(self._count(node), max(used, default=0) + 1)
            names = [self.names.new(hint) if k in used else "_" for k in range(count)]
            self._assign([node.out(k) for k in range(count)], names, text, node, scope)

    def _used(self, node: Node) -> list[int]:
        """The outputs of ``node`` that something reads."""
        read = {u.index for u in self.graph.uses(node) if u.slot >= 0 and u.node in self._live}
        return sorted(read | {v.index for v in self.wanted if v.node is node})

    def _count(self, node: Node) -> int:
        counts = {"Unpack": "num", "Split": "num_split", "SplitV": "num_split"}
        if node.op in counts:
            return int(node.attr(counts[node.op]) or 0)
        return {"NonMaxSuppressionV5": 3, "CombinedNonMaxSuppression": 4}.get(node.op, 2)

    def _assign(self, values: Sequence[Value], names: Sequence[str], text: str, node: Node, scope: _Scope) -> None:
        spec = self.specs.output(node)
        shown = f"  # {plain(node.name)} ({plain(node.op)})" + (f": {spec}" if spec.shape is not None else "")
        left = ", ".join(names) + ("," if len(names) == 1 and node.op in SEVERAL else "")
        self._line(f"{left} = {text}{shown}", scope)
        scope.names.update((v, n) for v, n in zip(values, names, strict=True) if n != "_")

    def _call(self, node: Node, scope: _Scope) -> Call:
        op = find_op(node.op)
        inputs, outputs = self.specs.inputs(node), self.specs.table.get(node, ())
        operands = tuple(
            "None" if k == 0 and node.op in HANDLES else self._text(v, scope) for k, v in enumerate(node.inputs)
        )
        context = OpContext(node, _at_run_time(node, inputs), op.defaults if op is not None else {})
        return Call(node, context, operands, self.shared.need, tuple(outputs))

    def _line(self, text: str, scope: _Scope) -> None:
        self.lines.append("    " * scope.indent + text)

    def _write_loop(self, exit_node: Node, scope: _Scope) -> None:
        loop = self._loop(exit_node)
        inside = _Scope(scope, indent=scope.indent + 1)
        for enter in loop.constants:
            inside.names[enter.out()] = self._text(enter.inputs[0], scope)
        names = {v.merge: self.names.new(v.first.node.name) for v in loop.variables}
        for v in loop.variables:
            self._line(f"{names[v.merge]} = {self._text(v.first, scope)}", scope)
            inside.names[v.merge.out()] = names[v.merge]
        self._line(f"while True:  # {plain(exit_node.scope)}", scope)
        condition = loop.condition.inputs[0]
        self._block([condition], inside)
        self._line(f"if not {self._text(condition, inside)}:", inside)
        self._line("    break", inside)
        self._write_body(loop, names, inside)
        self._leave(loop, names, scope)

    def _write_body(self, loop: flow.Loop, names: Mapping[Node, str], inside: _Scope) -> None:
        """One iteration: behind the condition each head goes on through its Switch."""
        for v in loop.variables:
            for switch in self.graph.consumers(v.merge):
                if switch.op in flow.SWITCHES and switch.inputs[1].node is loop.condition:
                    inside.names[switch.out(1)] = names[v.merge]
        self._block([v.following for v in loop.variables], inside)
        pairs = [(names[v.merge], self._text(v.following, inside)) for v in loop.variables]
        pairs = [(name, text) for name, text in pairs if name != text]
        if pairs:
            self._line(f"{', '.join(n for n, _ in pairs)} = {', '.join(t for _, t in pairs)}", inside)

    def _leave(self, loop: flow.Loop, names: Mapping[Node, str], scope: _Scope) -> None:
        for v in loop.variables:
            for switch in self.graph.consumers(v.merge):
                for reader in self.graph.consumers(switch) if switch.op in flow.SWITCHES else ():
                    if reader.op in flow.EXITS:
                        scope.names[reader.out()] = names[v.merge]

    def _write_conditional(self, merge: Node, value: Value, scope: _Scope) -> None:
        if value.index != 0:
            raise CannotWriteError("which branch was taken is read")
        conditional = flow.conditional_at(merge)
        name = self.names.new(merge.name)
        for taken in (1, 0):
            test = f"if {self._text(conditional.predicate, scope)}:  # {plain(merge.name)}"
            self._line(test if taken else "else:", scope)
            inside = _Scope(scope, taken={conditional.predicate: taken}, indent=scope.indent + 1)
            wanted = conditional.branches[taken]
            self._block([wanted], inside)
            self._line(f"{name} = {self._text(wanted, inside)}", inside)
        scope.names[value] = name


def _at_run_time(node: Node, specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """What is known of the inputs: their values only where they are constants, since a rule then writes them out."""
    return tuple(spec if spec.is_known or spec.value is None else TensorSpec(spec.dtype, spec.shape) for spec in specs)


_NETWORK = frozenset(
    "Conv2D DepthwiseConv2dNative Conv2DBackpropInput Conv3D MatMul BatchMatMul BatchMatMulV2 FusedBatchNorm "
    "FusedBatchNormV2 FusedBatchNormV3 MaxPool AvgPool".split()
)


def can_write(node: Node) -> bool:
    """True if there is a rule for the op of ``node``."""
    return node.op in RULES or node.op in PASS_THROUGH


def why_not(node: Node) -> str:
    """Why there is no rule for the op of ``node``."""
    if node.op in _NETWORK:
        return "it is a layer of the network, and no work for the host"
    return f"graphdoctor cannot write {node.op} in numpy"
