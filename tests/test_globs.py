"""Globs over names with slashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.globs import holds, matches


@pytest.mark.parametrize(
    ("glob", "name", "whole", "scope"),
    [
        ("a", "a", True, True),
        ("a", "a/b", False, True),
        ("a", "ab", False, False),
        ("a/*", "a/b", True, True),
        ("a/*", "a/b/c", False, True),
        ("a/*", "a", False, False),
        ("a/**", "a/b/c", True, True),
        ("Post/**", "Post/nms", True, True),
        ("**/nms", "nms", True, True),
        ("**/nms", "a/b/nms", True, True),
        ("**/nms", "a/xnms", False, False),
        ("**/nms", "a/nms/box", False, True),
        ("**", "any/thing", True, True),
        ("*", "any/thing", False, True),
        ("block?/conv", "block1/conv", True, True),
        ("block?/conv", "block/1conv", False, False),
        ("block[12]", "block2", True, True),
        ("block[!12]", "block2", False, False),
        ("block[!12]", "block3", True, True),
        ("a.b", "axb", False, False),
        ("a/", "a/b", False, True),
        ("[", "[", True, True),
        ("[z-a]", "[z-a]", True, True),
        ("a[]]", "a]", True, True),
    ],
)
def test_globs(glob: str, name: str, whole: bool, scope: bool) -> None:
    assert (matches(glob, name), holds(glob, name)) == (whole, scope)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_glob(glob: str, name: str) -> None:
    """None raises; one without signs matches itself alone."""
    matches(glob, name)
    holds(glob, name)
    if not set(glob) & set("*?["):
        assert matches(glob, name) == (glob == name)
