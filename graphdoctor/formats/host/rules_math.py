"""Arithmetic, comparisons and reductions as numpy expressions."""

from __future__ import annotations

from collections.abc import Callable

from graphdoctor.formats.host.call import Call, Rule, numpy_name
from graphdoctor.types import DType

_FUNCTIONS = {
    "Abs": "absolute",
    "Neg": "negative",
    "Square": "square",
    "Sqrt": "sqrt",
    "Floor": "floor",
    "Ceil": "ceil",
    "Sign": "sign",
    "Exp": "exp",
    "Log": "log",
    "Log1p": "log1p",
    "Expm1": "expm1",
    "Tanh": "tanh",
    "Sin": "sin",
    "Cos": "cos",
    "Add": "add",
    "AddV2": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "RealDiv": "divide",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Pow": "power",
    "Equal": "equal",
    "NotEqual": "not_equal",
    "Less": "less",
    "LessEqual": "less_equal",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "LogicalNot": "logical_not",
    "IsNan": "isnan",
    "IsInf": "isinf",
    "IsFinite": "isfinite",
    "ZerosLike": "zeros_like",
    "OnesLike": "ones_like",
    "SelectV2": "where",
}
"""TensorFlow op -> numpy function of the same inputs."""


def _function(call: Call) -> str:
    if call.node.op == "RealDiv" and call.ctx.spec(0).dtype.is_integer:
        call.fail("TensorFlow does not divide integers so")
    if call.attr("incompatible_shape_error", True) is False:
        call.fail("it compares shapes that do not fit")
    return f"np.{_FUNCTIONS[call.node.op]}({', '.join(call.operands)})"


def _division(call: Call) -> str:
    if not call.ctx.spec(0).dtype.is_float:
        call.fail("its integers are divided as C does it")
    return f"np.divide({call.x()}, {call.x(1)})"


def _floor_division(call: Call) -> str:
    if call.ctx.spec(0).dtype.is_integer:
        return f"np.floor_divide({call.x()}, {call.x(1)})"
    return f"np.floor(np.divide({call.x()}, {call.x(1)}))"


def _floor_mod(call: Call) -> str:
    if not call.ctx.spec(0).dtype.is_integer:
        call.fail("its numbers are not integers")
    return f"np.mod({call.x()}, {call.x(1)})"


def _add_n(call: Call) -> str:
    return " + ".join(call.operands)


def _squared_difference(call: Call) -> str:
    return f"np.square({call.x()} - {call.x(1)})"


def _clip(call: Call) -> str:
    return f"np.maximum(np.minimum({call.x()}, {call.x(2)}), {call.x(1)})"


def _relu(call: Call) -> str:
    return f"np.maximum({call.x()}, {numpy_name(call.dtype())}(0))"


def _relu6(call: Call) -> str:
    kind = numpy_name(call.dtype())
    return f"np.minimum(np.maximum({call.x()}, {kind}(0)), {kind}(6))"


def _rsqrt(call: Call) -> str:
    return f"{numpy_name(call.dtype())}(1) / np.sqrt({call.x()})"


def _helper(name: str) -> Rule:
    return lambda call: f"{call.need(name)}({', '.join(call.operands)})"


def _round(call: Call) -> str:
    if not call.dtype().is_float:
        call.fail("TensorFlow's releases disagree on what rounding an integer gives")
    return f"np.rint({call.x()})"


def _cast(call: Call) -> str:
    wanted = call.dtype()
    if call.ctx.spec(0).dtype.numpy is None:
        call.fail(f"numpy has no {call.ctx.spec(0).dtype.label}")
    return f"{call.x()}.astype({numpy_name(wanted)})"


def _reduction(function: str) -> Callable[[Call], str]:
    def rule(call: Call) -> str:
        axes = call.known(1)
        if axes is not None and not axes.size:
            return call.x()
        dtype = call.dtype()
        if function == "mean" and not dtype.is_float:
            call.fail("the mean of integers is rounded")
        keep = ", keepdims=True" if call.attr("keep_dims", False) else ""
        kind = f", dtype={numpy_name(dtype)}" if function in ("sum", "mean", "prod") else _nothing(function, dtype)
        return f"np.{function}({call.x()}, axis={call.axes(1, call.ctx.spec(0).rank)}{kind}{keep})"

    return rule


def _nothing(function: str, dtype: DType) -> str:
    """What the largest or smallest of no elements is."""
    if function not in ("max", "min"):
        return ""
    if dtype.is_float:
        return f", initial={'-' if function == 'max' else ''}np.inf"
    return f", initial=np.iinfo({numpy_name(dtype)}).{'min' if function == 'max' else 'max'}"


def _arg(function: str) -> Rule:
    return lambda call: f"np.{function}({call.x()}, axis={call.number(1)}).astype({numpy_name(call.dtype())})"


def _bias_add(call: Call) -> str:
    if call.attr("data_format", "NHWC") != "NHWC":
        call.fail("its channels do not come last")
    return f"np.add({call.x()}, {call.x(1)})"


MATH: dict[str, Rule] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    "Div": _division,
    "FloorDiv": _floor_division,
    "FloorMod": _floor_mod,
    "AddN": _add_n,
    "SquaredDifference": _squared_difference,
    "ClipByValue": _clip,
    "Relu": _relu,
    "Relu6": _relu6,
    "Rsqrt": _rsqrt,
    "Sigmoid": _helper("sigmoid"),
    "Softmax": _helper("softmax"),
    "Select": _helper("select"),
    "Round": _round,
    "Rint": _round,
    "Cast": _cast,
    "Sum": _reduction("sum"),
    "Mean": _reduction("mean"),
    "Prod": _reduction("prod"),
    "Max": _reduction("max"),
    "Min": _reduction("min"),
    "All": _reduction("all"),
    "Any": _reduction("any"),
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "BiasAdd": _bias_add,
    "BiasAddV1": _bias_add,
}
"""TensorFlow op -> how it is written."""
