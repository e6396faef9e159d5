"""What TensorRT 5 to 8 wrote to standard error, as messages, and the UFF nodes that they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from graphdoctor.jobs.spec import EngineError, LogLine

_OLD = re.compile(r"\[TensorRT\] (INTERNAL ERROR|ERROR|WARNING|INFO|VERBOSE): (.*)")
"""``[TensorRT] ERROR: text``: the Logger of 5 to 8.0 (python/src/infer/pyCore.cpp of NVIDIA/TensorRT 7.2)."""
_NEW = re.compile(r"(?:\[[\d/]+-[\d:]+\] )?\[TRT\] \[([FEWIV])\] (.*)")
"""``[01/11/2024-17:39:50] [TRT] [E] text``: the Logger of 8.2 and later (github.com/NVIDIA/TensorRT/issues/3590)."""
_LETTERS = {"F": "internal_error", "E": "error", "W": "warning", "I": "info", "V": "verbose"}
_PARSER = re.compile(r"UFFParser: ?(?:[A-Za-z]+ error: ?)?", re.IGNORECASE)
"""``UffParser: Parser error: ``, ``UFFParser: Validator error: ``: as github.com/NVIDIA/TensorRT/issues/1036 and
NVIDIA-AI-IOT/deepstream_tao_apps/issues/35 quote them; the node and what is wrong with it follow."""


def lines_of(log: str) -> list[LogLine]:
    """The messages in what a process wrote; a line without a head goes on with the message before it.

    What stands in front of the first message is nobody's (a library's note while it is loaded).
    """
    found: list[LogLine] = []
    for line in log.splitlines():
        old, new = _OLD.match(line), _NEW.match(line)
        if old is not None:
            found.append(LogLine(old.group(1).lower().replace(" ", "_"), old.group(2)))
        elif new is not None:
            found.append(LogLine(_LETTERS[new.group(1)], new.group(2)))
        elif found and line.strip():
            found[-1] = LogLine(found[-1].severity, f"{found[-1].text} {line.strip()}")
    return found


def errors_of(lines: Iterable[LogLine], stage: str, nodes: Mapping[str, str]) -> tuple[EngineError, ...]:
    """The errors among ``lines``, each once, with the node of the file that it names; ``nodes`` are ops by id."""
    texts = dict.fromkeys(line.text for line in lines if line.severity.endswith("error"))
    return tuple(_error(text, stage, nodes) for text in texts)


def _error(text: str, stage: str, nodes: Mapping[str, str]) -> EngineError:
    bare = _PARSER.sub("", text, count=1)
    node = _leading(bare, nodes) or _named(bare, nodes)
    message = bare.removeprefix(node).lstrip(": ") if node and bare.startswith(node) else bare
    return EngineError(stage, message.strip() or text, node=node, operator=nodes.get(node, ""))


def _leading(text: str, nodes: Mapping[str, str]) -> str:
    """The node in front of the first colon: ``conv1: kernel weights has count 864 but 46080 was expected``."""
    head = text.partition(":")[0].strip()
    return head if head in nodes else ""


def _named(text: str, nodes: Mapping[str, str]) -> str:
    """A node whose id stands alone somewhere in the text, the longest."""
    words = (word.strip("'\"`()[]{},;:.") for word in text.split())
    return max((word for word in words if word in nodes and not word.isdecimal()), key=len, default="")
