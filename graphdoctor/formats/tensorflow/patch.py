"""A patch: what turns one GraphDef into another, node by node, and back; exact to the byte."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from graphdoctor.errors import InputError
from graphdoctor.formats.readfile import atomic_write, read_model_bytes
from graphdoctor.wire import scan
from graphdoctor.wire.scan import WireError

VERSION = 1
_NODE, _NAME = 1, 1


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an output was compared before and after: on how many inputs, and the largest differences.

    ``max_rel`` is ``None`` where the output was zero before and is not now, within the tolerance.
    """

    output: str
    method: str
    inputs: int
    max_abs: float
    max_rel: float | None


class ProofPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tensors that were compared where all before them was the same, and the largest differences."""

    tensors: tuple[str, ...]
    max_abs: float
    max_rel: float | None


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two graphs: sha256 of its canonical GraphDef, and how many nodes it has."""

    sha256: str
    nodes: int


class NodeEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node before and after, as a serialized NodeDef, and its place in the file; ``None`` where it is not there."""

    name: str
    before: bytes | None = None
    after: bytes | None = None
    before_at: int | None = None
    after_at: int | None = None


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that differs between two GraphDefs.

    Attributes:
        version: of this form.
        tool: what made it.
        before: the graph that it is for.
        after: the graph that it makes.
        edits: by node name.
        rest: what the two hold besides nodes (versions, functions), where that differs.
        proof: how the two were compared, where they were.
        parts: what was compared within the graph, in order, where the proof is in parts.
    """

    version: int
    tool: str
    before: Side
    after: Side
    edits: list[NodeEdit]
    rest: tuple[bytes, bytes] | None = None
    proof: list[Proof] = []
    parts: list[ProofPart] = []

    def reversed(self) -> Patch:
        """The patch that takes this one back."""
        edits = [
            NodeEdit(name=e.name, before=e.after, after=e.before, before_at=e.after_at, after_at=e.before_at)
            for e in self.edits
        ]
        rest = self.rest[::-1] if self.rest is not None else None
        return Patch(self.version, self.tool, self.after, self.before, edits, rest)


class _Parts(NamedTuple):
    """A GraphDef taken apart: its nodes in order, by name, and all other fields."""

    nodes: dict[str, memoryview]
    rest: bytes


def make_patch(
    before: bytes, after: bytes, tool: str, proof: Iterable[Proof] = (), parts: Iterable[ProofPart] = ()
) -> Patch:
    """The patch from one serialized GraphDef to another.

    Raises:
        InputError: one of them is damaged, or has two nodes of one name.
    """
    old, new = _parts(before), _parts(after)
    stay = _kept_in_order(list(old.nodes), list(new.nodes))
    old_at, new_at = ({name: i for i, name in enumerate(p.nodes)} for p in (old, new))
    edits = [
        NodeEdit(
            name=name,
            before=_bytes(old.nodes.get(name)),
            after=_bytes(new.nodes.get(name)),
            before_at=None if name in stay else old_at.get(name),
            after_at=None if name in stay else new_at.get(name),
        )
        for name in sorted({*old.nodes, *new.nodes})
        if name not in stay or old.nodes[name] != new.nodes[name]
    ]
    rest = None if old.rest == new.rest else (old.rest, new.rest)
    sides = [Side(_sha256(data), len(parts.nodes)) for data, parts in ((before, old), (after, new))]
    return Patch(VERSION, tool, sides[0], sides[1], edits, rest, list(proof), list(parts))


def apply_patch(data: bytes, patch: Patch) -> bytes:
    """``data``, a serialized GraphDef, after ``patch``.

    A graph other than the one that the patch was made from is taken as long as every node that the patch changes is as
    it was there.

    Raises:
        InputError: the graph is damaged, or a node is not as the patch expects it.
    """
    parts = _parts(data)
    for edit in patch.edits:
        _check(edit, parts.nodes.get(edit.name))
    if patch.rest is not None and parts.rest != patch.rest[0]:
        raise InputError(
            "its versions or functions are not those that the patch was made from", remedy="Make the patch again"
        )
    rest = parts.rest if patch.rest is None else patch.rest[1]
    result = b"".join([*_framed(_edited(parts.nodes, patch.edits)), rest])
    if hashlib.sha256(data).hexdigest() == patch.before.sha256 and _sha256(result) != patch.after.sha256:
        raise InputError("the patch does not give the graph that it names", remedy="The file is damaged: make it again")
    return result


