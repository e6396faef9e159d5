"""Which models the words of a command line mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdoctor.batch.paths import find_models
from graphdoctor.wire.uff import uff_bytes, uff_text
from tests.cli.program import call, helped
from tests.hostile.models import SMALL, pb, save, saved_model
from tests.wire.uff.models import convolution

LABELS = 'item {\n  id: 1\n  name: "raccoon"\n}\n'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models at several depths, a SavedModel, hidden folders, a label map."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.pb", "a.pb", "deep/down/c.pb", ".hidden/d.pb", "deep/.e.pb", "deep/other.txt", "deep/x.onnx"):
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        save(tmp_path / "m", pb(SMALL), name)
    (tmp_path / "m" / "saved" / "variables").mkdir(parents=True)
    save(tmp_path / "m" / "saved", saved_model(), "saved_model.pb")
    save(tmp_path / "m" / "saved", b"", "keras_metadata.pb")
    (tmp_path / "m" / "labels.pbtxt").write_text(LABELS)
    (tmp_path / "m" / "n.uff").write_bytes(uff_bytes(convolution()))
    (tmp_path / "m" / "n.pbtxt").write_text(uff_text(convolution()))
    (tmp_path / "m" / "deep" / "t.pbtxt").write_text('node {\n  name: "x"\n  op: "Placeholder"\n}\n')
    return tmp_path


ALL = ("m/a.pb", "m/b.pb", "m/n.uff", "m/saved", "m/deep/t.pbtxt", "m/deep/down/c.pb")


def test_a_folder_is_searched(tree: Path) -> None:
    found = find_models(["m"])
    assert found.models == ALL
    assert found.skipped == ("m/labels.pbtxt", "m/n.pbtxt")


def test_a_saved_model_is_a_model(tree: Path) -> None:
    """Its own files are not models besides."""
    assert find_models(["m/saved"]).models == ("m/saved",)
    assert find_models(["m/saved/saved_model.pb"]).models == ("m/saved/saved_model.pb",)


def test_each_once_in_the_order_given(tree: Path) -> None:
    assert find_models(["m/b.pb", "m", "m/b.pb", "m"]).models == ("m/b.pb", *(p for p in ALL if p != "m/b.pb"))


def test_patterns(tree: Path) -> None:
    """Those that the shell did not expand; a file that is really called so is that file."""
    assert find_models(["m/**/*.pb"]).models == ("m/a.pb", "m/b.pb", "m/deep/down/c.pb", *_saved())
    assert find_models(["m/[a]*"]).models == ("m/a.pb",)
    assert find_models(["m/none*.pb"]).models == ("m/none*.pb",)
    save(tree, pb(SMALL), "odd[1].pb")
    assert find_models(["odd[1].pb"]).models == ("odd[1].pb",)


def _saved() -> tuple[str, ...]:
    return ("m/saved/keras_metadata.pb", "m/saved/saved_model.pb")


@pytest.mark.parametrize("word", ["-", "", "\0", "missing.pb", "missing/", "m/labels.pbtxt"])
def test_named_is_kept_as_it_is(word: str, tree: Path) -> None:
    """What is named is opened, and opening says what is wrong with it."""
    assert find_models([word]) == find_models([word, word])
    assert find_models([word]).models == (word,)


def test_links_are_not_followed_around(tree: Path) -> None:
    (tree / "m" / "deep" / "up").symlink_to(tree / "m")
    assert find_models(["m"]).models == ALL


def test_folder_without_models(tree: Path) -> None:
    """One message that says what was looked for, and where; another model stops for it no more than for any other."""
    (tree / "empty" / "deep").mkdir(parents=True)
    said = helped(call("check", "empty"))
    assert "empty: no models were found in this folder or below it" in said
    assert all(word in said for word in (".pb", ".pbtxt", "SavedModel"))
    assert ".onnx" not in said
    save(tree / "empty" / "deep", b"", "net.onnx")
    assert "empty/deep/net.onnx is no such model" in helped(call("check", "empty"))
    done = call("check", "empty", "m/a.pb", "--target", "rtx1.7", "--no-live", "--fail-on", "never")
    assert done.code == 2
    assert "m/a.pb" in done.out
    (tree / "empty" / "labels.pbtxt").write_text(LABELS)
    assert find_models(["empty"]).models == ("empty",)


def test_pattern_without_a_match(tree: Path) -> None:
    assert "m/none*.pb: no file has such a name" in helped(call("check", "m/none*.pb"))


def test_check_of_a_folder(tree: Path) -> None:
    """A report for each, a note for what is no graph."""
    done = call("check", "m", "--target", "rtx1.7", "--no-live", "--format", "jsonl", "--fail-on", "never")
    assert done.code == 0
    assert done.err == "no graphs, and left out: m/labels.pbtxt, m/n.pbtxt\n"
    for path in ALL:
        assert f'"{path}"' in done.out
