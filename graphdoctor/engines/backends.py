"""Which of NVIDIA's builders are installed, and which GPUs each can build for."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from graphdoctor.errors import InputError

MODULES = ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
"""The Python modules that are tried, in this order."""
CHOICES = {
    "auto": MODULES,
    "tensorrt": ("tensorrt",),
    "tensorrt_rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
    "tensorrt_rtx_bindings": ("tensorrt_rtx_bindings",),
}
"""What a user may ask for, and the modules tried for it."""
UFF = "uff"
"""The choice that is none of an ONNX builder: TensorRT's own UffParser, see `engines.uff`."""

RTX_CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
"""Compute capabilities of TensorRT-RTX 1.7's ``ComputeCapability`` enumeration."""
RTX_DEFAULT = ("8.0", "8.6", "8.9", "12.0")
"""What a TensorRT-RTX plan runs on when nothing is asked for; later GPUs run it too.

Source: docs.nvidia.com/deeplearning/tensorrt-rtx, "CPU-Only AOT and TensorRT-RTX Engines".
"""

_DISTRIBUTIONS = {
    "tensorrt": ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"),
    "tensorrt_rtx": ("tensorrt-rtx", "tensorrt-rtx-cu12", "tensorrt-rtx-cu13"),
    "tensorrt_rtx_bindings": ("tensorrt-rtx-cu13-bindings", "tensorrt-rtx-cu12-bindings"),
}
_RTX_LIBRARIES = "onnxruntime_ep_nv_tensorrt_rtx"


@dataclass(frozen=True, slots=True)
class Backend:
    """One of NVIDIA's modules: whether it can be imported here, and what to know about that.

    ``version`` is the installed package's, empty when that is not known.
    """

    name: str
    version: str
    importable: bool
    reason: str


def available_backends() -> list[Backend]:
    """Every backend in the order they are tried, found without importing any of them."""
    return [_backend(name) for name in MODULES]


def modules_of(choice: str, *, capabilities: bool = False) -> tuple[str, ...]:
    """The modules to try for a user's choice of backend.

    With ``capabilities`` (some were asked for) ``auto`` leaves out plain TensorRT, which cannot build for them.

    Raises:
        InputError: there is no such backend.
    """
    if choice == "auto" and capabilities:
        return CHOICES["tensorrt_rtx"]
    if choice in CHOICES:
        return CHOICES[choice]
    if choice == UFF:
        raise InputError("the backend uff reads no ONNX", where="--backend", remedy="Take a target with the UFF parser")
    raise InputError(
        f"there is no backend {choice!r}{_hint(choice, [*CHOICES, UFF])}",
        where="--backend",
        remedy=f"Use one of {', '.join([*CHOICES, UFF])}",
    )


def capability_names(asked: Sequence[str], modules: Sequence[str]) -> tuple[str, ...]:
    """The builder's names (``SM86``) of compute capabilities written as ``8.6``, ``86``, ``sm_86`` or
    ``SM86``.

    Raises:
        InputError: one is not known to any of ``modules``, or is given twice.
    """
    if asked and set(modules) == {"tensorrt"}:
        raise InputError(
            "the backend tensorrt builds for the GPU it runs on and no other",
            where=f"--compute-capability {asked[0]}",
            remedy="Leave the option out, or use --backend tensorrt_rtx",
        )
    names = [_capability_name(text) for text in asked]
    twice = [text for text, name in zip(asked, names, strict=True) if names.count(name) > 1]
    if twice:
        raise InputError("is given twice", where=f"--compute-capability {twice[0]}", remedy="Give it once")
    return tuple(names)


def capability_number(name: str) -> str:
    """``8.6`` for the builder's ``SM86``."""
    digits = name.removeprefix("SM")
    return f"{digits[:-1]}.{digits[-1]}"


def _capability_name(text: str) -> str:
    plain = text.strip().lower().removeprefix("sm").removeprefix("_").removeprefix("-")
    dotted = plain if "." in plain else f"{plain[:-1]}.{plain[-1:]}"
    if dotted in RTX_CAPABILITIES:
        return f"SM{dotted.replace('.', '')}"
    raise InputError(
        f"TensorRT-RTX does not know the compute capability {text!r}{_hint(dotted, list(RTX_CAPABILITIES))}",
        where="--compute-capability",
        remedy=f"Use one of {', '.join(RTX_CAPABILITIES)}",
    )


def _hint(word: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def _backend(name: str) -> Backend:
    if importlib.util.find_spec(name) is None:
        return Backend(name, "", importable=False, reason="not installed")
    version = _version(name)
    if name == "tensorrt_rtx_bindings" and importlib.util.find_spec(_RTX_LIBRARIES) is None:
        reason = f"the libraries may be missing: {_RTX_LIBRARIES} is not installed"
        return Backend(name, version, importable=True, reason=reason)
    return Backend(name, version, importable=True, reason=_NOTES[name])


_NOTES = {
    "tensorrt": "needs an NVIDIA driver and GPU",
    "tensorrt_rtx": "builds without a GPU",
    "tensorrt_rtx_bindings": "builds without a GPU",
}


def _version(name: str) -> str:
    from importlib import metadata

    for distribution in _DISTRIBUTIONS[name]:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return ""
