"""The switch between training and inference: pinned to inference, and its branches resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.match.constants import small_constant, source_of
from graphdoctor.match.learning_phase import MERGE_OPS, SWITCH_OPS, LearningPhaseMatch, learning_phases
from graphdoctor.surgery.finder import Finder, Found, NoOptions
from graphdoctor.surgery.proposal import (
    Facts,
    ForgetInput,
    Make,
    New,
    Proposal,
    Refusal,
    ReplaceValue,
    SetInputs,
    Step,
    propose,
)
from graphdoctor.surgery.rewrites.common import become, const_step, dtype_of, path_to_source
from graphdoctor.surgery.waiting import Waiting
from graphdoctor.types import DType
from graphdoctor.wire.tensors import Tensor


def pin_learning_phase(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Make the learning phase false, and keep the branches that run then."""
    for match in learning_phases(graph):
        if match.branches:
            yield Refusal(match.phase, f"{match.branches[0].op} {match.branches[0].name} calls functions by it")
            continue
        taken = {s: pred for s in match.switches if (pred := _branch(s, match.phase)) is not None}
        resolved = _Resolved(graph, taken)
        if resolved.dead_output is not None:
            yield Refusal(match.phase, f"the output {resolved.dead_output} exists in training alone")
        elif resolved.bound_merge is not None:
            yield Refusal(match.phase, resolved.bound_merge)
        else:
            yield _pinned(graph, facts, match, resolved)


def resolve_switches(graph: GraphView, facts: Facts, options: NoOptions) -> Found:
    """Keep the branch that runs, where the predicate of a Switch is constant."""
    taken: dict[Node, int] = {}
    for node in graph.by_op(*SWITCH_OPS):
        known = small_constant(node.inputs[1]) if len(node.inputs) == 2 else None
        if known is not None and known.size == 1:
            taken[node] = int(bool(known.reshape(-1)[0]))
    if not taken:
        return
    resolved = _Resolved(graph, taken)
    first = next(iter(taken))
    if resolved.dead_output is not None:
        yield Refusal(first, f"the output {resolved.dead_output} lies in the branch that never runs")
        return
    if resolved.bound_merge is not None:
        yield Refusal(first, resolved.bound_merge)
        return
    steps = resolved.steps(facts)
    if not steps:
        return
    note = f"{len(taken)} Switch and {len(resolved.merges)} Merge with a constant predicate"
    yield propose(first, *steps, touches=resolved.touched, note=note, also=tuple(taken)[1:])


def _branch(switch: Node, phase: Node) -> int | None:
    """The output of ``switch`` that runs when ``phase`` is false; ``None`` if its predicate is something else."""
    negated = False
    value = switch.inputs[1]
    for _ in range(100):
        value = source_of(value)
        if value.node is phase:
            return int(negated)
        if value.node.op != "LogicalNot" or not value.node.inputs:
            return None
        negated = not negated
        value = value.node.inputs[0]
    return None


def _pinned(graph: GraphView, facts: Facts, match: LearningPhaseMatch, resolved: _Resolved) -> Proposal:
    phase = match.phase
    false = Tensor.from_array(np.asarray(False))
    steps: list[Step] = list(resolved.steps(facts))
    if graph.is_output(phase):
        steps.append(ReplaceValue(phase.out(), New(f"{phase.name}/pinned")))
        steps.insert(0, const_step(f"{phase.name}/pinned", np.asarray(False)))
    else:
        steps += become(phase, "Const", (), {"dtype": DType.BOOL, "value": false})
    if phase in graph.inputs:
        steps.append(ForgetInput(phase))
    note = f"false; {len(match.switches)} Switch and {len(resolved.merges)} Merge resolved"
    unsafe = _why_unsafe(graph, match)
    return propose(phase, *steps, touches=resolved.touched, note=note, unsafe=unsafe, safe=not unsafe)


def _why_unsafe(graph: GraphView, match: LearningPhaseMatch) -> str:
    if match.phase in graph.inputs:
        return "it is an input of the graph, which falls away"
    if match.default is None:
        return "it has no default that says it is false"
    return "its default is true, training" if match.default else ""


