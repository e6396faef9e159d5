"""What a rewrite proposes: edits as values. The engine alone applies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from graphdoctor.findings import Safety
from graphdoctor.ir import GraphView, Node, Value
from graphdoctor.passes.infer_shapes import Specs
from graphdoctor.targets import Target
from graphdoctor.wire.attrs import AttrPy


@dataclass(frozen=True, slots=True)
class New:
    """Output ``index`` of a node that the same proposal makes under ``key``."""

    key: str
    index: int = 0


Ref = Value | New
Awaited = Node | New
"""What a node waits for by control."""


@dataclass(frozen=True, slots=True)
class Make:
    """Make a node; ``key`` is its wanted name, and how other edits of the proposal refer to it.

    It gets the device of the proposal's node, unless ``device`` says another. ``origins`` are the names of the original
    nodes that it stands for, where these are not those of the proposal.
    """

    key: str
    op: str
    inputs: tuple[Ref, ...] = ()
    attrs: Mapping[str, AttrPy] = field(default_factory=dict)
    controls: tuple[Awaited, ...] = ()
    device: str = ""
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplaceValue:
    """Whoever reads ``old`` reads ``new`` from now on; an output of the graph keeps its name."""

    old: Value
    new: Ref


@dataclass(frozen=True, slots=True)
class SetOp:
    """Change the op of a node."""

    node: Node
    op: str


@dataclass(frozen=True, slots=True)
class SetAttr:
    """Set one attribute of a node."""

    node: Node
    key: str
    value: AttrPy


@dataclass(frozen=True, slots=True)
class DropAttrs:
    """Remove attributes of a node."""

    node: Node
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetInputs:
    """Replace the data inputs of a node, and its control inputs unless ``controls`` is ``None``."""

    node: Node
    inputs: tuple[Ref, ...]
    controls: tuple[Awaited, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a node another name; its readers follow. Inputs and outputs of the graph keep theirs."""

    node: Node
    name: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """``node`` takes the place of ``old``, an output of the graph that gives its output 0 on: readers, place and name.

    ``old`` goes; readers of ``node`` follow the new name, and ``node`` stands for both.
    """

    node: Node
    old: Node


@dataclass(frozen=True, slots=True)
class StandFor:
    """``node`` computes from now on what ``nodes`` computed: their origins become its own."""

    node: Node
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ForgetInput:
    """A node is no input of the graph any more. Only unsafe rewrites may say so."""

    node: Node


@dataclass(frozen=True, slots=True)
class SetOutputs:
    """The outputs of the graph are these from now on. Only unsafe rewrites may say so."""

    outputs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove a node that nothing reads by data; nodes that waited for it wait for what it waited for."""

    node: Node


_OnNode = SetOp | SetAttr | DropAttrs | SetInputs | Rename | TakeOver | StandFor | ForgetInput | Drop
Step = Make | ReplaceValue | SetOutputs | _OnNode
_CHANGING = (SetOp, SetAttr, DropAttrs, SetInputs, Rename, TakeOver, StandFor, ForgetInput, Drop)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One repair at one place.

    Attributes:
        node: the node it is about.
        steps: edits, in order; either all are applied or none.
        touches: nodes the repair was decided on or changes. It waits for the next round if one of them was changed
            in this one; that two proposals look at the same node does not matter.
        note: what it does here, one short sentence.
        unsafe: why this place is unsafe, whatever the rewrite is as such; empty where it is not.
        safe: True if this place is safe although the rewrite as such is unsafe.
        also: further nodes that the repair is about, where it treats several at once (a run of Identities).
    """

    node: Node
    steps: tuple[Step, ...]
    touches: frozenset[Node]
    note: str = ""
    unsafe: str = ""
    safe: bool = False
    also: tuple[Node, ...] = ()

    @property
    def has_new_outputs(self) -> bool:
        """True if the graph has other outputs afterwards."""
        return any(isinstance(s, SetOutputs) for s in self.steps)

    @property
    def changes(self) -> frozenset[Node]:
        """The nodes that the steps change, replace or remove; those they make are not among them."""
        changed = [s.node for s in self.steps if isinstance(s, _CHANGING)]
        changed += [s.old for s in self.steps if isinstance(s, TakeOver)]
        return frozenset((*changed, *(s.old.node for s in self.steps if isinstance(s, ReplaceValue))))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a rewrite that fits by its looks does not apply here."""

    node: Node
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What rewrites may know besides the graph: inferred specs, and the target if one was named."""

    specs: Specs
    target: Target | None = None


class Rewrite(Protocol):
    """One named repair. ``find`` reads the (frozen) graph and changes nothing."""

    @property
    def name(self) -> str:
        """Kebab-case, permanent."""

    @property
    def safety(self) -> Safety:
        """What it may change."""

    def find(self, graph: GraphView, facts: Facts) -> Iterator[Proposal | Refusal]:
        """Every place where the rewrite applies, or looks as if it did and does not."""


def propose(
    node: Node,
    *steps: Step,
    touches: tuple[Node, ...] = (),
    note: str = "",
    unsafe: str = "",
    safe: bool = False,
    also: tuple[Node, ...] = (),
) -> Proposal:
    """A proposal at ``node`` that touches it, ``touches``, and every node its steps change."""
    proposal = Proposal(node, tuple(steps), frozenset((node, *touches)), note, unsafe, safe, also)
    return replace(proposal, touches=proposal.touches | proposal.changes)
