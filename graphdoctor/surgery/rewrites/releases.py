"""Keeping a graph to what an older TensorFlow knows."""

from __future__ import annotations

import msgspec

from graphdoctor.ir import GraphView
from graphdoctor.match.releases import Release, load_release
from graphdoctor.surgery.finder import Finder, Found
from graphdoctor.surgery.proposal import Facts, Refusal
from graphdoctor.surgery.rewrites.attributes import StripOptions, strip_attributes
from graphdoctor.types import DType


class ReleaseOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``keep-to-release``: one of ``releases`` in ``rules/history/releases.toml``."""

    release: str


def keep_to_release(graph: GraphView, facts: Facts, options: ReleaseOptions) -> Found:
    """Remove attributes that the release does not know; say which ops and dtypes it lacks."""
    known = load_release(options.release)
    strip = StripOptions(known.attrs, known.hints, known.inference, known.why, release=known.name)
    yield from strip_attributes(graph, facts, strip)
    yield from _unsayable(graph, known)


def _unsayable(graph: GraphView, known: Release) -> Found:
    """What no attribute removed makes known to the release."""
    for op in graph.ops():
        if op in known.newer_ops:
            since = known.newer_ops[op]
            came = f"it came with {since}" if since != "2" else "it came later"
            yield from (Refusal(n, f"TensorFlow {known.name} has no op {op}: {came}") for n in graph.by_op(op))
        for key, labels in known.newer_types.get(op, {}).items():
            for node in graph.by_op(op):
                kind = node.attr(key)
                if isinstance(kind, DType) and kind.label in labels:
                    yield Refusal(node, f"in TensorFlow {known.name} {op} does not take {key} = {kind.label}")


FINDERS = {"keep-to-release": Finder(keep_to_release, ReleaseOptions)}
