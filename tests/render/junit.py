"""What the common form of JUnit XML allows, as Jenkins' xUnit plugin states it in its junit-10.xsd, and a check by it.

Of each element its children, the attributes that it must have, and those that it may have. The order of children is
free there; attributes hold text, but for times and counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class Form:
    """What an element may be; ``text``: whether it may hold any besides children."""

    children: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    text: bool = False


def _form(children: str = "", needed: str = "", allowed: str = "", *, text: bool = False) -> Form:
    return Form(frozenset(children.split()), frozenset(needed.split()), frozenset(allowed.split()), text)


_PROBLEM = _form(allowed="type message", text=True)
FORMS = {
    "testsuites": _form("testsuite", allowed="name time tests failures errors"),
    "testsuite": _form(
        "testsuite properties testcase system-out system-err",
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
    ),
    "properties": _form("property"),
    "property": _form(needed="name value"),
    "testcase": _form("skipped error failure system-out system-err", "name", "time classname group"),
    "failure": _PROBLEM,
    "error": _PROBLEM,
    "skipped": _PROBLEM,
    "system-out": _form(text=True),
    "system-err": _form(text=True),
}
_VALUES = {
    "time": re.compile(r"\d{1,3}(,\d{3})*(\.\d*)?"),
    **dict.fromkeys(("tests", "failures", "errors", "skipped"), re.compile(r"\d+")),
}


def problems(element: Element) -> Iterator[str]:
    """What of ``element`` and all in it is not of the form."""
    form = FORMS.get(element.tag)
    if form is None:
        yield f"there is no element {element.tag}"
        return
    given = set(element.attrib)
    yield from (f"{element.tag} lacks {name}" for name in sorted(form.needed - given))
    yield from (f"{element.tag} has {name}" for name in sorted(given - form.needed - form.allowed))
    for name, value in element.attrib.items():
        if name in _VALUES and not _VALUES[name].fullmatch(value):
            yield f"{name} of {element.tag} is {value!r}"
    if not form.text and any(t and t.strip() for t in (element.text, *(child.tail for child in element))):
        yield f"{element.tag} holds text"
    for child in element:
        if child.tag not in form.children:
            yield f"{element.tag} holds {child.tag}"
        yield from problems(child)
