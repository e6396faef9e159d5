"""Writes a line, then dies of the real signal."""

from __future__ import annotations

import os
import signal

print("about to touch what it should not", flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
