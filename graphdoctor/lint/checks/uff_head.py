"""A UFF file as a whole: marked outputs, versions and descriptors, and what is in it that is none of UFF."""

from __future__ import annotations

from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.uff_subject import UffSubject, subject
from graphdoctor.wire.uff.model import CORE_VERSION, CUSTOM, MARK_OUTPUT, TENSORFLOW_EXTENSION
from graphdoctor.words import plural


def check(ctx: CheckContext, *, ask: str = "head") -> Iterator[Hit]:
    """One hit for each thing that ``ask`` names: ``outputs`` that are not marked, an unusual ``head``, or what is
    ``lost``."""
    of = subject(ctx)
    for reason in {"outputs": _outputs, "head": _head, "lost": _lost}[ask](of):
        yield Hit(of.head, reason)


def _outputs(of: UffSubject) -> Iterator[str]:
    if not of.graph.by_op(MARK_OUTPUT):
        yield f"none of {plural(len(of.nodes), 'node')} is a MarkOutput"


def _head(of: UffSubject) -> Iterator[str]:
    model = of.model
    for name, number in (("version", model.version), ("core version", model.core_version)):
        if number != CORE_VERSION:
            yield f"its {name} is {number}, and every file that was seen has {CORE_VERSION}"
    if len(model.graphs) != 1:
        yield f"it has {len(model.graphs)} graphs, and every file that was seen has one"
    known = {d.id for d in model.descriptors}
    yield from (
        f"it needs the descriptor {d!r}, which nobody knows" for d in sorted(known - {TENSORFLOW_EXTENSION, CUSTOM})
    )
    plugin = next((n for n in model.nodes() if n.is_custom), None)
    if plugin is not None and CUSTOM not in known:
        yield f"{plugin.id} ({plugin.op}) is a plugin's, and the descriptor {CUSTOM!r} is not there"


def _lost(of: UffSubject) -> Iterator[str]:
    yield from (f"{where}: {what}" for where, what in of.model.lost[:20])
