"""check --prune-suppressions: what nothing needs goes from the file beside a model, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdoctor.config.suppressions import parse_suppressions, without_entries
from tests.cli.choosing import GRAPHS, check, codes, here, put
from tests.cli.program import helped, refused

__all__ = ["here"]
FILE = "net.gdignore.toml"
WHOLE = """\
# What the team has answered for.

# the tower is cut away
[[suppress]]
rule = "GDU003"  # batch norm
reason = "cut away"

# nothing has this
[[suppress]]
rule = [
    "GDN002",  # no such finding
]
node = "a#b"
reason = \"\"\"two
# lines\"\"\"

# ask again in spring

[[suppress]]
rule = "GDV001"
expires = 2020-01-31
"""
LEFT = """\
# What the team has answered for.

# the tower is cut away
[[suppress]]
rule = "GDU003"  # batch norm
reason = "cut away"

# ask again in spring
"""


def test_unused_and_expired_entries_go() -> None:
    put(FILE, WHOLE)
    assert {"GDF005", "GDF006"} <= codes("net.pb")
    assert Path(FILE).read_text() == WHOLE
    before = check("net.pb")
    done = check("net.pb", "--prune-suppressions")
    assert done.err == f"{FILE}: removed 2 entries that nothing needs\n"
    assert "GDF00" in before.out
    assert "GDF00" not in done.out
    assert Path(FILE).read_text() == LEFT
    again = check("net.pb", "--prune-suppressions")
    assert (again.code, again.out, again.err) == (done.code, done.out, "")


def test_the_numbers_in_the_report_are_those_of_the_new_file() -> None:
    put(FILE, '[[suppress]]\nrule = "GDN002"\nreason = "x"\n\n[[suppress]]\nrule = "GDU003"\n')
    put("graphdoctor.toml", "require-reason = true\n")
    assert "entry 2 (GDU003)" in check("net.pb").out
    assert "entry 1 (GDU003)" in check("net.pb", "--prune-suppressions").out


def test_a_file_with_nothing_left_goes() -> None:
    put(FILE, '\n[[suppress]]\nrule = "GDN002"\n')
    assert "removed 1 entry that" in check("net.pb", "--prune-suppressions").err
    assert not Path(FILE).exists()
    put(FILE, '# ours\n[[suppress]]\nrule = "GDN002"\n')
    check("net.pb", "--prune-suppressions")
    assert Path(FILE).read_text() == "# ours\n"


def test_what_another_model_needs_stays() -> None:
    """Of net.pb and net.pbtxt, which share the file; one alone does not decide."""
    shutil.copy(GRAPHS / "mlp.pb", "net.pbtxt")
    put(FILE, '[[suppress]]\nrule = "GDU018"\nreason = "mlp"\n\n[[suppress]]\nrule = "GDN002"\nreason = "nobody"\n')
    done = check("net.pb", "--prune-suppressions")
    assert "left as it is, since it is about net.pbtxt too" in done.err
    assert "GDN002" in Path(FILE).read_text()
    assert "removed 1 entry" in check("net.pb", "net.pbtxt", "--prune-suppressions", "-j", "2").err
    assert Path(FILE).read_text() == '[[suppress]]\nrule = "GDU018"\nreason = "mlp"\n'
    put("net.pbtxt", "Dear reader")
    put(FILE, '[[suppress]]\nrule = "GDN002"\n')
    assert check("net.pb", "net.pbtxt", "--prune-suppressions").code == 2
    assert Path(FILE).exists()


def test_what_was_not_looked_for_stays() -> None:
    put(FILE, '[[suppress]]\nrule = "GDU"\ntarget = "trt5"\n[[suppress]]\nrule = "GDN002"\n')
    assert check("net.pb", "--select", "GDV", "--prune-suppressions").err == ""


@pytest.mark.parametrize(
    "text",
    [
        'suppress = [{rule = "GDN002"}, {rule = "GDU003"}]\n',
        '[[suppress]]\nrule = "GDN002"\nreason = """\n[[suppress]]\n"""\n[[suppress]]\nrule = "GDU003"\n',
    ],
    ids=["in one line", "a head inside a text"],
)
def test_entries_without_lines_of_their_own_are_left_to_the_user(text: str) -> None:
    put(FILE, text)
    said = refused(check("net.pb", "--prune-suppressions"))
    assert "its entries have no lines of their own" in said
    assert "number 1" in said
    assert Path(FILE).read_text() == text


def test_isolated_heeds_none() -> None:
    assert "--prune-suppressions out" in helped(check("net.pb", "--isolated", "--prune-suppressions"))


def test_line_ends_and_links_stay(tmp_path: Path) -> None:
    text = '[[suppress]]\r\nrule = "GDN002"\r\n\r\n[[suppress]]\r\nrule = "GDU003"\r\nreason = "x"\r\n'
    (tmp_path / "kept.toml").write_bytes(text.encode())
    Path(FILE).symlink_to("kept.toml")
    check("net.pb", "--prune-suppressions")
    assert Path(FILE).is_symlink()
    assert (tmp_path / "kept.toml").read_bytes() == b'[[suppress]]\r\nrule = "GDU003"\r\nreason = "x"\r\n'


_BLANKS = st.sampled_from(["", "\n", "\n\n"])
_ENTRIES = st.builds(
    lambda above, head, rule, inside, behind, alone: (
        f"{above}{head}\nrule = {rule}\n{inside}{behind}{alone}",
        [c for c in (alone.strip(),) if c],
    ),
    st.sampled_from(["", "# above\n", "  # above\n# and above\n"]),
    st.sampled_from(["[[suppress]]", "[[ suppress ]]", '[["suppress"]]  # head']),
    st.sampled_from(['"GDU"', "['GDN',\n\n  # in the list\n 'GDV']", '"""\n[[suppress]]\n#\n"""', "'''#\n\n'''"]),
    st.sampled_from(["", "# inside\nnode = 'x'\n", "expires = 2027-01-01 # day\n"]),
    _BLANKS,
    st.sampled_from(["", "\n# alone\n\n"]),
)


@given(st.sampled_from(["", "# begin\n", "# begin\n\n"]), st.lists(_ENTRIES, min_size=1, max_size=5), st.data())
def test_lines_of_entries(begin: str, made: list[tuple[str, list[str]]], data: st.DataObject) -> None:
    """What is left says the other entries, comments that stand alone included; or nothing is said to be left."""
    text = begin + "".join(part for part, _ in made)
    entries = parse_suppressions(text, "f")
    gone = data.draw(st.sets(st.integers(1, len(made)), min_size=1))
    left = without_entries(text, gone)
    wanted = tuple(e for i, e in enumerate(entries, 1) if i not in gone)
    if any('"""' in part for part, _ in made):  # a head inside a text: whoever calls compares, as here
        assert left is None or left != text
        return
    assert left is not None
    assert parse_suppressions(left, "f") == wanted
    assert left.count("# alone") == text.count("# alone")
    assert left.count("# begin") == text.count("# begin")
    assert "\n\n\n\n" not in left or "\n\n\n\n" in text


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_more_than_there_are(number: int) -> None:
    assert without_entries("", frozenset({number})) is None
