"""Prints a lot of bytes that are no text, native output among them, and answers all the same."""

from __future__ import annotations

import os
import sys

from graphdoctor.workers._serve import serve


def work(request, arrays):
    for _ in range(200):
        os.write(1, bytes(range(256)) * 64)
    os.write(2, b"\x1b]0;owned\x07\x1b[31mthe last line\n")
    sys.stdout.write("}{ not json\n")
    return {"answer": 42}, {}


serve(work, dict)
