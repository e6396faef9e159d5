"""What a rewrite's author promises of it on small graphs, and graphs near those: the proof of every rewrite."""

from __future__ import annotations

from graphdoctor.surgery.trials.cases import Book, Case, completed, described, read_cases
from graphdoctor.surgery.trials.mutants import Mutant, mutant, mutants

__all__ = ["Book", "Case", "Mutant", "completed", "described", "mutant", "mutants", "read_cases"]
