"""One line of the compact text form, token by token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from graphdoctor.errors import InputError
from graphdoctor.types import Shape

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>\#.*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<hex>hex:[0-9a-fA-F]*)
    | (?P<ref>[\^@$])
    | (?P<number>[-+]?(?:inf|nan|\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+|\d+(?:[eE][-+]?\d+)?)(?![A-Za-z0-9_./>]))
    | (?P<word>[A-Za-z0-9_./>][A-Za-z0-9_./>\-]*)
    | (?P<mark>[=(){}\[\],:?*])
    )""",
    re.VERBOSE,
)


class Scanner:
    """Reads one line token by token."""

    def __init__(self, line: str, where: str) -> None:
        self.where = where
        self.tokens = list(_tokens(line, where))
        self.at = 0

    def fail(self, problem: str) -> InputError:
        return InputError(problem, where=self.where, remedy="docs/text-form.md describes the compact text form")

    def at_end(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        k = self.at + ahead
        return self.tokens[k][1] if k < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if not self.at_end() else "end"

    def take(self) -> str:
        if self.at_end():
            raise self.fail("the line ends too early")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def accept(self, mark: str) -> bool:
        if self.peek() == mark and self.kind() in ("mark", "ref"):
            self.at += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise self.fail(f"expected {mark!r}, found {self.peek() or 'the end of the line'!r}")

    def finish(self) -> None:
        if not self.at_end():
            raise self.fail(f"cannot understand {self.peek()!r}")

    def word(self) -> str:
        kind = self.kind()
        token = self.take()
        if kind == "string":
            return str(json.loads(token))
        if kind not in ("word", "number"):
            raise self.fail(f"expected a name, found {token!r}")
        return token

    def refs(self, end: str = ")") -> list[str]:
        found: list[str] = []
        while not (self.at_end() if not end else self.accept(end)):
            mark = "^" if self.accept("^") else ""
            name = self.word()
            while self.accept(":"):
                name += ":" + self.word()
            found.append(mark + name)
            self.accept(",")
        return found

    def dims(self) -> Shape:
        self.expect("[")
        if self.accept("*"):
            self.expect("]")
            return None
        dims: list[int | None] = []
        while not self.accept("]"):
            token = self.take()
            dims.append(None if token == "?" else int(token))
            self.accept(",")
        return tuple(dims)


def _tokens(line: str, where: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(line.rstrip()):
        match = _TOKEN.match(line, position)
        if not match or not match.lastgroup:
            raise InputError(f"cannot read {line[position:].strip()!r}", where=where)
        if match.lastgroup != "comment":
            yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()
