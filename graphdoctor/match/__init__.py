"""Finding things in a graph: named predicates, patterns, and matchers that bind the parts of what they find.

Nothing here changes a graph. Answers are three-valued and carry their reason.
"""

from __future__ import annotations

from graphdoctor.match.batchnorm import (
    BatchNormMatch,
    LayerBefore,
    batchnorm_fused,
    batchnorm_unfused,
    layer_before,
    unfused_batchnorms,
)
from graphdoctor.match.constants import constant_of, scalar_of, small_constant, source_of, uses_through
from graphdoctor.match.context import MatchContext, SpecTable
from graphdoctor.match.dropout import DropoutMatch, dropout, dropouts
from graphdoctor.match.kinds import Kind
from graphdoctor.match.layout import data_format
from graphdoctor.match.learning_phase import LearningPhaseMatch, learning_phase, learning_phases
from graphdoctor.match.padding import PadMatch, pad_before
from graphdoctor.match.pattern import Binding, Pattern, PatternEdge
from graphdoctor.match.results import CannotTell, Match, NoMatch, Outcome, negated
from graphdoctor.match.support import Judge

__all__ = [
    "BatchNormMatch",
    "Binding",
    "CannotTell",
    "DropoutMatch",
    "Judge",
    "Kind",
    "LayerBefore",
    "LearningPhaseMatch",
    "Match",
    "MatchContext",
    "NoMatch",
    "Outcome",
    "PadMatch",
    "Pattern",
    "PatternEdge",
    "SpecTable",
    "batchnorm_fused",
    "batchnorm_unfused",
    "constant_of",
    "data_format",
    "dropout",
    "dropouts",
    "layer_before",
    "learning_phase",
    "learning_phases",
    "negated",
    "pad_before",
    "scalar_of",
    "small_constant",
    "source_of",
    "unfused_batchnorms",
    "uses_through",
]
