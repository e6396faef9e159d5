"""Starts a child of its own, says both process ids, and never ends; SIGTERM is ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if os.environ.get("PID_FILE"):
    draft = Path(os.environ["PID_FILE"] + ".part")
    draft.write_text(f"{os.getpid()} {child.pid} {Path.cwd()}")
    draft.rename(os.environ["PID_FILE"])
print("waiting", flush=True)
time.sleep(600)
