from __future__ import annotations

import subprocess
import sys

import pytest

from graphdoctor.engines import available_backends
from graphdoctor.engines.backends import capability_names, capability_number, modules_of
from graphdoctor.errors import InputError

RTX = modules_of("tensorrt_rtx")


@pytest.mark.parametrize("text", ["8.6", "86", "sm86", "SM86", "sm_86", "SM-86", " 8.6 "])
def test_ways_to_write_a_compute_capability(text):
    assert capability_names([text], RTX) == ("SM86",)


def test_capabilities_with_two_digits_before_the_point():
    assert capability_names(["12.0", "sm_121", "7.5"], RTX) == ("SM120", "SM121", "SM75")
    assert [capability_number(n) for n in ("SM120", "SM121", "SM75")] == ["12.0", "12.1", "7.5"]


@pytest.mark.parametrize(
    "text, hint",
    [("8.7", "did you mean 8."), ("12.2", "did you mean 12."), ("sm_90", "did you mean 8.0"), ("fast", ""), ("", "")],
)
def test_unknown_compute_capabilities(text, hint):
    with pytest.raises(InputError, match="does not know the compute capability") as caught:
        capability_names(["8.6", text], RTX)
    assert hint in str(caught.value)
    assert "7.5, 8.0, 8.6, 8.9, 12.0, 12.1" in caught.value.remedy


def test_a_compute_capability_given_twice():
    with pytest.raises(InputError, match=r"sm86: is given twice"):
        capability_names(["sm86", "8.6"], RTX)


def test_plain_tensorrt_takes_no_compute_capability():
    assert capability_names([], modules_of("tensorrt")) == ()
    with pytest.raises(InputError, match="for the GPU it runs on"):
        capability_names(["8.6"], modules_of("tensorrt"))


def test_backends_in_their_order():
    assert modules_of("auto") == ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
    assert modules_of("auto", capabilities=True) == RTX
    assert modules_of("tensorrt", capabilities=True) == ("tensorrt",)
    with pytest.raises(InputError, match=r"no backend 'tensorrt-rtx' \(did you mean tensorrt_rtx\?\)"):
        modules_of("tensorrt-rtx")


def test_available_backends_are_found_without_importing_them():
    program = (
        "import sys; from graphdoctor.engines import available_backends; found = available_backends();"
        "print([b.name for b in found]); print([m for m in sys.modules if 'tensorrt' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['tensorrt', 'tensorrt_rtx', 'tensorrt_rtx_bindings']", "[]"]


def test_what_is_said_of_each_backend():
    for backend in available_backends():
        assert backend.reason
        assert backend.importable or backend.reason == "not installed"
        assert bool(backend.version) <= backend.importable
