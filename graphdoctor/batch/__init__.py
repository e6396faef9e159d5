"""Many models: found in folders, looked up in the cache, checked side by side; one that fails stops no other."""

from __future__ import annotations

from graphdoctor.batch.cache import Cache, cache_folder, clean
from graphdoctor.batch.paths import Found, find_models
from graphdoctor.batch.run import Outcome, Work, check_all

__all__ = ["Cache", "Found", "Outcome", "Work", "cache_folder", "check_all", "clean", "find_models"]
