"""Rewrites that are said, not programmed: a pattern of nodes, and the nodes that take its place."""

from __future__ import annotations

from graphdoctor.surgery.declared.checking import Problem, problems
from graphdoctor.surgery.declared.finding import Declared
from graphdoctor.surgery.declared.rows import NewRow, PatternRow

__all__ = ["Declared", "NewRow", "PatternRow", "Problem", "problems"]
