"""A model as a script of the user's has changed it."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.errors import InputError
from graphdoctor.flows.opening import Opened, SignatureOptions, open_loaded
from graphdoctor.formats.kinds import Kind
from graphdoctor.formats.tensorflow import Model, RawModel, graphdef_bytes, load_model
from graphdoctor.ir import Graph, broken_invariants
from graphdoctor.runners import preprocess


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a script made of a model: ``before`` and ``original`` are the graph and its bytes before it ran.

    ``said`` is what it printed.
    """

    opened: Opened
    before: Graph
    original: bytes
    said: str


def run_over(path: str, script: str, signature: SignatureOptions, timeout: float) -> Scripted:
    """Read the model at ``path``, let ``preprocess`` of ``script`` change it, open what it left.

    ``timeout``: seconds that the script may take.

    Raises:
        InputError: the model cannot be read, or the script leaves a broken graph.
        WorkerError: the script fails.
    """
    before = load_model(path).graph
    original = graphdef_bytes(before)
    changed, said = preprocess(original, script, timeout=timeout)
    return Scripted(open_loaded(_left(path, script, changed, before), signature), before, original, said)


def _left(path: str, script: str, changed: bytes, before: Graph) -> Model:
    """The model of ``changed``.

    Raises:
        InputError: it is broken where ``before`` was not.
    """
    try:
        model = load_model(path, RawModel(Kind.GRAPHDEF, changed))
    except InputError as e:
        raise _broken(script, e.message) from e
    if not len(model.graph):
        raise _broken(script, "no node is left")
    if any(not n.name for n in model.graph):
        raise _broken(script, "a node has no name")
    missing = frozenset(n.name for n in before.missing())
    known = {b.invariant for b in broken_invariants(before, allow_missing=missing)}
    broken = [b for b in broken_invariants(model.graph, allow_missing=missing) if b.invariant not in known]
    if broken:
        raise _broken(script, f"{broken[0].node} {broken[0].detail}")
    return model


def _broken(script: str, why: str) -> InputError:
    return InputError(f"it leaves a broken graph: {why}", where=script, remedy="Correct the script")
