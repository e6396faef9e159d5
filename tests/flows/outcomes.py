"""What ``fix --rules all-safe --verify`` comes to for a real graph; run as a program, for all of the corpus."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.cli.program import call
from tests.flows.detectors import with_sane_weights
from tests.flows.nets import CORPUS

NOT_FROZEN = ("uninitialized value", "Could not find variable", "was not initialized", "does not exist")


class Outcome(NamedTuple):
    """``kind``: equal, equal in parts, nothing to fix, not run, nothing shown, or different; and why."""

    kind: str
    why: str = ""


def models(pattern: str = "*") -> list[Path]:
    """Frozen graphs of the corpus, and folders that are SavedModels."""
    saved = [p.parent for p in sorted(CORPUS.glob("savedmodel/**/saved_model.pb*"))]
    return [p for p in [*sorted(CORPUS.glob("pb/*.pb")), *saved] if p.match(pattern)]


def outcome(model: Path, folder: Path) -> Outcome:
    """Fix and prove ``model``, detectors with weights of a sane scale; what is written goes to ``folder``."""
    path = with_sane_weights(model, folder) if model.name.startswith("od_") else model
    done = call("fix", path, "--rules", "all-safe", "--verify", "-o", folder / "fixed.pb", "--timeout", "900")
    said = " ".join(done.out.split())
    if done.code == 2:
        return Outcome("not run", " ".join(done.err.split()))
    if done.code == 1:
        verdict = re.search(r"(different|inconclusive): (.*?) ──", said)
        assert verdict is not None, done.out
        return Outcome("different" if verdict[1] == "different" else "nothing shown", verdict[2])
    if "same: in parts" in said:
        ends = re.findall(r"end to end (.*?)(?= note| ✓ same| same: )", said)
        return Outcome("equal in parts", "; ".join(ends))
    return Outcome("equal" if "same: " in said else "nothing to fix")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for found in models(sys.argv[1] if len(sys.argv) > 1 else "*"):
            kind, why = outcome(found, Path(place))
            print(f"{found.relative_to(CORPUS)}\t{kind}\t{why[:200]}", flush=True)
