"""The few signs beyond letters that the pages use, and what stands for them in ASCII."""

from __future__ import annotations

from dataclasses import dataclass

from graphdoctor.findings import Verdict


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs."""

    ok: str
    no: str
    unknown: str
    times: str
    arrow: str
    dots: str
    bar: str
    foot: str
    rule: str
    bullet: str
    block: str

    @property
    def sample(self) -> str:
        """All signs in a row, to try an encoding with."""
        return "".join(getattr(self, name) for name in self.__slots__)

    def of(self, verdict: Verdict) -> str:
        """The sign of a verdict."""
        return {Verdict.COMPATIBLE: self.ok, Verdict.INCOMPATIBLE: self.no}.get(verdict, self.unknown)


UNICODE = Glyphs(
    ok="✓", no="✗", unknown="?", times="\u00d7", arrow="→", dots="…", bar="│", foot="╰", rule="─", bullet="•", block="█"
)
ASCII = Glyphs(
    ok="+", no="x", unknown="?", times="x", arrow="->", dots="...", bar="|", foot="`", rule="-", bullet="-", block="#"
)
