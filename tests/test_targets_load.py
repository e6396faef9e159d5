from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from graphdoctor.errors import InputError
from graphdoctor.targets import Target, all_target_names, load_target
from graphdoctor.targets import load as loader
from graphdoctor.types import Answer, DType

NAMES = all_target_names()


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.toml").write_text(f"name = '{name}'\n{text}")


BASE = """parser = 'uff'
dtypes = ['float32']
[sources]
book = 'a book'
[defaults]
source = '@book'
confidence = 'high'
[absent]
support = 'no'
reason = 'no {op}'
[shared]
yes = {support = 'yes'}
[ops]
Add = 'yes'
Relu = 'yes'
[[limits]]
name = 'a-limit'
reason = 'because'
source = 'seen'
confidence = 'low'
"""
CHILD = (
    "extends = 'base'\ndrop_ops = ['Relu']\ndrop_limits = ['a-limit']\n[ops]\nAdd = {support = 'no', reason = 'gone', "
)
CHILD += "source = 'x', confidence = 'medium'}\nElu = {support = 'yes', source = 'x', confidence = 'high'}\n"


def test_extends_is_resolved(tmp_path: Path) -> None:
    write(tmp_path, "base", BASE)
    write(tmp_path, "child", CHILD)
    target = loader.read_target("child", tmp_path)
    assert isinstance(target, Target)
    assert target.lineage == ("child", "base")
    assert target.parser == "uff"
    assert target.dtypes == {DType.FLOAT}
    assert {op: row.support for op, row in target.ops.items()} == {"Add": Answer.NO, "Elu": Answer.YES}
    assert target.limits == {}
    assert target.row("Tan").reason == "no Tan"
    assert loader.read_target("base", tmp_path).ops["Add"].source == "a book"


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("dtypes = ", "dtype = ", "", "Did you mean 'dtypes'"),
        ("float32", "flaot32", "dtypes", "Did you mean 'float32'"),
        ("Relu = 'yes'", "Relu = 'yess'", "ops.Relu", "Did you mean 'yes'"),
        ("Relu = 'yes'", "Relu = {suport = 'yes'}", "ops.Relu", "Did you mean 'support'"),
        ("Relu = 'yes'", "Relu = {support = 'maybe'}", "ops.Relu.support", "unknown word 'maybe'"),
        ("Relu = 'yes'", "Relu = {note = 'x'}", "ops.Relu", "has no support"),
        ("Relu = 'yes'", "Relu = {support = 'yes', rank = ['4']}", "ops.Relu.rank", "list of int"),
        ("Relu = 'yes'", "Relu = {support = 'yes', outputs = '1'}", "ops.Relu.outputs", "must be int"),
        ("Relu = 'yes'", "Relu = {support = 'yes', attrs = {a = 1}}", "ops.Relu.attrs", "lists of values"),
        ("'@book'", "'@bok'", "source", "Did you mean 'book'"),
        ("source = '@book'\n", "", "", "has no source"),
        ("support = 'no'", "support = 'yes'", "absent.support", "never supported"),
        ("'a-limit'", "'A limit'", "limits[0].name", "kebab-case"),
        ("reason = 'because'", "resaon = 'because'", "limits[0]", "Did you mean 'reason'"),
        (
            "[[limits]]",
            "[[limits]]\nname = 'a-limit'\nreason = 'x'\nsource = 'x'\nconfidence = 'low'\n[[limits]]",
            "",
            "twice",
        ),
        ("parser = 'uff'", "parser = 'caffe'", "parser", "unknown word 'caffe'"),
        ("parser = 'uff'", "parser = 'uff'\nopset = {max = 'x'}", "opset", "list of int"),
        ("parser = 'uff'", "parser = 'uff'\nextends = 'nobody'", "", "there is no target 'nobody'"),
        ("parser = 'uff'", "parser = 'uff'\ndrop_ops = ['Tan']", "drop_ops", "not inherited"),
        ("parser = 'uff'", "parser = 'uff'\nlive = 'yes'", "live", "true or false"),
        ("parser = 'uff'", "parser = 'uff'\npacks = 'fold'", "packs", "list of str"),
        ("name = 'base'", "name = 'other'", "name", "as the file is called"),
        ("parser = 'uff'", "parser = 'uff", "", "is not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_remedy(tmp_path: Path, old: str, new: str, where: str, says: str) -> None:
    write(tmp_path, "base", BASE)
    path = tmp_path / "base.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        loader.read_target("base", tmp_path)
    assert says in str(error.value)
    assert where in error.value.where


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "b")):
        write(tmp_path, name, f"extends = '{other}'\n")
    with pytest.raises(InputError, match="a -> b -> c -> b"):
        loader.read_target("a", tmp_path)


def test_a_child_cannot_change_the_parser(tmp_path: Path) -> None:
    write(tmp_path, "base", BASE)
    write(tmp_path, "child", "extends = 'base'\nparser = 'onnx'\n")
    with pytest.raises(InputError, match="differs from the parser of base"):
        loader.read_target("child", tmp_path)


@pytest.mark.parametrize(("name", "hint"), [("trt33", "'trt3'"), ("rtx17", "'rtx1.7'"), ("zzz", "Targets: trt3")])
def test_an_unknown_target_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError) as error:
        load_target(name)
    assert hint in str(error.value)


def test_loading_every_target_is_fast() -> None:
    """Under 40 ms where 10 KB of plain TOML take 0.85 ms: a ratio, since machines and their load differ."""
    plain = "".join(f"key{i} = 'twenty characters and'\n" for i in range(300))
    ratios = []
    for _ in range(7):
        unit = min(_seconds(lambda: tomllib.loads(plain)) for _ in range(3))
        ratios.append(_seconds(_load_all) / unit)
    assert min(ratios) < 45


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _load_all() -> None:
    loader.read_target.cache_clear()
    loader._data.cache_clear()
    for name in NAMES:
        load_target(name)
