"""The model in memory: nodes, their edges in networkx, indexes, and one door for every change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from graphdoctor.errors import InputError, InternalError
from graphdoctor.ir.attrs import Attrs
from graphdoctor.ir.edits import Added, Changed, Edit, NodeDiff, Removed, diff_of, inverse
from graphdoctor.ir.node import CONTROL_SLOT, MISSING_OP, Node, NodeRecord, Use, Value
from graphdoctor.ir.order import Order, topological_order
from graphdoctor.ir.readers import ReaderIndex
from graphdoctor.wire.attrs import AttrPy

if TYPE_CHECKING:
    from networkx import MultiDiGraph


class Graph:
    """A graph of TensorFlow nodes.

    It *has* a ``networkx.MultiDiGraph`` (:meth:`networkx`), made when it is asked for; it is not one. Nodes that are
    referred to and missing stand in the graph with an empty op, so that a dangling input is seen.

    Attributes:
        inputs: nodes fed from outside, once they were found or given.
        outputs: values wanted by the user, once they were found or given.
        producer: GraphDef version of the TensorFlow that wrote it; 0 when it does not say, ``None`` for no file.
        source: the GraphDef message without nodes (versions, library, unknown fields), or ``None``.
        version: grows with every change; analyses use it to know that they are stale.
    """

    def __init__(self) -> None:
        self._readers = ReaderIndex()
        self._digraph: tuple[int, MultiDiGraph[Node]] | None = None
        self._nodes: dict[Node, None] = {}
        self._by_name: dict[str, Node] = {}
        self._by_op: dict[str, dict[Node, None]] = {}
        self._missing: dict[str, Node] = {}
        self._log: list[Edit] = []
        self._frozen = 0
        self._order: tuple[int, Order] | None = None
        self.inputs: tuple[Node, ...] = ()
        self.outputs: tuple[Value, ...] = ()
        self.source: Any = None
        self.producer: int | None = None
        self.version = 0

    # ---- building -------------------------------------------------------------------------------------------

    @classmethod
    def from_records(cls, records: Iterable[NodeRecord], source: Any = None) -> Graph:
        """A graph of ``records`` in their order; the edit log starts empty.

        Raises:
            InputError: two records have the same name.
        """
        graph = cls()
        graph.source = source
        pending: list[tuple[Node, Sequence[str]]] = []
        for r in records:
            if r.name in graph._by_name:
                raise InputError(
                    f"two nodes are named {r.name!r} ({graph._by_name[r.name].op} and {r.op})",
                    remedy="TensorFlow refuses such a graph too; export it again",
                )
            node = Node(r.name, r.op, r.attrs, device=r.device, source=r.source)
            graph._insert(node)
            pending.append((node, r.inputs))
        for node, refs in pending:
            inputs, controls = graph._resolve(refs)
            object.__setattr__(node, "inputs", inputs)
            object.__setattr__(node, "controls", controls)
            graph._readers.connect(node)
        return graph

    def _resolve(self, refs: Sequence[str]) -> tuple[tuple[Value, ...], tuple[Node, ...]]:
        inputs: list[Value] = []
        controls: list[Node] = []
        for ref in refs:
            if ref.startswith("^"):
                controls.append(self._lookup(ref[1:]))
            else:
                inputs.append(self.value(ref))
        return tuple(inputs), tuple(controls)

    def value(self, ref: str) -> Value:
        """The value that ``name`` or ``name:index`` refers to; a missing node gives a value whose node is missing."""
        if ref in self._by_name:
            return Value(self._by_name[ref], 0)
        name, colon, tail = ref.rpartition(":")
        if colon and tail.isdecimal():
            return Value(self._lookup(name), int(tail))
        return Value(self._lookup(ref), 0)

    def _lookup(self, name: str) -> Node:
        node = self._by_name.get(name)
        if node is None:
            node = self._missing.get(name)
            if node is None:
                node = self._missing[name] = Node(name, MISSING_OP)
        return node

    # ---- reading --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def get(self, name: str) -> Node | None:
        """The node named ``name``, or ``None``."""
        return self._by_name.get(name)

    def node(self, name: str) -> Node:
        """The node named ``name``.

        Raises:
            InputError: there is none; the message offers the nearest names.
        """
        node = self._by_name.get(name)
        if node is None:
            near = get_close_matches(name, self._by_name, n=3, cutoff=0.6) if len(self) < 50_000 else []
            raise InputError(
                f"no node is named {name!r}",
                remedy=f"Did you mean {' or '.join(near)}?" if near else "graphdoctor inspect lists inputs and outputs",
            )
        return node

    def ops(self) -> dict[str, int]:
        """Number of nodes by op, most frequent first."""
        counts = {op: len(nodes) for op, nodes in self._by_op.items() if nodes}
        return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))

    def by_op(self, *ops: str) -> list[Node]:
        """The nodes of any of ``ops``, op by op in file order."""
        return [node for op in ops for node in self._by_op.get(op, ())]

    def by_scope(self, scope: str) -> list[Node]:
        """The nodes in name scope ``scope`` and below, the node of that name included."""
        prefix = scope.rstrip("/") + "/"
        return [n for n in self._nodes if n.name.startswith(prefix) or n.name == scope]

    def missing(self) -> list[Node]:
        """Nodes that are referred to and do not exist, by name."""
        return [n for _, n in sorted(self._missing.items()) if self._readers.consumers(n)]

    def uses(self, node: Node, index: int | None = None) -> list[Use]:
        """Where ``node`` (or only its output ``index``) is read; control uses are left out when ``index`` is given."""
        return self._readers.uses(node, index)

    def consumers(self, node: Node) -> list[Node]:
        """The nodes that read ``node``, by data or control, each once."""
        return self._readers.consumers(node)

    def sole_use(self, value: Value) -> Use | None:
        """The only use of ``value``'s node, if it has exactly one, by data, and it is no output of the graph."""
        uses = self.uses(value.node)
        if len(uses) != 1 or uses[0].slot == CONTROL_SLOT or self.is_output(value.node):
            return None
        return uses[0] if uses[0].index == value.index else None

    def is_output(self, node: Node) -> bool:
        """True if a value of ``node`` is an output of the graph."""
        return any(v.node is node for v in self.outputs)

    def order(self) -> Order:
        """Nodes with producers first; see :class:`Order` for cycles. Computed once per version."""
        if self._order is None or self._order[0] != self.version:
            self._order = (self.version, topological_order(self))
        return self._order[1]

    def live(self, roots: Iterable[Node] | None = None, *, controls: bool = True) -> set[Node]:
        """The nodes that ``roots`` (default: the nodes of the outputs) depend on, roots included.

        Without ``controls`` only data counts: what the numbers depend on.
        """
        start = [v.node for v in self.outputs] if roots is None else list(roots)
        seen = set(start)
        while start:
            node = start.pop()
            read = [producer for producer, _ in node.inputs if producer not in seen]
            if controls and node.controls:
                read += [c for c in node.controls if c not in seen]
            seen.update(read)
            start += read
        return {n for n in seen if n.op != MISSING_OP}

    def networkx(self) -> MultiDiGraph[Node]:
        """The digraph for the user's own algorithms: as the graph is now, and frozen.

        Edges go from producer to consumer; the key is the consumer's input number (controls count down from -1), and
        ``port`` is the producer's output (-1 for a control).
        """
        if self._digraph is None or self._digraph[0] != self.version:
            from graphdoctor.ir.digraph import digraph_of

            self._digraph = (self.version, digraph_of(self._nodes, self._readers.table))
        return self._digraph[1]

    def unique_name(self, wanted: str) -> str:
        """``wanted``, or ``wanted_1`` and so on: a name that no node has."""
        name, k = wanted, 0
        while name in self._by_name:
            k += 1
            name = f"{wanted}_{k}"
        return name

    # ---- writing: everything goes through _record -----------------------------------------------------------

    def add(
        self,
        op: str,
        name: str,
        inputs: Sequence[Value] = (),
        attrs: Mapping[str, AttrPy] | None = None,
        *,
        controls: Sequence[Node] = (),
        device: str = "",
        origins: tuple[str, ...] = (),
    ) -> Node:
        """Add a node; ``name`` gets a number if it is taken. Returns the node."""
        node = Node(self.unique_name(name), op, Attrs(attrs), device=device, origins=origins)
        object.__setattr__(node, "inputs", tuple(inputs))
        object.__setattr__(node, "controls", tuple(controls))
        self._record(Added(node))
        return node

    def remove(self, node: Node) -> None:
        """Remove ``node``; whoever reads it is left with a dangling input, as seen by the invariants."""
        self._record(Removed(node))

    def set_inputs(self, node: Node, inputs: Sequence[Value], controls: Sequence[Node] | None = None) -> None:
        """Replace the data inputs and, if given, the control inputs of ``node``."""
        self._change(node, "inputs", tuple(inputs))
        if controls is not None:
            self._change(node, "controls", tuple(controls))

    def set_input(self, node: Node, slot: int, value: Value) -> None:
        """Replace one data input of ``node``."""
        self.set_inputs(node, [value if i == slot else v for i, v in enumerate(node.inputs)])

    def set_op(self, node: Node, op: str) -> None:
        """Change the op of ``node``."""
        self._change(node, "op", op)

    def set_attr(self, node: Node, key: str, value: AttrPy) -> None:
        """Set one attribute of ``node``."""
        self._change(node, "attrs", node.attrs.with_value(key, value))

    def drop_attrs(self, node: Node, *keys: str) -> None:
        """Remove attributes of ``node``; absent ones are no error."""
        self._change(node, "attrs", node.attrs.without(*keys))

    def set_origins(self, node: Node, origins: Iterable[str]) -> None:
        """Say which nodes of the original graph ``node`` stands for."""
        self._change(node, "origins", tuple(dict.fromkeys(origins)))

    def rename(self, node: Node, name: str) -> None:
        """Rename ``node``; its consumers follow.

        Raises:
            InputError: the name is taken.
        """
        if name in self._by_name and self._by_name[name] is not node:
            raise InputError(f"a node named {name!r} exists already", where=node.name)
        self._change(node, "name", name)

    def replace_uses(self, old: Value, new: Value, *, only: Callable[[Use], bool] | None = None) -> int:
        """Make every data use of ``old`` (or those that ``only`` accepts) read ``new``; returns how many did."""
        uses = [u for u in self.uses(old.node, old.index) if only is None or only(u)]
        for use in uses:
            self.set_input(use.node, use.slot, new)
        return len(uses)

    # ---- edit log -------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """A place in the edit log, for :meth:`rollback` and :meth:`diff`."""
        return len(self._log)

    def edits(self, mark: int = 0) -> list[Edit]:
        """The edits since ``mark``."""
        return self._log[mark:]

    def diff(self, mark: int = 0) -> list[NodeDiff]:
        """What changed since ``mark``, node by node, sorted by name."""
        return diff_of(self._log[mark:])

    def rollback(self, mark: int) -> None:
        """Take back every edit since ``mark``, the last one first."""
        self._check_writable()
        while len(self._log) > mark:
            self._apply(inverse(self._log.pop()))

    def freeze(self) -> None:
        """Forbid changes until :meth:`thaw`; freezes nest."""
        self._frozen += 1

    def thaw(self) -> None:
        """Take back one :meth:`freeze`."""
        self._frozen -= 1

    def _check_writable(self) -> None:
        if self._frozen:
            raise InternalError("a rule tried to change the graph while it was frozen")

    def _change(self, node: Node, field: str, after: Any) -> None:
        before = getattr(node, field)
        if before is not after and (field == "attrs" or before != after):
            self._record(Changed(node, field, before, after))

    def _record(self, edit: Edit) -> None:
        self._check_writable()
        self._apply(edit)
        self._log.append(edit)

    def _apply(self, edit: Edit) -> None:
        self.version += 1
        if isinstance(edit, Added):
            self._insert(edit.node)
            self._readers.connect(edit.node)
        elif isinstance(edit, Removed):
            self._delete(edit.node)
        else:
            self._write(edit)

    # ---- the indexes and the digraph ------------------------------------------------------------------------

    def _insert(self, node: Node) -> None:
        self._nodes[node] = None
        self._by_name[node.name] = node
        self._by_op.setdefault(node.op, {})[node] = None
        ghost = self._missing.pop(node.name, None)
        if ghost is not None:
            self._adopt(ghost, node)

    def _adopt(self, ghost: Node, node: Node) -> None:
        """A node that was missing has come: whoever referred to it by name reads the real one."""
        for user in self.consumers(ghost):
            self._readers.disconnect(user)
            inputs = tuple(Value(node, v.index) if v.node is ghost else v for v in user.inputs)
            object.__setattr__(user, "inputs", inputs)
            object.__setattr__(user, "controls", tuple(node if c is ghost else c for c in user.controls))
            self._readers.connect(user)
        self._readers.forget(ghost)

    def _delete(self, node: Node) -> None:
        self._readers.disconnect(node)
        users = self.consumers(node)
        if users:
            raise InternalError(f"{node.name} was removed while {users[0].name} still reads it")
        del self._nodes[node]
        del self._by_name[node.name]
        del self._by_op[node.op][node]
        self._readers.forget(node)

    def _write(self, edit: Changed) -> None:
        node = edit.node
        if edit.field == "inputs":
            self._readers.rewire(node, edit.before, edit.after)
            object.__setattr__(node, "inputs", edit.after)
        elif edit.field == "controls":
            self._readers.disconnect(node)
            object.__setattr__(node, "controls", edit.after)
            self._readers.connect(node)
        elif edit.field == "op":
            del self._by_op[node.op][node]
            object.__setattr__(node, "op", edit.after)
            self._by_op.setdefault(node.op, {})[node] = None
        elif edit.field == "name":
            del self._by_name[node.name]
            object.__setattr__(node, "name", edit.after)
            self._by_name[node.name] = node
        else:
            object.__setattr__(node, edit.field, edit.after)
