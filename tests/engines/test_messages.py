from __future__ import annotations

import pytest

from graphdoctor.engines import EngineError, map_errors
from graphdoctor.engines.messages import reason

CONV = EngineError(
    stage="parse",
    message="Assertion failed: (nchan == -1 || kernelWeights.shape.d[1] * ngroup == nchan): Kernel weight dimension "
    "failed to broadcast to input.",
    node="conv1",
    operator="Conv",
    code="INVALID_NODE",
    index=3,
    function="importConv",
)


def test_an_error_is_said_of_the_tensorflow_node():
    (error,) = map_errors([CONV], {"conv1": ["conv1/Conv2D"]})
    assert str(error) == "conv1/Conv2D (Conv): Kernel weight dimension failed to broadcast to input."
    assert error.raw == CONV.message
    assert error.onnx_node == "conv1"


def test_a_node_that_came_from_several_or_from_none():
    (error,) = map_errors([CONV], {"conv1": ["a", "b", "c", "d", "e"]})
    assert str(error).startswith("a, b, c and 2 more (Conv): ")
    assert error.nodes == ("a", "b", "c", "d", "e")
    (error,) = map_errors([CONV], {"conv1": "just/one"})
    assert error.nodes == ("just/one",)
    (error,) = map_errors([CONV], {})
    assert error.nodes == ("conv1",)


def test_an_error_about_no_node():
    (error,) = map_errors([EngineError("build", "out of luck")], {})
    assert str(error) == "out of luck"
    assert error.nodes == ()


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"message": "false", "operator": "Det"}, "the parser does not support Det in this form"),
        (
            {"message": 'creator && "Plugin not found, are the names right?"', "function": "other"},
            "Plugin not found, are the names right?",
        ),
        (
            {"message": "creator && ...", "operator": "Frob", "function": "checkFallbackPluginImporter"},
            "the parser has no operator Frob, and no plugin of that name is loaded",
        ),
        (
            {"message": "Assertion failed: convertDtype()", "file": "x:0", "function": "importInput"},
            "the parser does not take the dtype of the input x:0",
        ),
        ({"message": "Assertion failed: a.b(x::y, {1: 2}) == C::kV3: NonZero is not there."}, "NonZero is not there."),
        ({"message": "Assertion failed: a == b"}, "a == b"),
        ({"message": "", "code": "INVALID_NODE"}, "refused with INVALID_NODE"),
        ({"message": "two\nlines"}, "two lines"),
    ],
)
def test_reasons_without_the_code_around_them(fields, expected):
    assert reason(EngineError(stage="parse", **fields)) == expected
