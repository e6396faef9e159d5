"""Which files are read for which model, and which of two goes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from graphdoctor.config import Given, Request, discovery, requests_for
from graphdoctor.errors import InputError


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own; what was read before is forgotten."""
    monkeypatch.chdir(tmp_path)
    discovery.nearest_file.cache_clear()
    discovery._extended.cache_clear()


def put(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def request(path: str, given: Given | None = None) -> Request:
    (made,) = requests_for([path], given or Given())
    return made


def test_nearest_to_the_model_decides() -> None:
    put("pyproject.toml", '[tool.graphdoctor]\ntarget = "trt5"\n')
    put("nets/graphdoctor.toml", 'target = "trt6"\n')
    assert request("a.pb").settings.target == ("trt5",)
    assert request("nets/a.pb").settings.target == ("trt6",)
    assert request("nets/deep/er/a.pb").settings.target == ("trt6",)
    assert request("nets/../a.pb").settings.target == ("trt5",)
    assert request("-").settings.target == ("trt5",)


def test_pyproject_without_the_section_is_passed_over() -> None:
    put("graphdoctor.toml", 'target = "trt5"\n')
    put("nets/pyproject.toml", "[tool.ruff]\n")
    put("other/pyproject.toml", '[project]\nname = "x"\ndependencies = ["graphdoctor"]\n')
    put("broken/pyproject.toml", "this is = no [toml\n")
    for folder in ("nets", "other", "broken"):
        assert request(f"{folder}/a.pb").settings.target == ("trt5",)
    put("mine/pyproject.toml", "[tool.graphdoctor\n")
    with pytest.raises(InputError, match="is not TOML"):
        request("mine/a.pb")


def test_own_file_goes_before_pyproject() -> None:
    put("pyproject.toml", '[tool.graphdoctor]\ntarget = "trt5"\n')
    put("graphdoctor.toml", 'target = "trt6"\n')
    assert request("a.pb").settings.target == ("trt6",)
    assert request("a.pb").settings.files == ("graphdoctor.toml",)


def test_extend_reads_the_other_first() -> None:
    put(
        "base.toml",
        'target = "trt5"\nignore = ["GDU"]\nextend-select = ["GDN"]\nseverity = {GDU = "info", GDV = "off"}',
    )
    put(
        "nets/graphdoctor.toml",
        'extend = "../base.toml"\nignore = []\nextend-select = ["GDX"]\nseverity = {GDU = "error"}',
    )
    settings = request("nets/a.pb").settings
    assert settings.target == ("trt5",)
    assert settings.ignore == ()
    assert settings.extend_select == ("GDN", "GDX")
    assert dict(settings.severity) == {"GDU": "error", "GDV": "off"}
    assert settings.files == ("base.toml", "nets/graphdoctor.toml")


def test_extending_in_a_circle_ends() -> None:
    put("a.toml", 'extend = "b.toml"')
    put("graphdoctor.toml", 'extend = "a.toml"')
    put("b.toml", 'extend = "./graphdoctor.toml"')
    with pytest.raises(InputError, match="extends itself"):
        request("a.pb")


def test_extending_what_is_not_there() -> None:
    put("graphdoctor.toml", 'extend = "missing.toml"')
    with pytest.raises(InputError, match=r"missing.toml: cannot be read"):
        request("a.pb")


def test_given_file_replaces_the_nearest_and_a_key_goes_before_both() -> None:
    put("graphdoctor.toml", 'target = "trt5"\nignore = ["GDU"]')
    put("ci.toml", 'target = "trt6"')
    put("pyproject.toml", "[project]\n")
    assert request("a.pb", Given(config=("ci.toml",))).settings.ignore == ()
    assert request("a.pb", Given(config=("target=trt4",))).settings.target == ("trt4",)
    mixed = Given(config=("ci.toml", "rules.GDN002.max-abs=1e4", 'ignore=["GDS"]'))
    assert request("a.pb", mixed).settings.rules == (("GDN002", "max-abs", 1e4),)
    assert request("a.pb", mixed).settings.ignore == ("GDS",)
    with pytest.raises(InputError, match=r"no section \[tool.graphdoctor\]"):
        request("a.pb", Given(config=("pyproject.toml",)))
    with pytest.raises(InputError, match="cannot be read"):
        request("a.pb", Given(config=("ci.tml",)))


@pytest.mark.parametrize("text", ["selct=x", "target=", "=x", "ignore=[", "live=yes", "target = trt5 trt6"])
def test_wrong_overrides(text: str) -> None:
    with pytest.raises(InputError) as raised:
        request("a.pb", Given(config=(text,)))
    assert raised.value.where == f"--config {text}"


def test_command_line_goes_before_files() -> None:
    put(
        "graphdoctor.toml",
        'target = "trt5"\nselect = ["GDU"]\nextend-select = ["GDN"]\nignore = ["GDU003"]\nfail-on = "info"\n'
        "live = true\n"
        'baseline = "b.json"\nformat = "json"\nseverity = {GDU = "info", GDV = "info"}\n'
        '[models."a.pb"]\ninputs = ["x"]\noutputs = ["y"]',
    )
    put("b.json", '{"version": 1, "models": {}}')
    put("c.json", '{"version": 1, "models": {}}')
    given = Given(
        targets=("trt4",),
        inputs=("i",),
        outputs=("o",),
        ignore=("GDV",),
        severity=("GDU=off",),
        fail_on="never",
        live=False,
        baseline="c.json",
        format=("full",),
    )
    s = request("a.pb", given).settings
    assert (s.target, s.inputs, s.outputs, s.fail_on, s.live, s.format) == (
        ("trt4",),
        ("i",),
        ("o",),
        "never",
        False,
        ("full",),
    )
    assert s.baseline == "c.json"
    assert s.ignore == ("GDU003", "GDV")
    assert dict(s.severity) == {"GDU": "off", "GDV": "info"}
    asked = request("a.pb", replace(given, select=("GDU003",), ignore=())).settings
    assert (asked.select, asked.extend_select, asked.ignore) == (("GDU003",), (), ())


def test_isolated_reads_nothing() -> None:
    put("graphdoctor.toml", 'target = "trt5"')
    put("a.gdignore.toml", '[[suppress]]\nrule = "GDU"')
    made = request("a.pb", Given(isolated=True, config=("fail-on=info",)))
    assert (made.settings.target, made.sidecar, made.inline) == ((), "", False)
    assert made.settings.fail_on == "info"
    with pytest.raises(InputError, match="reads no configuration"):
        request("a.pb", Given(isolated=True, config=("graphdoctor.toml",)))


def test_tables_of_models_and_ignores_by_glob() -> None:
    put(
        "graphdoctor.toml",
        '[per-model-ignores]\n"detect/*.pb" = ["GDN"]\n"*_v1.pb" = ["GDV"]\n"-" = ["GDS"]\n'
        '[models."**/kws*.pb"]\ntarget = "trt5"\ninputs = "a"\n'
        '[models."detect/kws.pb"]\ninputs = ["b"]\nfail-on = "info"',
    )
    assert request("detect/x.pb").settings.ignore == ("GDN",)
    assert request("detect/deep/x.pb").settings.ignore == ()
    assert request("detect/x_v1.pb").settings.ignore == ("GDN", "GDV")
    assert request("x_v1.pb").settings.ignore == ("GDV",)
    assert request("-").settings.ignore == ("GDS",)
    assert request("kws_dnn.pb").settings.inputs == ("a",)
    one = request("detect/kws.pb").settings
    assert (one.target, one.inputs, one.fail_on) == (("trt5",), ("b",), "info")


def test_sidecar() -> None:
    put("a.gdignore.toml", '[[suppress]]\nrule = "GDU"\nexpires = 2030-01-31\n[[suppress]]\nrule = "GDV"')
    (last,) = requests_for(["a.pb"], Given(), date(2030, 1, 31))
    (after,) = requests_for(["a.pb"], Given(), date(2030, 2, 1))
    assert (last.sidecar, last.over, after.over) == ("a.gdignore.toml", (), (1,))
    put("b.pb.gdignore.toml", "")
    assert request("b.pb").sidecar == "b.pb.gdignore.toml"
    put("b.gdignore.toml", "")
    with pytest.raises(InputError, match="besides"):
        request("b.pb")
    Path("saved").mkdir()
    put("saved.gdignore.toml", "")
    assert request("saved").sidecar == "saved.gdignore.toml"
    assert request("-").sidecar == ""


def test_a_request_says_everything_by_value() -> None:
    """Another word anywhere is another request: reports are kept by it."""
    put("graphdoctor.toml", "")
    seen = {request("a.pb").key}
    for text in ('ignore = ["GDU"]', "[rules.GDN002]\nmax-abs = 3", "live = false"):
        put("graphdoctor.toml", text)
        discovery._extended.cache_clear()
        seen.add(request("a.pb").key)
    put("a.gdignore.toml", '[[suppress]]\nrule = "GDU003"')
    seen.add(request("a.pb").key)
    put("a.gdignore.toml", '[[suppress]]\nrule = "GDU003"\nreason = "x"')
    seen.add(request("a.pb").key)
    assert len(seen) == 6
