"""Messages count as people do: one node, two nodes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphdoctor.words import plural

PACKAGE = Path(__file__).parents[2] / "graphdoctor"
BY_HAND = re.compile(r"\{'s'? ?\*|\{'s' ?\* ?\(|'s' \* \(|s'? if .* (!=|>) 1 else ''")
"""A plural that is made in place."""
VERBS = re.compile(r"'s' \* (several|\(len\(names\) == 1\)|\(n != 1 and|\(total == 1\))")
"""What no count stands in front of, or a verb."""


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes"), (1204, "1,204 nodes"), (-1, "-1 nodes")]
)
def test_plural(count: int, said: str) -> None:
    assert plural(count, "node") == said


def test_another_plural() -> None:
    assert (plural(1, "entry", "entries"), plural(2, "entry", "entries")) == ("1 entry", "2 entries")


def test_plurals_have_one_home() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if BY_HAND.search(VERBS.sub("", line)) and path.name != "words.py"
    ]
    assert found == []
