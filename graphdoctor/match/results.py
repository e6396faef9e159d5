"""What a predicate or a matcher answers: yes, no, or it cannot be told; each with its reason and its place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """It holds; ``reason`` says what was seen, in words that can stand in a message."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class NoMatch:
    """It does not hold. ``node`` is the name of the node that decided."""

    reason: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The graph does not say enough. ``reason`` is what is missing, ``node`` the name of the node where."""

    reason: str
    node: str = ""


Outcome = Match | NoMatch | CannotTell


def negated(outcome: Outcome) -> Outcome:
    """The answer to the opposite question; what cannot be told stays so."""
    if isinstance(outcome, Match):
        return NoMatch(outcome.reason)
    if isinstance(outcome, NoMatch):
        return Match(outcome.reason)
    return outcome
