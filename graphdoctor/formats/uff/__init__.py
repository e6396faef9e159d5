"""UFF files, from disk and back. What is in them stands in ``wire.uff``, where rules and ops can see it too."""

from __future__ import annotations

from graphdoctor.formats.uff.convert import uff_from_graph
from graphdoctor.formats.uff.files import UffFile, load_uff, save_uff
from graphdoctor.formats.uff.graph import graph_from_uff

__all__ = ["UffFile", "graph_from_uff", "load_uff", "save_uff", "uff_from_graph"]
