"""Random small graphs: arithmetic on [2,3], Identities, control edges, branches, effects, dead ends, batch norms."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from graphdoctor.ir import Graph
from graphdoctor.ir.text import parse_graph
from graphdoctor.passes.complete import complete_attrs

_UNARY = ("Relu", "Neg", "Abs", "Tanh", "Relu6", "Sign")
_THROUGH = ("Identity", "StopGradient", "Snapshot", "CheckNumerics")
_BINARY = ("Add", "AddV2", "Sub", "Mul", "Maximum", "Minimum")
_STEPS = ("unary", "through", "binary", "constant", "arithmetic", "product", "bias", "norm", "cond", "noop", "effect")


@dataclass
class _Builder:
    """Lines of text, and what can be read and waited for."""

    draw: st.DrawFn
    lines: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)

    def name(self) -> str:
        return f"n{len(self.lines)}"

    def add(self, text: str, *, wait: bool = True) -> str:
        """A node ``text`` = ``Op(inputs)``, with control inputs now and then."""
        name = self.name()
        if wait and self.nodes and self.draw(st.integers(0, 3)) == 0:
            controls = self.draw(st.lists(st.sampled_from(self.nodes), min_size=1, max_size=2, unique=True))
            text = text.removesuffix(")") + ", " + ", ".join(f"^{c}" for c in controls) + ")"
        self.lines.append(f"{name} = {text}".replace("(, ", "("))
        self.nodes.append(name)
        return name

    def value(self, text: str) -> str:
        self.values.append(self.add(text))
        return self.values[-1]

    def pick(self) -> str:
        return self.draw(st.sampled_from(self.values))

    def number(self) -> float:
        return self.draw(st.sampled_from([-2.0, -1.0, -0.5, 0.25, 0.5, 1.0, 1.5, 2.0]))

    def constant(self, dims: str) -> str:
        size = {"": 0, "3": 3, "1,3": 3, "3,3": 9, "2,3": 6}[dims]
        payload = self.number() if not size else [self.number() for _ in range(size)]
        name = self.name()
        self.lines.append(f"{name} = Const float32[{dims}] {payload}")
        return name

    def any_constant(self) -> str:
        again: bool = self.draw(st.booleans())
        if self.constants and again:
            return self.draw(st.sampled_from(self.constants))
        self.constants.append(self.constant(self.draw(st.sampled_from(["", "3", "1,3", "2,3"]))))
        return self.constants[-1]

    # ---- steps ----------------------------------------------------------------------------------------------

    def unary(self) -> None:
        self.value(f"{self.draw(st.sampled_from(_UNARY))}({self.pick()})")

    def through(self) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.value(f"{self.draw(st.sampled_from(_THROUGH))}({self.values[-1]})")

    def binary(self) -> None:
        self.value(f"{self.draw(st.sampled_from(_BINARY))}({self.pick()}, {self.pick()})")

    def constant_operand(self) -> None:
        a, b = self.pick(), self.any_constant()
        a, b = (b, a) if self.draw(st.booleans()) else (a, b)
        self.value(f"{self.draw(st.sampled_from(_BINARY))}({a}, {b})")

    def arithmetic(self) -> None:
        """Constants among themselves."""
        a, b = self.any_constant(), self.any_constant()
        self.constants.append(self.add(f"{self.draw(st.sampled_from(_BINARY))}({a}, {b})"))

    def product(self) -> None:
        self.value(f"MatMul({self.pick()}, {self.constant('3,3')})")

    def bias(self) -> None:
        self.value(f"BiasAdd({self.values[-1]}, {self.constant('3')})")

    def norm(self) -> None:
        """A batch normalization as Keras writes it, behind the last value."""
        x = self.values[-1]
        variance, epsilon = self.name(), self.name()
        self.lines.append(f"{variance} = Const float32[3] [0.5, 2.0, 3.0]")
        epsilon = self.name()
        self.lines.append(f"{epsilon} = Const float32[] 0.5")
        root = self.add(f"Rsqrt({self.add(f'AddV2({variance}, {epsilon})', wait=False)})", wait=False)
        inv = self.add(f"Mul({root}, {self.constant('3')})", wait=False)
        shift = self.add(f"Mul({self.constant('3')}, {inv})", wait=False)
        rest = self.add(f"Sub({self.constant('3')}, {shift})", wait=False)
        self.value(f"AddV2({self.value(f'Mul({x}, {inv})')}, {rest})")

    def cond(self) -> None:
        """A conditional; what lies in its branches can be read from outside too, and is then dead at times."""
        predicate = self.draw(st.sampled_from(["go", "yes", "no"]))
        switch = self.add(f"Switch({self.pick()}, {predicate})")
        branches = []
        for index in range(2):
            value = f"{switch}:{index}"
            for _ in range(self.draw(st.integers(0, 2))):
                value = self.add(f"{self.draw(st.sampled_from((*_UNARY, *_THROUGH)))}({value})")
            if self.draw(st.booleans()):
                pivot = self.add(f"Identity({switch}:{index})", wait=False)
                inside = self.name()
                self.lines.append(f"{inside} = Const float32[3] [1.0, -1.0, 0.5] (^{pivot})")
                value = self.add(f"Mul({value}, {inside})")
            branches.append(value)
        if self.draw(st.integers(0, 4)) == 0 and ":" not in branches[0]:
            self.values.append(branches[0])
        self.value(f"Merge({branches[0]}, {branches[1]})")

    def noop(self) -> None:
        self.add("NoOp()")

    def effect(self) -> None:
        if self.draw(st.booleans()):
            x = self.pick()
            self.value(f"Print({x}, {x})")
        else:
            self.add(f"Assert(yes, {self.pick()})")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph that runs whatever ``x`` [2,3] and ``go`` are; outputs may be dead for one ``go``."""
    builder = _Builder(draw)
    builder.lines += [
        "x = Placeholder {dtype: float32, shape: shape[2,3]}",
        "go = Placeholder {dtype: bool, shape: shape[]}",
        "yes = Const bool[] true",
        "no = Const bool[] false",
    ]
    builder.values.append("x")
    builder.nodes.append("x")
    steps = draw(st.lists(st.sampled_from(_STEPS), min_size=1, max_size=14))
    for step in steps:
        getattr(builder, "constant_operand" if step == "constant" else step)()
    outputs = draw(st.lists(st.sampled_from(builder.values), min_size=1, max_size=3, unique=True))
    outputs = [o for o in outputs if o != "x"] or [builder.add(f"Neg({builder.values[-1]})")]
    text = "\n".join([*builder.lines, "inputs: x, go", "outputs: " + ", ".join(outputs)])
    graph = parse_graph(text)
    for op in ("Print", "Assert"):
        for node in graph.by_op(op):
            graph.set_attr(node, "U" if op == "Print" else "T", (None,) * 0)
    complete_attrs(graph)
    return graph
