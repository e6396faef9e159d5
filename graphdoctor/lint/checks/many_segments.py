"""A graph that TF-TRT cuts into many engines, and the ops that cut it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphdoctor.lint.context import CheckContext, Hit
from graphdoctor.lint.segmenting import segmented

_NAMED = 4


def check(ctx: CheckContext, *, least: int = 4) -> Iterator[Hit]:
    """One hit for each target that makes ``least`` engines or more, at the first op of the second one."""
    for target in ctx.targets:
        cut = segmented(ctx, target)
        kept = cut.segments.kept
        if len(kept) >= least:
            splitters = Counter(n.op for n in cut.between)
            named = ", ".join(f"{op} x {count}" for op, count in sorted(splitters.items(), key=_often)[:_NAMED])
            sizes = sorted(len(s) for s in kept)
            shown = f"{len(kept)} segments of {sizes[0]} to {sizes[-1]} nodes"
            place = next((n for n in kept[1] if n.op != "Const"), kept[1][0])
            yield Hit(place, f"{shown}; between them stand {named}" if named else shown, target=target)


def _often(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
