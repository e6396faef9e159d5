"""Whether two models give the same numbers, and whether that question could have been answered with no."""

from __future__ import annotations

from graphdoctor.compare.arrays import Comparison, compare_arrays
from graphdoctor.compare.inputs import example_dims, load_npz_inputs, seeded_inputs, seeded_pair
from graphdoctor.compare.judge import Judgement, OutputJudgement, Sensitivity, Verdict3, judge, sensitivity
from graphdoctor.compare.tolerance import DEFAULTS, Tolerance, tolerance_for

__all__ = [
    "DEFAULTS",
    "Comparison",
    "Judgement",
    "OutputJudgement",
    "Sensitivity",
    "Tolerance",
    "Verdict3",
    "compare_arrays",
    "example_dims",
    "judge",
    "load_npz_inputs",
    "seeded_inputs",
    "seeded_pair",
    "sensitivity",
    "tolerance_for",
]