def write_patch(patch: Patch, path: str) -> None:
    """Write ``patch`` as JSON, whole or not at all; nodes are base64.

    Raises:
        InputError: it cannot be written.
    """
    atomic_write(path, msgspec.json.format(msgspec.json.encode(patch), indent=1) + b"\n")


def read_patch(path: str) -> Patch:
    """The patch in the file ``path``.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        patch = msgspec.json.decode(read_model_bytes(path), type=Patch)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise InputError(f"is no patch: {e}", where=path, remedy="Give a file that fix --patch-out wrote") from e
    if patch.version != VERSION:
        raise InputError(
            f"is a patch of version {patch.version}, and this graphdoctor knows version {VERSION}",
            where=path,
            remedy="Make it again, or install the graphdoctor that made it",
        )
    return patch


def _parts(data: bytes) -> _Parts:
    view = memoryview(data)
    nodes: dict[str, memoryview] = {}
    rest: list[memoryview] = []
    try:
        for field in scan.fields(data):
            if field.number != _NODE or field.wire_type != scan.LEN:
                rest.append(view[field.begin : field.end])
                continue
            node = view[field.start : field.end]
            name = _name(node)
            if name in nodes:
                raise InputError("two nodes have this name", where=name, remedy="Give each node its own name")
            nodes[name] = node
    except WireError as e:
        raise InputError(f"the graph is damaged: {e}", remedy="Get the file again, or export the graph again") from e
    return _Parts(nodes, b"".join(rest))


def _name(node: memoryview) -> str:
    for field in scan.fields(node):
        if field.number == _NAME and field.wire_type == scan.LEN:
            return bytes(node[field.start : field.end]).decode("utf-8", "surrogateescape")
    return ""


def _kept_in_order(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Names that both have, less those that would have to move: a longest run that is in order in both."""
    place = {name: i for i, name in enumerate(old)}
    ends: list[int] = []
    chain: list[int] = []
    shared = [name for name in new if name in place]
    before = [-1] * len(shared)
    for i, name in enumerate(shared):
        k = bisect_left(ends, place[name])
        before[i] = chain[k - 1] if k else -1
        ends[k : k + 1] = [place[name]]
        chain[k : k + 1] = [i]
    kept, i = set(), chain[-1] if chain else -1
    while i >= 0:
        kept.add(shared[i])
        i = before[i]
    return kept


def _check(edit: NodeEdit, node: memoryview | None) -> None:
    if _bytes(node) == edit.before:
        return
    if edit.before is None:
        what = "is in the graph already, and the patch would add it"
    else:
        what = "is not in the graph" if node is None else "is not as it was when the patch was made"
    raise InputError(f"this node {what}", where=edit.name, remedy="The patch was made for another graph: make it again")


def _edited(nodes: Mapping[str, memoryview], edits: Sequence[NodeEdit]) -> list[bytes | memoryview]:
    """The nodes after the edits: those that stay keep their order, the others go to the places that are stated."""
    by_name = {e.name: e for e in edits}
    stay: list[bytes | memoryview] = []
    for name, node in nodes.items():
        edit = by_name.get(name)
        if edit is None:
            stay.append(node)
        elif edit.before_at is None and edit.after is not None:
            stay.append(edit.after)
    placed = sorted((e.after_at, e.after) for e in edits if e.after is not None and e.after_at is not None)
    result: list[bytes | memoryview] = []
    kept = iter(stay)
    for at, new in placed:
        while len(result) < at:
            following = next(kept, None)
            if following is None:
                break
            result.append(following)
        result.append(new)
    return [*result, *kept]


def _framed(nodes: Iterable[bytes | memoryview]) -> Iterable[bytes | memoryview]:
    for node in nodes:
        yield scan.encode_varint(_NODE << 3 | scan.LEN) + scan.encode_varint(len(node))
        yield node


def _bytes(node: memoryview | None) -> bytes | None:
    return None if node is None else bytes(node)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
