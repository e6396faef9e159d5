"""Random graphs, random edits: the API and a slow, plain model of it always agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphdoctor.graphsurgeon as gs
from tests.graphsurgeon.reference import Plain, Reference, base

NAMES = ["a", "b", "n/a", "n/b", "n/m/a", "n/m/b", "q/a", "q/b", "n", "q"]
OPS = ["Id", "Add", "Placeholder"]
UNKNOWN = ["gone", "n/gone"]


@st.composite
def nodes(draw: st.DrawFn) -> list[tuple[str, str, list[str]]]:
    """Up to ten nodes that read each other in any order and way; some of what they read is not there."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=10, unique=True))
    made = st.tuples(st.sampled_from(OPS), st.lists(references([*names, *UNKNOWN]), max_size=4))
    return [(name, *draw(made)) for name in names]


def references(names: list[str]) -> st.SearchStrategy[str]:
    """Plain, as an output, or waited for."""
    form = st.sampled_from(["{}", "{}", "{}", "{}:0", "{}:1", "^{}"])
    return st.builds(lambda f, n: f.format(n), form, st.sampled_from(names))


def check(graph: gs.DynamicGraph, plain: Reference) -> None:
    """Nodes and all tables are the same."""
    assert [(n.name, n.op, list(n.input)) for n in graph] == [(n.name, n.op, n.input) for n in plain.nodes]
    assert list(graph.node_map) == plain.names()
    read = {base(reference) for n in plain.nodes for reference in n.input}
    found = {name: [n.name for n in readers] for name, readers in graph.node_outputs.items()}
    assert found == {name: plain.readers(name) for name in read}
    assert [n.name for n in graph.graph_outputs] == plain.outputs()
    assert [n.name for n in graph.graph_inputs] == [n.name for n in plain.nodes if n.op == "Placeholder"]
    assert [n.name for n in graph.find_nodes_by_op("Id")] == [n.name for n in plain.nodes if n.op == "Id"]
    last = [n.name for n in graph.find_nodes_by_name("a")]
    assert last == [n for n in plain.names() if n.rpartition("/")[2] == "a"]
    assert [n.name for n in graph.find_nodes_by_path("n/.*")] == [n for n in plain.names() if n.startswith("n/")]


