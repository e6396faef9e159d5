"""Fails in the way that the request names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from graphdoctor.workers._serve import RefusedError, serve


def work(request, arrays):
    how = request["how"]
    if how == "refuse":
        raise RefusedError("the model has no output 'y'")
    if how == "raise":
        raise ValueError("first line\n\n  second line\n")
    if how == "silent":
        raise AssertionError
    if how == "memory":
        raise MemoryError
    if how == "missing":
        __import__(request["module"])
    if how == "exit":
        sys.exit(3)
    if how == "quit":
        print("the real reason", flush=True)
        os._exit(7)
    if how == "nothing":
        os._exit(0)
    if how == "damaged":
        Path("result.json").write_text('{"data": ')
        os._exit(0)
    if how == "no arrays":
        Path("result.json").write_text('{"data": {}, "arrays": ["y"]}')
        os._exit(0)
    if how == "huge":
        with Path("result.json").open("wb") as file:
            file.truncate(1 << 30)
        os._exit(0)
    if how == "objects":
        return {}, {"y": np.array([{"a": 1}])}
    raise NotImplementedError(how)


serve(work, dict)
