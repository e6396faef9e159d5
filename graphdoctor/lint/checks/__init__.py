"""Checks that data cannot say: ``check(ctx, **args)`` of ``<name>.py`` is what a rule calls by ``check = "<name>"``."""

from __future__ import annotations
