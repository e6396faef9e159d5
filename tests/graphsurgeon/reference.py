"""What edits mean, said slowly and plainly: a graph is a list of nodes, each a name, an op and a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass
class Plain:
    """One node."""

    name: str
    op: str
    input: list[str]


def base(reference: str) -> str:
    """``^name`` and ``name:1`` without what is around the name."""
    return reference.lstrip("^").split(":")[0]


class Reference:
    """A graph that looks at everything anew at each question."""

    def __init__(self, nodes: Iterable[Plain]) -> None:
        self.nodes = list(nodes)

    def node(self, name: str) -> Plain:
        """The node of that name."""
        return next(n for n in self.nodes if n.name == name)

    def names(self) -> list[str]:
        """All names, in order."""
        return [n.name for n in self.nodes]

    def readers(self, name: str) -> list[str]:
        """Names of the nodes that read ``name``, one for each time."""
        return [n.name for n in self.nodes for reference in n.input if base(reference) == name]

    def outputs(self) -> list[str]:
        """Nodes that read and are not read."""
        return [n.name for n in self.nodes if n.input and not self.readers(n.name)]

    def remove(self, names: list[str], exclusive: bool) -> None:
        """Take nodes away, and what only they read if ``exclusive``."""
        gone = set(names)
        more = exclusive
        while more:
            read = {base(reference) for n in self.nodes if n.name in gone for reference in n.input}
            new = {n for n in self.names() if n in read - gone and set(self.readers(n)) <= gone}
            gone, more = gone | new, bool(new)
        self.nodes = [n for n in self.nodes if n.name not in gone]
        for node in self.nodes:
            node.input = [reference for reference in node.input if base(reference) not in gone]

    def forward(self, names: list[str]) -> None:
        """Have readers read what the nodes read."""
        going = {n: self.node(n).input for n in names if self._is_plain(n)}
        going = {n: inputs for n, inputs in going.items() if not self._loops(n, going, ())}
        for node in self.nodes:
            node.input = self._forwarded(node.input, going)
        self.nodes = [n for n in self.nodes if n.name not in going]

    def _is_plain(self, name: str) -> bool:
        later = [r for n in self.nodes for r in n.input if base(r) == name and ":" in r and not r.endswith(":0")]
        return not later and not any(reference.startswith("^") for reference in self.node(name).input)

    def _loops(self, name: str, going: Mapping[str, list[str]], above: tuple[str, ...]) -> bool:
        if name in above:
            return True
        return any(self._loops(base(r), going, (*above, name)) for r in going[name] if base(r) in going)

    def _forwarded(self, inputs: list[str], going: Mapping[str, list[str]]) -> list[str]:
        found: list[str] = []
        for reference in inputs:
            if base(reference) not in going:
                found.append(reference)
                continue
            new = self._forwarded(going[base(reference)], going)
            if reference.startswith("^"):
                for waited in (f"^{base(r)}" for r in new):
                    if waited not in found:
                        found.append(waited)
            else:
                found += new
        return found

    def collapse(self, namespaces: Mapping[str, str], excluded: list[str], unique: bool) -> None:
        """Put one node, called as its op, in the place of each namespace."""
        plugin = {n: self._plugin(n, namespaces) for n in self.names() if n not in excluded}
        into = {n: p for n, p in plugin.items() if p}
        fed: dict[str, list[str]] = {p: [] for p in namespaces.values()}
        for node in self.nodes:
            inputs = [self._renamed(r, into) for r in node.input]
            if node.name in into:
                fed[into[node.name]] += [r for r in inputs if base(r) != into[node.name]]
            else:
                node.input = [r for i, r in enumerate(inputs) if not self._is_repeat(inputs, i, set(fed))]
        self.nodes = [n for n in self.nodes if n.name not in into]
        for name, inputs in fed.items():
            data = [r for r in inputs if r[0] != "^"]
            waited = [r for r in inputs if r[0] == "^" and r[1:] not in map(base, data)]
            ordered = list(dict.fromkeys(data)) if unique else data
            self.nodes.append(Plain(name, name, ordered + list(dict.fromkeys(waited))))

    def _plugin(self, name: str, namespaces: Mapping[str, str]) -> str:
        paths = [p for p in namespaces if name == p or name.startswith(f"{p}/")]
        return namespaces[max(paths, key=len)] if paths else ""

    def _renamed(self, reference: str, into: Mapping[str, str]) -> str:
        if base(reference) not in into:
            return reference
        return ("^" if reference[0] == "^" else "") + into[base(reference)]

    def _is_repeat(self, inputs: list[str], place: int, plugins: set[str]) -> bool:
        reference = inputs[place]
        if base(reference) not in plugins:
            return False
        return reference in inputs[:place] or (reference[0] == "^" and base(reference) in inputs)
