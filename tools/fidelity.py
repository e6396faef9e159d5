"""Holds the table of ``rtx1.7`` against NVIDIA's own parser and builder, one op at a time.

    python tools/fidelity.py --check            exit 1 where the table is too far off, or docs/fidelity.md differs
    python tools/fidelity.py --write            write docs/fidelity.md
    python tools/fidelity.py --check --sample 300      a part of the graphs; the page is left alone
    python tools/fidelity.py --check --per-op 20 --seed 1      more graphs, and other ones; the page is left alone

The graphs are made by ``fidelity_cases.py``. The verdict of ``graphdoctor check`` by the table is held against what
comes of the graph's ONNX form in NVIDIA's parser and builder. A graph counts where NVIDIA was asked: it could be
lowered, and the ranks of its inputs are known (NVIDIA takes an input of unknown rank for a scalar, and so answers
about another graph).
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from fidelity_cases import Single, concrete, ops_of, singles  # noqa: E402

from graphdoctor.engines import NoAnswer, ParserAnswer, Question, ShapeRange, ask_many  # noqa: E402
from graphdoctor.errors import GraphdoctorError  # noqa: E402
from graphdoctor.findings import Verdict  # noqa: E402
from graphdoctor.formats.onnx import OnnxModel, onnx_from_graph, to_bytes  # noqa: E402
from graphdoctor.lint import LintOptions, lint  # noqa: E402
from graphdoctor.passes.infer_shapes import infer_shapes  # noqa: E402
from graphdoctor.render.parts.markdown_text import code, escape, table  # noqa: E402
from graphdoctor.targets import load_target  # noqa: E402
from graphdoctor.types import Answer  # noqa: E402

TARGET = "rtx1.7"
PAGE = ROOT / "docs" / "fidelity.md"
PER_OP = 5
"""Variants of each op, and half of the cases of each op as they are written."""
ENOUGH = 0.98
SECONDS = 30.0
BUILDS, PARSER, BUILDER = "builds", "the parser refuses it", "the builder refuses it"
CRASHED, NOT_LOWERED, NOT_ASKED = "NVIDIA's process fails", "not lowered", "not asked"
REFUSED = (PARSER, BUILDER, CRASHED)
ASKED = (BUILDS, *REFUSED)
OF_THE_PROFILE = "violate shape constraints"
"""What the builder says where the shapes that it was given to optimise for cannot be: that is not the graph's fault."""
_EXAMPLES = 4
WHY = {
    "must be a constant": "only constants were measured; with what is computed NVIDIA's answer depends on what from",
    "dimension": "NVIDIA needs them for some graphs, and the row cannot tell which",
    "is uint8": "it is taken between inputs of one shape alone, and rows know no shapes",
    "and the target takes": "this type was not measured in every form",
}
"""Why the table does not say what NVIDIA does, by words of its reason."""


@dataclass(frozen=True)
class Compared:
    """One graph: the table's verdict with its reason, and what NVIDIA made of it with its words."""

    case: Single
    verdict: Verdict
    reason: str
    outcome: str
    words: str

    @property
    def is_asked(self) -> bool:
        """True where NVIDIA gave an answer about this graph."""
        return self.outcome in ASKED

    @property
    def agrees(self) -> bool:
        """True where the table says what NVIDIA does; an unknown agrees with nothing."""
        wanted = Verdict.COMPATIBLE if self.outcome == BUILDS else Verdict.INCOMPATIBLE
        return self.verdict is wanted

    @property
    def is_false_compatible(self) -> bool:
        """True where the table promises what NVIDIA, or the way to it, refuses."""
        return self.verdict is Verdict.COMPATIBLE and self.outcome in (*REFUSED, NOT_LOWERED)


def compare(cases: Sequence[Single]) -> list[Compared]:
    """Ask table and NVIDIA about every case."""
    lowered = [_lowered(case) for case in cases]
    questions = [q for q in lowered if isinstance(q, Question)]
    answers = iter(ask_many(questions, backend="tensorrt_rtx", timeout=SECONDS, at_once=os.cpu_count() or 1))
    results = []
    for case, question in zip(cases, lowered, strict=True):
        outcome = _outcome(next(answers)) if isinstance(question, Question) else question
        results.append(Compared(case, *_by_table(case), *outcome))
    return results


def _by_table(case: Single) -> tuple[Verdict, str]:
    graph = case.graph()
    found = lint(graph, infer_shapes(graph), [load_target(TARGET)], LintOptions(report=(TARGET,))).verdicts[0]
    return found.verdict, found.reason


def _lowered(case: Single) -> Question | tuple[str, str]:
    """What to ask, or why there is nothing to ask."""
    try:
        model = onnx_from_graph(case.graph())
    except GraphdoctorError as e:
        return NOT_LOWERED, e.message.splitlines()[-1].strip()
    if not model.nodes:
        return NOT_ASKED, "its ONNX form has no nodes"
    if any(spec.shape is None for _, spec in model.inputs):
        return NOT_ASKED, "the rank of an input is not known"
    return Question(to_bytes(model), True, _profiles(model, case))


def _profiles(model: OnnxModel, case: Single) -> dict[str, ShapeRange]:
    """One shape for each input with unknown dimensions: the case's own, where it has one."""
    found = {}
    for name, spec in model.inputs:
        if spec.shape is not None and None in spec.shape:
            shape = tuple(case.feed.get(name, concrete(spec.shape)))
            found[name] = ShapeRange(shape, shape, shape)
    return found