class Editor:
    """The same edit on both sides; ``k`` numbers new names."""

    def __init__(self, made: list[tuple[str, str, list[str]]]) -> None:
        self.plain = Reference(Plain(name, op, list(inputs)) for name, op, inputs in made)
        self.graph = gs.DynamicGraph()
        self.graph.extend([gs.create_node(name, op, inputs=inputs) for name, op, inputs in made])
        self.k = 0

    def edit(self, draw: st.DrawFn) -> None:
        """One edit of any kind; those of single nodes only where there is one."""
        names = self.plain.names()
        kinds = [self.append, self.collapse]
        if names:
            kinds += [self.remove, self.forward, self.connect, self.disconnect, self.sort, self.rename, self.in_place]
        draw(st.sampled_from(kinds))(draw, names)

    def some(self, draw: st.DrawFn, names: list[str]) -> list[str]:
        """Several of ``names``, in any order."""
        return draw(st.lists(st.sampled_from(names), min_size=1, unique=True))

    def fresh(self) -> str:
        """A name that nobody has or reads."""
        self.k += 1
        return f"n/new{self.k}"

    def append(self, draw: st.DrawFn, names: list[str]) -> None:
        missing = [n for n in UNKNOWN if n not in names]
        name = draw(st.sampled_from([*missing, self.fresh()]))
        inputs = draw(st.lists(references([*names, *UNKNOWN]), max_size=3))
        self.graph.append(gs.create_node(name, "Id", inputs=inputs))
        self.plain.nodes.append(Plain(name, "Id", inputs))

    def remove(self, draw: st.DrawFn, names: list[str]) -> None:
        gone, exclusive = self.some(draw, names), draw(st.booleans())
        self.graph.remove(gone if draw(st.booleans()) else [self.graph[n] for n in gone], exclusive)
        self.plain.remove(gone, exclusive)

    def forward(self, draw: st.DrawFn, names: list[str]) -> None:
        gone = self.some(draw, names)
        self.graph.forward_inputs([self.graph[n] for n in gone])
        self.plain.forward(gone)

    def collapse(self, draw: st.DrawFn, names: list[str]) -> None:
        paths = draw(st.lists(st.sampled_from(["n", "n/m", "q", "q/a", "x"]), min_size=1, unique=True))
        made = [self.fresh().replace("n/", "P") for _ in paths]
        shared = {path: draw(st.sampled_from(made)) for path in paths}
        excluded, unique = draw(st.lists(st.sampled_from(names or ["x"]), max_size=2)), draw(st.booleans())
        plugins = {name: gs.create_plugin_node(name) for name in shared.values()}
        self.graph.collapse_namespaces({p: plugins[n] for p, n in shared.items()}, excluded, unique_inputs=unique)
        self.plain.collapse(shared, excluded, unique)

    def connect(self, draw: st.DrawFn, names: list[str]) -> None:
        who, whom = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        self.graph.connect(who, whom)
        if who not in (inputs := self.plain.node(whom).input):
            inputs.append(who)

    def disconnect(self, draw: st.DrawFn, names: list[str]) -> None:
        who, whom = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        self.graph.disconnect(who, whom)
        inputs = self.plain.node(whom).input
        of_it = [r for r in inputs if base(r) == who]
        for wanted in (lambda r: r == who, lambda r: r[0] != "^", lambda r: True):
            if first := [r for r in of_it if wanted(r)]:
                inputs.remove(first[0])
                return

    def sort(self, draw: st.DrawFn, names: list[str]) -> None:
        node = self.plain.node(draw(st.sampled_from(names)))
        first = draw(st.permutations(node.input))[: draw(st.integers(0, 3))]
        rest = list(node.input)
        for reference in first:
            rest.remove(reference)
        self.graph.sort(node.name, first)
        node.input = [*first, *rest]

    def rename(self, draw: st.DrawFn, names: list[str]) -> None:
        name = draw(st.sampled_from(names))
        new = draw(st.sampled_from([self.fresh(), *(n for n in UNKNOWN if n not in names)]))
        gs.update_node(self.graph[name], name=new)
        self.plain.node(name).name = new

    def in_place(self, draw: st.DrawFn, names: list[str]) -> None:
        name, reference = draw(st.sampled_from(names)), draw(references([*names, *UNKNOWN]))
        changes: list[Any] = [
            lambda i: i.append(reference),
            lambda i: i.extend([reference, "gone"]),
            lambda i: i.insert(1, reference),
            lambda i: i.__setitem__(slice(0, 1), [reference, reference]),
            lambda i: i.__setitem__(-1, reference) if i else None,
            lambda i: i.pop() if i else None,
            lambda i: i.__delitem__(slice(1, None)),
            lambda i: i.remove(i[-1]) if i else None,
            lambda i: i.reverse(),
            lambda i: i.sort(),
            lambda i: i.__iadd__([reference]),
            lambda i: i.__imul__(2) if len(i) < 5 else None,
            lambda i: i.clear(),
        ]
        change = draw(st.sampled_from(changes))
        change(self.graph[name].input)
        change(self.plain.node(name).input)


pytestmark = pytest.mark.filterwarnings("ignore:.*lies between two members:UserWarning")


@settings(deadline=None)
@given(nodes(), st.data())
def test_edits_mean_what_the_plain_model_says(made: list[tuple[str, str, list[str]]], data: st.DataObject) -> None:
    editor = Editor(made)
    check(editor.graph, editor.plain)
    for _ in range(data.draw(st.integers(1, 8))):
        editor.edit(data.draw)
        check(editor.graph, editor.plain)
    data_back = editor.graph.as_graph_def().SerializeToString()
    check(gs.DynamicGraph(gs.GraphDef.FromString(data_back)), editor.plain)


@settings(deadline=None)
@given(nodes(), st.data())
def test_a_question_first_or_last_makes_no_difference(
    made: list[tuple[str, str, list[str]]], data: st.DataObject
) -> None:
    """The index catches up with many edits at once as with each."""
    editor = Editor(made)
    for _ in range(data.draw(st.integers(2, 10))):
        editor.edit(data.draw)
    check(editor.graph, editor.plain)
