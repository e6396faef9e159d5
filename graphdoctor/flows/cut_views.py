"""A cut graph as the record that render takes."""

from __future__ import annotations

from collections.abc import Sequence

from graphdoctor.flows.cutting import Cut
from graphdoctor.formats.host import Written
from graphdoctor.render.text_cut import CutPart, CutView


def cut_view(path: str, target: str, cut: Cut, places: Sequence[str] = ()) -> CutView:
    """The parts in the order they run; ``places`` are the files, engines first, as ``write_cut`` gives them."""
    engines = [part.engine for part in cut.parts]
    host = places[-1] if cut.host and places else ""
    parts = []
    for part in cut.order:
        if isinstance(part, Written):
            takes = tuple(f"{name} = {value.name}" for name, value in part.parameters.items())
            gives = tuple(v.name for v in part.function.gives)
            parts.append(CutPart(part.function.name, part.nodes, takes, gives, host))
            continue
        number = engines.index(part)
        name = "engine" if len(cut.parts) == 1 else f"engine {number + 1}"
        place = places[number] if places else ""
        nodes = len(cut.parts[number].graph)
        parts.append(CutPart(name, nodes, tuple(part.takes), tuple(part.gives), place))
    return CutView(path, target, tuple(parts))
