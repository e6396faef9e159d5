"""Which nodes may not be run once for another node's sake, since each run counts."""

from __future__ import annotations

from graphdoctor.ir import GraphView, Node
from graphdoctor.match.functions import is_stateful, read_library
from graphdoctor.ops import find_op
from graphdoctor.wire.attrs import FuncRef


class Effects:
    """Says of a node whether it does something or gives something else each time; functions are looked into."""

    def __init__(self, graph: GraphView) -> None:
        functions = graph.source.library.function if graph.source is not None else ()
        self._library = read_library(functions)
        self._known: dict[str, bool] = {}

    def __call__(self, node: Node) -> bool:
        """True if ``node`` may have an effect, or may give something else when it runs again with the same inputs."""
        called = [ref.name for key in node.attrs for ref in _functions(node.attr(key))]
        called += [node.op] if node.op in self._library.calls else []
        if called:
            return any(name not in self._library.calls or self._acts(name) for name in called)
        return self._op_acts(node.op)

    def _acts(self, name: str) -> bool:
        if name not in self._known:
            reached = self._library.reached([name])
            self._known[name] = any(self._op_acts(op) for called in reached for op in self._library.ops[called])
        return self._known[name]

    @staticmethod
    def _op_acts(op: str) -> bool:
        known = find_op(op)
        if known is not None and (known.stateful or known.side_effect):
            return True
        return is_stateful(op) if known is None else False


def _functions(value: object) -> list[FuncRef]:
    if isinstance(value, FuncRef):
        return [value]
    return [v for v in value if isinstance(v, FuncRef)] if isinstance(value, tuple) else []
