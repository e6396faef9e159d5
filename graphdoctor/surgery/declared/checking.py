"""What is wrong with a declared rewrite, before any graph is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from graphdoctor.ops import find_op
from graphdoctor.ops.registry import all_ops
from graphdoctor.surgery.declared.rows import (
    ANYTHING,
    NewRow,
    PatternRow,
    captures,
    is_dtype_key,
    listed,
    reference,
    sink,
)
from graphdoctor.targets import all_target_names, load_target
from graphdoctor.types import DType

Pattern = Mapping[str, PatternRow]
Replacement = Mapping[str, NewRow]


class Problem(NamedTuple):
    """What is wrong: the keys that lead there, what, and what to do."""

    keys: tuple[str, ...]
    message: str
    remedy: str


def problems(
    pattern: Pattern, replacement: Replacement, anchor: str, result: str, own_ops: Sequence[str]
) -> Iterator[Problem]:
    """Everything that is wrong with a pattern and what is to take its place."""
    yield from _in_pattern(pattern, own_ops)
    yield from _in_shape(pattern, anchor)
    yield from _in_replacement(pattern, replacement, sink(pattern, anchor), result, own_ops)


# ---- the pattern -----------------------------------------------------------------------------------------


def _in_pattern(pattern: Pattern, own_ops: Sequence[str]) -> Iterator[Problem]:
    for name, row in pattern.items():
        keys = ("pattern", name)
        yield from _bad_ops((*keys, "op"), row.ops, own_ops)
        yield from _bad_dtypes((*keys, "dtype"), listed(row.dtype))
        yield from _bad_inputs((*keys, "inputs"), row.ops, row.inputs)
        yield from _bad_attrs((*keys, "attrs"), row.ops, row.attrs)
        if row.commutative and len(row.inputs or ()) != 2:
            yield Problem((*keys, "commutative"), f"{name} has not two inputs", "Leave commutative out")
        if row.ops and row.is_constant:
            text = f"{name} is a node and cannot be a constant"
            yield Problem((*keys, "constant"), text, "Leave op out: then it is a constant, however it is stored")
        if not row.ops and (row.inputs is not None or row.attrs or row.only):
            yield Problem(keys, f"{name} has no op", "A node needs one; a value has constant, dtype and rank alone")


def _in_shape(pattern: Pattern, anchor: str) -> Iterator[Problem]:
    nodes = [name for name, row in pattern.items() if row.ops]
    if not nodes:
        yield Problem(("pattern",), "has no node", "Give at least one entry with an op")
        return
    if anchor and anchor not in nodes:
        yield Problem(("anchor",), f"the pattern has no node {anchor!r}", _near(anchor, nodes))
        return
    end = sink(pattern, anchor)
    if not end:
        typed = set(captures(pattern)) - pattern.keys()
        for name in nodes:
            if near := get_close_matches(name, typed - {name}, 1, 0.75 if len(name) > 2 else 0.9):
                text = f"{name} is not connected: no node of the pattern reads it, but one reads {near[0]!r}"
                yield Problem(("pattern", name), text, "Write the one name in both places")
        yield Problem(("pattern",), "has no node, or several, that no other reads", "Say which is replaced: anchor")
        return
    behind = _behind(pattern, end)
    if behind is None:
        yield Problem(("pattern",), "goes round in a circle", "Patterns have no loops")
        return
    for name in sorted(pattern.keys() - behind):
        what = f"{name} is not connected with {end}: no node of the pattern on its way reads it"
        yield Problem(("pattern", name), what, _near(name, set(captures(pattern)) - pattern.keys()))


def _behind(pattern: Pattern, end: str) -> set[str] | None:
    """What the node ``end`` is computed from, itself included; ``None`` if that goes round."""
    done: set[str] = set()
    open_: list[tuple[str, bool]] = [(end, False)]
    way: set[str] = set()
    while open_:
        name, left = open_.pop()
        if left:
            way.discard(name)
            done.add(name)
        elif name in way:
            return None
        elif name not in done and name in pattern:
            way.add(name)
            open_.append((name, True))
            open_ += [(reference(text)[0], False) for text in pattern[name].inputs or ()]
    return done


# ---- the replacement -------------------------------------------------------------------------------------


def _in_replacement(
    pattern: Pattern, replacement: Replacement, end: str, result: str, own_ops: Sequence[str]
) -> Iterator[Problem]:
    known = (*replacement, *pattern, *captures(pattern))
    chosen = result or (end if end in replacement else "")
    if not chosen:
        text = "what takes the pattern's place is not said"
        yield Problem(("replacement",), text, f"Call one node {end or 'as the pattern'}, or give result = NAME")
    elif reference(chosen)[0] not in known or reference(chosen)[0] == end != chosen:
        yield Problem(("result",), f"there is no {chosen!r}", _near(chosen, known))
    elif chosen in replacement and not replacement[chosen].inputs:
        yield Problem(("replacement", chosen), "the result reads nothing", "Let it read a value of the pattern")
    for name, row in replacement.items():
        yield from _in_new(pattern, replacement, name, row, end, own_ops)
    if _circle(replacement):
        yield Problem(("replacement",), "goes round in a circle", "A graph has no loops")


def _in_new(
    pattern: Pattern, replacement: Replacement, name: str, row: NewRow, end: str, own_ops: Sequence[str]
) -> Iterator[Problem]:
    keys = ("replacement", name)
    if name in pattern and name != end:
        yield Problem(keys, f"the pattern has a {name} too", "Choose another name for the new node")
    if bool(row.op) == (row.constant is not None):
        yield Problem(keys, f"{name} needs an op or a constant", "Give one of them")
    yield from _bad_ops((*keys, "op"), listed(row.op), own_ops)
    yield from _bad_inputs((*keys, "inputs"), listed(row.op), row.inputs)
    yield from _bad_attrs((*keys, "attrs"), listed(row.op), row.attrs)
    known = ({*replacement, *pattern, *captures(pattern)} - {end}) | (replacement.keys() - {name})
    for text in row.inputs:
        if reference(text)[0] not in known:
            what = f"{text!r} is bound by nothing: no node or input of the pattern has the name, and no new node"
            yield Problem((*keys, "inputs"), what, _near(reference(text)[0], known))
    yield from _bad_dtypes((*keys, "dtype"), listed(row.dtype))
    for key, value in row.attrs.items():
        if isinstance(value, str) and value.startswith("$"):
            yield from _bad_copy(pattern, (*keys, "attrs", key), value)


def _bad_copy(pattern: Pattern, keys: tuple[str, ...], text: str) -> Iterator[Problem]:
    name, dot, attribute = text[1:].partition(".")
    if dot:
        nodes = [n for n, row in pattern.items() if row.ops]
        if name not in nodes or not attribute:
            yield Problem(keys, f"{text!r}: the pattern has no node {name!r}", _near(name, nodes))
        return
    constants = [n for n, row in pattern.items() if row.is_constant]
    if name not in constants:
        yield Problem(keys, f"{text!r}: the pattern has no constant {name!r}", _near(name, constants))


def _circle(replacement: Replacement) -> bool:
    left = {name: {reference(t)[0] for t in row.inputs} & replacement.keys() for name, row in replacement.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return bool(left)


# ---- words -----------------------------------------------------------------------------------------------


def _bad_ops(keys: tuple[str, ...], ops: Sequence[str], own_ops: Sequence[str]) -> Iterator[Problem]:
    for op in ops:
        if op not in known_ops() and op not in own_ops:
            remedy = f"{_near(op, known_ops(), all_=False)}An op of your own stands under own-ops of the pack"
            yield Problem(keys, f"there is no op {op!r}", remedy)


def _bad_inputs(keys: tuple[str, ...], ops: Sequence[str], inputs: Sequence[str] | None) -> Iterator[Problem]:
    for text in inputs or ():
        if reference(text)[1] < 0 or not reference(text)[0]:
            yield Problem(keys, f"{text!r} is no input", "Write a name, or a name and the number of an output: split:1")
    if inputs is not None and ANYTHING in inputs and keys[0] == "replacement":
        yield Problem(keys, f"{ANYTHING!r} says nothing of what to read", "Name the input in the pattern too")
    for op in ops:
        known = find_op(op)
        if known is not None and inputs is not None and not known.arity[0] <= len(inputs) <= known.arity[1]:
            low, high = known.arity
            text = f"{low}" if low == high else f"{low} or more" if high > 100 else f"{low} to {high}"
            yield Problem(keys, f"{op} has {text} inputs, not {len(inputs)}", "Correct the inputs")


def _bad_attrs(keys: tuple[str, ...], ops: Sequence[str], attrs: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in attrs.items():
        words = (
            listed(value) if isinstance(value, str | list) and all(isinstance(v, str) for v in listed(value)) else ()
        )
        if any(is_dtype_key(op, key) for op in ops) and not any(w.startswith("$") for w in words):
            yield from _bad_dtypes((*keys, key), words)
        elif isinstance(value, dict):
            text = f"{key} cannot be a table"
            yield Problem((*keys, key), text, "Attributes are numbers, texts, true, false, dtypes, or lists of these")


def _bad_dtypes(keys: tuple[str, ...], words: Iterable[str]) -> Iterator[Problem]:
    for word in words:
        if DType.parse(word) is None:
            names = [d.label for d in DType if d is not DType.INVALID]
            yield Problem(keys, f"{word!r} is no dtype", _near(word, names))


def _near(word: str, words: Iterable[str], *, all_: bool = True) -> str:
    known = sorted(set(words))
    near = get_close_matches(word, known, 1) or [w for w in known if w.lower() == word.lower()]
    if near:
        return f"Did you mean {near[0]!r}? "
    return f"There are {', '.join(known[:12]) or 'none'}" if all_ else ""


@cache
def known_ops() -> frozenset[str]:
    """TensorFlow op types that graphdoctor or a target knows."""
    ops = set(all_ops())
    for name in all_target_names():
        target = load_target(name)
        ops |= set(target.ops) if target.parser != "onnx" else set()
    return frozenset(ops)
