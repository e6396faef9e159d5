"""While loops whose end is known: what they come to when every iteration stands there by itself.

``frames`` and ``functional`` read the loops of TensorFlow 1 and 2 into one form, ``simulate`` runs that form on what is
known, and ``unroll`` says what takes the loop's place. Nothing is changed here: rules ask what the rewrite asks.
"""

from graphdoctor.passes.loops.effects import Effects
from graphdoctor.passes.loops.form import Cell, Loop, LoopError
from graphdoctor.passes.loops.frames import Frame, frames_of, loop_of
from graphdoctor.passes.loops.functional import WHILE_OPS, loop_of_while
from graphdoctor.passes.loops.lists import READING
from graphdoctor.passes.loops.unroll import Unrolled, read_arrays, unroll, why_kept
from graphdoctor.passes.loops.values import Copy, Out, Ref

__all__ = [
    "READING",
    "WHILE_OPS",
    "Cell",
    "Copy",
    "Effects",
    "Frame",
    "Loop",
    "LoopError",
    "Out",
    "Ref",
    "Unrolled",
    "frames_of",
    "loop_of",
    "loop_of_while",
    "read_arrays",
    "unroll",
    "why_kept",
]
