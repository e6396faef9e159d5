"""UFF to graph."""

from __future__ import annotations

from graphdoctor.formats.uff.raising import Raiser, Registered
from graphdoctor.ir import Graph
from graphdoctor.wire.uff import UffModel


def graph_from_uff(model: UffModel, registered: Registered | None = None, *, keep_plugins: bool = False) -> Graph:
    """``model`` as a graph of TensorFlow's ops; inputs and outputs are set.

    Values have the dimensions and the layout that TensorFlow's graph had, batch included: what the engine holds without
    batch and with channels first has the same numbers. An input that is ``registered`` with three dimensions of
    channels, height and width for a network in NHWC is transposed behind its Placeholder, as TensorRT's parser does.

    Args:
        model: what the file holds.
        registered: dtype and shape of inputs by id, where they are not what the file says.
        keep_plugins: plugins of detectors and the like stay plugin nodes, as a release that has them sees them. Else
            they become the ops of TensorFlow that give the same; a plugin whose meaning is not known stays, with the
            reason as an attribute.

    Raises:
        InputError: the file marks no output, reads what is not there, or goes in a circle.
        UnsupportedError: nodes have no meaning that is known; all are listed.
    """
    return Raiser(model, registered or {}, keep_plugins=keep_plugins).run()
