"""Rewrites in Python: each module has a table ``FINDERS`` of name to finder."""

from __future__ import annotations