@dataclass
class _Resolved:
    """What is dead and what joins nothing any more once ``taken`` says which output of each Switch runs."""

    graph: GraphView
    taken: dict[Node, int]
    merges: dict[Node, int] = field(default_factory=dict)
    """Merges of which one input is left, and its number."""
    dead: dict[Node, None] = field(default_factory=dict)
    """Nodes that never run."""

    def __post_init__(self) -> None:
        waiting = list(self.taken)
        while waiting:
            for user in self.graph.consumers(waiting.pop()):
                if user in self.dead or not self._dies(user):
                    continue
                self.dead[user] = None
                waiting.append(user)
        for node in self._near_merges():
            alive = [i for i, v in enumerate(node.inputs) if not self._is_dead(v)]
            if len(alive) == 1 and node not in self.dead:
                self.merges[node] = alive[0]

    def _near_merges(self) -> Iterable[Node]:
        readers = (u for n in (*self.taken, *self.dead) for u in self.graph.consumers(n))
        return (n for n in dict.fromkeys(readers) if n.op in MERGE_OPS and len(n.inputs) > 1)

    def _is_dead(self, value: Value) -> bool:
        node = value.node
        return node in self.dead or (node in self.taken and value.index != self.taken[node])

    def _dies(self, node: Node) -> bool:
        if node.op in MERGE_OPS:
            return all(self._is_dead(v) for v in node.inputs)
        return any(self._is_dead(v) for v in node.inputs) or any(c in self.dead for c in node.controls)

    @property
    def dead_output(self) -> str | None:
        """An output of the graph that never runs."""
        return next((v.name for v in self.graph.outputs if self._is_dead(v)), None)

    @property
    def touched(self) -> tuple[Node, ...]:
        """Everything the decision depended on."""
        sources = (v.node for s in self.taken for v in s.inputs)
        return (*self.taken, *self.merges, *self.dead, *sources)

    @property
    def bound_merge(self) -> str | None:
        """Why a Merge cannot go: it waits for an effect, and would wait in vain where that lies in a dead branch."""
        bound = [(m, c) for m in self.merges for c in m.controls]
        waiting = Waiting(self.graph) if bound else None
        for merge, control in bound:
            if waiting is not None and not waiting.is_pure(control):
                return f"{merge.name} waits for {control.name} by control"
        return None

    def steps(self, facts: Facts) -> tuple[Step, ...]:
        """Readers of a Switch read what goes into it, readers of a Merge the input that is left."""
        steps: list[Step] = self._freed()
        for merge, slot in self.merges.items():
            steps += self._joined(merge, slot, facts)
        for switch, index in self.taken.items():
            if switch not in self.dead and any(u.index == index for u in self.graph.uses(switch) if u.slot >= 0):
                steps += self._passed(switch, index, facts)
        return tuple(steps)

    def _passed(self, switch: Node, index: int, facts: Facts) -> list[Step]:
        """What is read at output ``index``. It must not run where the predicate or a control input does not."""
        data, predicate = switch.inputs
        controls = tuple(dict.fromkeys((*_controlled(predicate), *switch.controls)))
        if not controls:
            return [ReplaceValue(switch.out(index), data)]
        key, dtype = f"{switch.name}/taken", dtype_of(switch, facts.specs.of(data))
        return [Make(key, "Identity", (data,), {"T": dtype}, controls), ReplaceValue(switch.out(index), New(key))]

    def _joined(self, merge: Node, slot: int, facts: Facts) -> list[Step]:
        steps: list[Step] = []
        if any(u.index == 1 for u in self.graph.uses(merge) if u.slot >= 0):
            key = f"{merge.name}/value_index"
            steps += [const_step(key, np.asarray(slot, dtype=np.int32)), ReplaceValue(merge.out(1), New(key))]
        value = merge.inputs[slot]
        dtype = dtype_of(merge, facts.specs.of(value))
        return [*steps, *become(merge, "Identity", (value,), {"T": dtype}), SetInputs(merge, (value,), ())]

    def _freed(self) -> list[Step]:
        """Merges that go on need not wait for what never runs."""
        readers = dict.fromkeys(u for n in self.dead for u in self.graph.consumers(n))
        found = [n for n in readers if n not in self.dead and n not in self.merges]
        kept = [(n, tuple(c for c in n.controls if c not in self.dead)) for n in found]
        return [SetInputs(n, n.inputs, controls) for n, controls in kept if len(controls) < len(n.controls)]


def _controlled(value: Value) -> tuple[Node, ...]:
    """``value``'s node if it or what it passes on waits for something."""
    return (value.node,) if any(n.controls for n in path_to_source(value)) else ()


FINDERS = {"pin-learning-phase": Finder(pin_learning_phase), "resolve-switches": Finder(resolve_switches)}
