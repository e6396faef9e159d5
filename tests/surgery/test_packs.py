"""Pack files: what is wrong in one is said with its place, and packs and rules speak of the same rewrites."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graphdoctor.errors import InputError
from graphdoctor.findings import Safety
from graphdoctor.resources import load_toml, rules_dir
from graphdoctor.surgery import load_pack, load_rewrites, pack_names, pack_of
from graphdoctor.surgery.packs import RewriteRow, bind, finders, read_pack
from graphdoctor.surgery.shelf import PackFile
from tests.surgery.cases import all_rewrites

PACK = """
name = "p"
title = "P"
summary = "A pack"

[[rewrite]]
name = "r"
find = "fold-constants"
safety = "safe"
summary = "Does it"
"""


def offered_fixes() -> list[tuple[str, dict[str, str]]]:
    """Code and fix of every rule that offers one."""
    tables = [load_toml(path) for path in sorted((rules_dir() / "checks").glob("*.toml"))]
    fixes: list[tuple[str, Any]] = [
        (t["code"], f) for t in tables for f in [t.get("fix"), *t.get("fixes", {}).values()]
    ]
    return [(code, fix) for code, fix in fixes if fix]


def test_the_packs_are_there() -> None:
    older = {f"tf1{minor}" for minor in range(4, 16)}
    words = "all-safe batch clean float32 float32-inside fold fp16 modern moments nchw share ssd-trt trt3 tf1 uff"
    named = set(words.split())
    assert set(pack_names()) == named | older
    assert [load_pack(name).name for name in pack_names()] == list(pack_names())


def test_names_are_kebab_case_and_stated_once() -> None:
    stated = [row.name for name in pack_names() for row in load_pack(name).rewrite]
    assert len(set(stated)) == len(stated)
    assert [n for n in stated if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", n)] == []


def test_every_finder_is_used() -> None:
    used = {row.find for name in pack_names() for row in load_pack(name).rewrite}
    assert used == set(finders())


def test_a_rewrite_of_several_packs_comes_once_and_where_it_first_does() -> None:
    alone, both = load_rewrites(["fold"]), load_rewrites(["fold", "trt3", "fold"])
    names = [r.name for r in both]
    assert names[: len(alone)] == [r.name for r in alone]
    assert len(set(names)) == len(names)
    assert pack_of("fold-batch-norm") == "fold"
    assert pack_of("nobody") == ""


def test_all_safe_is_every_safe_rewrite_but_those_for_one_release() -> None:
    safe = {name for name, r in all_rewrites().items() if r.safety is Safety.SAFE and r.row.find != "keep-to-release"}
    safe -= {row.name for row in load_pack("modern").rewrite}
    assert {r.name for r in load_rewrites(["all-safe"])} == safe


def test_trt3_brings_what_it_needs() -> None:
    names = {r.name for r in load_rewrites(["trt3"])}
    assert {"fold-batch-norm", "rename-addv2", "remove-identities", "relu6-to-relu-minimum"} <= names


@pytest.mark.parametrize(("code", "fix"), [pytest.param(c, f, id=f"{c}-{f['rewrite']}") for c, f in offered_fixes()])
def test_what_rules_offer_exists_and_is_as_safe_as_they_say(code: str, fix: dict[str, str]) -> None:
    rewrite = all_rewrites()[fix["rewrite"]]
    assert fix["rewrite"] in {r.name for r in load_rewrites([fix["pack"]])}
    assert rewrite.safety is Safety(fix["safety"])
    assert code in rewrite.row.fixes


def test_rewrites_name_rules_that_exist() -> None:
    codes = {path.stem for path in (rules_dir() / "checks").glob("*.toml")}
    assert {c for r in all_rewrites().values() for c in r.row.fixes} <= codes


def test_an_unknown_pack_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError) as e:
        load_rewrites(["tf12"])
    assert (e.value.message, e.value.remedy) == ("no pack is named 'tf12'", "Did you mean tf112 or tf1?")
    with pytest.raises(InputError, match="no pack is named") as e:
        load_pack("zzz")
    assert "all-safe, batch, clean, " in e.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "P"', "", "missing required field `title`"),
        ('title = "P"', 'title = "P"\ncolour = "red"', "unknown field `colour`"),
        ('safety = "safe"', 'safety = "quite"', "Invalid enum value 'quite'"),
        ('name = "p"', "name = ", "is not TOML"),
    ],
)
def test_a_wrong_pack_file_says_what_and_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(PACK.replace(old, new))
    with pytest.raises(InputError, match=re.escape(said)) as e:
        read_pack(path)
    assert e.value.where == str(path)
    assert e.value.remedy


def row(**changed: Any) -> RewriteRow:
    stated: dict[str, Any] = {"name": "r", "find": "rename-op", "safety": Safety.SAFE, "summary": "s"}
    return RewriteRow(**{**stated, "options": {"from": ["A"], "to": "B"}, **changed})


def test_a_row_is_bound_to_its_finder_and_options() -> None:
    bound = bind(row(), PackFile("p", Path("p.toml"), "graphdoctor"))
    assert (bound.options.ops, bound.options.to, bound.options.drop) == (("A",), "B", ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"find": "rename-ops"}, "no finder is named 'rename-ops'"),
        ({"options": {"from": ["A"]}}, "options: Object missing required field `to`"),
        ({"options": {"from": ["A"], "to": "B", "drops": []}}, "options: Object contains unknown field `drops`"),
        ({"options": {"from": "A", "to": "B"}}, "options: Expected `array`, got `str` - at `$.from`"),
        ({"find": "fold-constants"}, "options: Object contains unknown field `from`"),
    ],
)
def test_a_wrong_row_says_what_and_where(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as e:
        bind(row(**changed), PackFile("p", Path("p.toml"), "graphdoctor"))
    assert e.value.where.endswith("p.toml: r")
