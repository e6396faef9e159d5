"""--bisect names the rewrite with which the numbers begin to differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphdoctor.findings import Safety
from graphdoctor.flows import bisect
from graphdoctor.flows.fix import FixOptions
from graphdoctor.ir import GraphView
from graphdoctor.surgery import load_rewrites
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, SetOp, propose

GRAPHS = Path(__file__).resolve().parents[2] / "fixtures" / "graphs"


@dataclass(frozen=True)
class Wrong:
    """Takes one op for another."""

    name: str
    old: str
    new: str
    safety: Safety = Safety.SAFE

    def find(self, graph: GraphView, facts: Facts) -> Iterator[Proposal | Refusal]:
        """Every node of the op."""
        for node in graph.by_op(self.old):
            yield propose(node, SetOp(node, self.new))


@pytest.mark.tensorflow
def test_the_first_wrong_rewrite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = load_rewrites(["clean"])
    harmless, wrong = Wrong("rename-nothing", "NoSuchOp", "Relu"), Wrong("relu-to-elu", "Relu", "Elu")
    later = Wrong("elu-to-selu", "Elu", "Selu")
    rewrites = [*right[:2], harmless, *right[2:5], wrong, *right[5:], later]
    monkeypatch.setattr(bisect, "load_rewrites", lambda packs, places: rewrites)
    said: list[str] = []
    found = bisect.first_to_differ(str(GRAPHS / "cnn_tf1_nhwc.pb"), FixOptions(("clean",)), said.append)
    assert found == "relu-to-elu"
    assert all("of" in text for text in said)
