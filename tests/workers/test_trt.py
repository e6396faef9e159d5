"""What is made of NVIDIA's records and messages; no builder is needed for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from graphdoctor.workers._trt import Log, builder_errors, parser_errors, text_of


@dataclass
class Layer:
    name: str
    metadata: str = ""


@dataclass
class Network:
    layers: list[Layer]

    @property
    def num_layers(self):
        return len(self.layers)

    def get_layer(self, index):
        return self.layers[index]


@dataclass
class OldError:
    """A parser error of TensorRT 8, which knows no name, operator or stack."""

    texts: dict[str, str] = field(default_factory=dict)

    def code(self):
        return 8

    def desc(self):
        return "Assertion failed: x"

    def node(self):
        return 4

    def line(self):
        return 12


class Parser:
    num_errors = 1

    def get_error(self, index):
        return OldError()


NETWORK = Network(
    [
        Layer("conv"),
        Layer("conv_1", "[ONNX Layer: block/conv]"),
        Layer("scope/conv"),
        Layer("b.n+(x)", "[ONNX Layer: norm]"),
    ]
)


@pytest.mark.parametrize(
    "text, node",
    [
        ("Error Code 2: conv has no runners that implement it", "conv"),
        ("Error Code 2: conv_1 has no runners that implement it", "block/conv"),
        ("Could not find any implementation for node scope/conv.", "scope/conv"),
        ("(b.n+(x): refused)", "norm"),
        ("the convolution is unhappy", ""),
        ("out of memory", ""),
    ],
)
def test_builder_errors_name_the_node_of_the_layer(text, node):
    (error,) = builder_errors([text], NETWORK)
    assert (error.stage, error.message, error.node) == ("build", text, node)


def test_errors_of_older_releases():
    (error,) = parser_errors(Parser())
    assert (error.message, error.index, error.line, error.code) == ("Assertion failed: x", 4, 12, "8")
    assert (error.node, error.operator, error.function) == ("", "", "")


def test_the_log_keeps_the_last_lines_and_counts_all():
    log = Log()
    for i in range(2000):
        log.add("info", f"line {i}")
    log.add("verbose", "x")
    log.add("info", "------")
    assert len(log.lines) == 500
    assert log.lines[-1][1].text == "line 1999"
    assert log.counts == {"info": 2001, "verbose": 1}


def test_errors_belong_to_the_stage_they_were_said_in():
    log = Log()
    log.add("error", "early")
    log.stage = "build"
    log.add("warning", "careful")
    log.add("error", "late")
    log.add("error", "late")
    log.add("internal_error", "bug")
    assert log.errors("build") == ["late", "bug"]


def test_text_that_is_not_unicode():
    assert text_of(lambda: b"\xffa".decode()) == "\ufffda"
