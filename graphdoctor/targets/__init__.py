"""Targets are data: ``rules/targets/*.toml``, each the difference to the one it extends.

Code never compares TensorRT versions. It asks a target: ``supports`` for an op with its inputs and
attributes, ``has_limit`` for what a rule looks for.
"""

from __future__ import annotations

from functools import cache

from graphdoctor.targets.load import read_target, target_files
from graphdoctor.targets.rows import Confidence, EngineTypes, Limit, OpRow, SegmentRules, SpecLike
from graphdoctor.targets.target import Target

__all__ = [
    "DEFAULT_TARGET",
    "Confidence",
    "EngineTypes",
    "Limit",
    "OpRow",
    "SegmentRules",
    "SpecLike",
    "Target",
    "all_target_names",
    "load_target",
]

DEFAULT_TARGET = "trt3"
"""The target that is checked when the user names none."""


def load_target(name: str) -> Target:
    """The target ``name``, read once.

    Raises:
        InputError: there is no such target (the message names the nearest), or its file is wrong.
    """
    return read_target(name, None)


@cache
def all_target_names() -> tuple[str, ...]:
    """Every target that can be named, oldest release first. Reads no file."""
    return tuple(target_files())
