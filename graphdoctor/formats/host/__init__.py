"""The part of a graph that stays on the host, as Python functions of numpy."""

from __future__ import annotations

from graphdoctor.formats.host.module import Engine, Function, Written, module_text, write_function
from graphdoctor.formats.host.ssd import write_ssd
from graphdoctor.formats.host.writer import HostError, Shared, can_write

__all__ = [
    "Engine",
    "Function",
    "HostError",
    "Shared",
    "Written",
    "can_write",
    "module_text",
    "write_function",
    "write_ssd",
]
