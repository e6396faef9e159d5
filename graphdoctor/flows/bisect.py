"""Which rewrite it was: the shortest beginning of the packs after which the numbers differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphdoctor.compare import Verdict3
from graphdoctor.flows.fix import FixOptions, fix_opened
from graphdoctor.flows.opening import open_model
from graphdoctor.flows.verify import verify_fixed
from graphdoctor.surgery import load_rewrites


def first_to_differ(path: str, options: FixOptions, say: Callable[[str], None] = lambda _: None) -> str:
    """The name of the rewrite with which the results begin to differ; known is that all of them together do so.

    Raises:
        GraphdoctorError: a graph in between cannot be run.
    """
    rewrites = load_rewrites(options.packs, options.places)
    wanted = replace(options, keep_original=True, judge=False)
    same, different = 0, len(rewrites)
    while different - same > 1:
        middle = (same + different) // 2
        say(f"with the first {middle} of {len(rewrites)} rewrites")
        fixed = fix_opened(open_model(path, options.signature), rewrites[:middle], wanted)
        if fixed.changed and verify_fixed(fixed).judgement.verdict is Verdict3.DIFFERENT:
            different = middle
        else:
            same = middle
    return rewrites[different - 1].name
