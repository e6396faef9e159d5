"""Passes over the graph: inference, folding, pruning, layout; and the driver that runs them in order."""

from __future__ import annotations
