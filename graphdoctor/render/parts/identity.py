"""Which finding is which from one run to the next, for services that keep findings over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphdoctor.findings import Finding, ModelReport
from graphdoctor.render.parts.record import sorted_findings


def digest(*words: str) -> str:
    """32 hexadecimal digits that stand for ``words``."""
    from hashlib import sha256

    return sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def mark_of(f: Finding) -> str:
    """Rule, target and place; the place by its structure, or by name where none was worked out."""
    return digest(f.code, f.target, f.fingerprint or f"{f.op}\0{f.node}")


def identified(model: ModelReport) -> Iterator[tuple[Finding, str]]:
    """The findings in order, each with a fingerprint that no other finding of the model has.

    Equal for the same fault in the next export of the graph: neither the wording nor the file counts. The number behind
    the colon tells findings apart that are otherwise the same.
    """
    seen: Counter[str] = Counter()
    for f in sorted_findings(model):
        mark = mark_of(f)
        seen[mark] += 1
        yield f, f"{mark}:{seen[mark]}"
