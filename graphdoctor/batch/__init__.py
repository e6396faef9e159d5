"""Many models: each is checked by itself, and one that cannot be read does not stop the others."""

from __future__ import annotations

from graphdoctor.batch.run import Outcome, check_all

__all__ = ["Outcome", "check_all"]
