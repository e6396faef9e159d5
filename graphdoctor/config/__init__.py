"""Configuration: what files say of how models are checked.

Nothing here knows rules or targets; names are looked up by whoever uses them.
"""

from __future__ import annotations

from graphdoctor.config.baselines import entry_from, key_in, key_of, read_baseline
from graphdoctor.config.request import LEVELS, Given, Request, requests_for
from graphdoctor.config.schema import BaselineEntry, SuppressEntry
from graphdoctor.config.settings import Settings

__all__ = [
    "LEVELS",
    "BaselineEntry",
    "Given",
    "Request",
    "Settings",
    "SuppressEntry",
    "entry_from",
    "key_in",
    "key_of",
    "read_baseline",
    "requests_for",
]
