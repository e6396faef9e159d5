"""Configuration: what files say of how models are checked."""

from __future__ import annotations
