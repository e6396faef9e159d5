"""What NVIDIA's graphsurgeon offered to scripts, without TensorFlow and quick on large graphs.

The names, arguments and defaults are graphsurgeon's; where it had a plain bug this does the right thing, and
``docs/graphsurgeon.md`` lists each. Old scripts run unmodified with ``graphdoctor run-script`` and
``graphdoctor fix --script``, which put this module where they say ``import graphsurgeon as gs``.
"""

from __future__ import annotations

from graphdoctor.graphsurgeon import extras
from graphdoctor.graphsurgeon.dynamic_graph import DynamicGraph
from graphdoctor.graphsurgeon.graphdef import GraphDef
from graphdoctor.graphsurgeon.nodedef import NodeDef
from graphdoctor.graphsurgeon.nodes import (
    create_node,
    create_plugin_node,
    extract_numpy_array,
    remove_duplicates,
    shape,
    update_node,
)
from graphdoctor.graphsurgeon.static_graph import StaticGraph

__all__ = [
    "DynamicGraph",
    "GraphDef",
    "NodeDef",
    "StaticGraph",
    "create_node",
    "create_plugin_node",
    "extract_numpy_array",
    "extras",
    "remove_duplicates",
    "shape",
    "update_node",
]
