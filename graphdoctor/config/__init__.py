"""Configuration: what files say of how models are checked.

Nothing here knows rules or targets; names are looked up by whoever uses them. What reads files is loaded when there is
one to be read: most runs have none.
"""

from __future__ import annotations

from graphdoctor.config.request import LEVELS, Given, Request, requests_for
from graphdoctor.config.settings import Settings

__all__ = ["LEVELS", "Given", "Request", "Settings", "requests_for"]
