"""Programs that run as ``python -m graphdoctor.workers.<name> <folder>``; nothing imports them."""

from __future__ import annotations
