"""Repairs: rewrites propose, one engine applies."""

from __future__ import annotations

from graphdoctor.surgery.baking import BAKE, OPENING, bake_batch
from graphdoctor.surgery.engine import Applied, FixResult, Refused, RolledBack, run_rewrites, undo
from graphdoctor.surgery.packs import load_pack, load_rewrites, pack_names, pack_of, pack_rows
from graphdoctor.surgery.pins import PIN, Pin, pin_inputs
from graphdoctor.surgery.proposal import Facts, Proposal, Refusal, Rewrite

__all__ = [
    "BAKE",
    "OPENING",
    "PIN",
    "Applied",
    "Facts",
    "FixResult",
    "Pin",
    "Proposal",
    "Refusal",
    "Refused",
    "Rewrite",
    "RolledBack",
    "bake_batch",
    "load_pack",
    "load_rewrites",
    "pack_names",
    "pack_of",
    "pack_rows",
    "pin_inputs",
    "run_rewrites",
    "undo",
]