def _outcome(answer: ParserAnswer | NoAnswer) -> tuple[str, str]:
    if isinstance(answer, NoAnswer):
        return CRASHED, answer.failure.message
    if answer.built:
        return BUILDS, ""
    refused = [n for n in answer.nodes if n.ok is Answer.NO]
    stages = [n.stage for n in refused] + [e.stage for e in answer.errors]
    words = "; ".join([f"{n.operator}: {n.reason}" for n in refused] + [e.message for e in answer.errors])
    if "options" in stages or OF_THE_PROFILE in words:
        return NOT_ASKED, words
    return (PARSER if "parse" in stages else BUILDER), words


# The page


def page(results: Sequence[Compared]) -> str:
    """docs/fidelity.md."""
    asked = [r for r in results if r.is_asked]
    off = [r for r in asked if not r.agrees]
    share = 100 * (1 - len(off) / len(asked))
    lines = [
        "<!-- Written by tools/fidelity.py. -->",
        f"# The table of {TARGET} against NVIDIA",
        "",
        f"{len(results)} graphs of one op each ({ops_of([r.case for r in results])} ops; dtypes, ranks 0 to 9, unknown",
        "batches, strides, paddings, axes, layouts, constant and computed arguments) were judged by the table",
        "and put to TensorRT-RTX 1.7.1: its parser, and its builder where the parser took them. No GPU is needed.",
        "",
        f"**{len(asked)} could be asked; the table agrees on {len(asked) - len(off)} ({share:.1f} %).** It calls "
        f"{sum(r.is_false_compatible for r in results)} compatible that NVIDIA, or the way to ONNX, refuses.",
        "",
        _matrix(results),
        "",
        "Not lowered: graphdoctor writes no ONNX for it, so that there is nothing to ask. Not asked: the rank of an",
        "input is unknown, its values decide shapes, or folding left nothing.",
        "",
        "## Differences",
        "",
        "An unknown of the table is a difference here, though it promises nothing.",
        "",
        *_differences(off),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _matrix(results: Sequence[Compared]) -> str:
    counts = Counter((r.outcome, r.verdict) for r in results)
    order = (BUILDS, PARSER, BUILDER, CRASHED, NOT_LOWERED, NOT_ASKED)
    rows = [[o, *(str(counts[o, v]) for v in Verdict)] for o in order if any(counts[o, v] for v in Verdict)]
    return table(["NVIDIA", *(f"table: {v.value}" for v in Verdict)], rows)


def _differences(off: Sequence[Compared]) -> Iterator[str]:
    if not off:
        yield "None."
        return
    groups: dict[tuple[str, ...], list[Compared]] = {}
    for r in off:
        groups.setdefault((r.case.op, r.verdict.value, _plain(r.reason), r.outcome, _plain(r.words)), []).append(r)
    rows = [
        [
            code(op),
            _names(found),
            f"{verdict}: {escape(reason)}" if reason else verdict,
            escape(f"{outcome}: {words}" if words else outcome),
            next((why for known, why in WHY.items() if known in reason), "not explained yet"),
        ]
        for (op, verdict, reason, outcome, words), found in sorted(groups.items())
    ]
    yield table(["op", "graphs", "table", "NVIDIA", "why"], rows)


def _names(found: Sequence[Compared]) -> str:
    names = ", ".join(code(r.case.name) for r in found[:_EXAMPLES])
    return f"{names} and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else names


def _plain(text: str) -> str:
    """The first 200 characters, without node names, places in NVIDIA's source and numbers of the model."""
    text = re.sub(r"^\S+ \(\w+\): ", "", text)
    return re.sub(r"\s*\[\w+\.cpp::\w+::\d+\]", "", text)[:200].strip()


def main(argv: list[str] | None = None) -> int:
    """0 where the table is as close as promised and the page is right, else 1."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = options.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    options.add_argument("--sample", type=int, default=0, help="only so many graphs, chosen by --seed")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--per-op", type=int, default=PER_OP)
    args = options.parse_args(argv)
    cases = singles(args.per_op, args.seed)
    if args.sample:
        cases = random.Random(args.seed).sample(cases, min(args.sample, len(cases)))
    results = compare(cases)
    if args.write:
        PAGE.write_text(page(results), "utf-8")
    is_part = bool(args.sample or args.seed or args.per_op != PER_OP)
    return verdict_on(results) or int(not is_part and not is_written(page(results)))


def is_written(text: str) -> bool:
    """True if the page is ``text``; else a diff is shown."""
    old = PAGE.read_text("utf-8") if PAGE.exists() else ""
    lines = (old.splitlines(True), text.splitlines(True))
    sys.stdout.writelines(difflib.unified_diff(*lines, "docs/fidelity.md", "measured now"))
    return old == text


def verdict_on(results: Sequence[Compared]) -> int:
    """Says how close the table is; 1 where it is not close enough."""
    asked = [r for r in results if r.is_asked]
    agreed = sum(r.agrees for r in asked)
    wrong = [r for r in results if r.is_false_compatible]
    share = 100 * agreed / max(1, len(asked))
    print(f"{len(results)} graphs, {len(asked)} asked, the table agrees on {agreed} ({share:.2f} %)")
    for r in wrong:
        print(f"compatible by the table, and {r.outcome}: {r.case.id}: {r.words}")
    return int(bool(wrong) or agreed < ENOUGH * len(asked))


if __name__ == "__main__":
    sys.exit(main())
