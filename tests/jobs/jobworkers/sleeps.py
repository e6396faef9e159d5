"""A worker of the usual kind that takes its time, in native code that holds no lock on Python."""

from __future__ import annotations

import os
import time
from pathlib import Path

from graphdoctor.workers._serve import serve


def work(request, arrays):
    draft = Path(os.environ["PID_FILE"] + ".part")
    draft.write_text(str(os.getpid()))
    draft.rename(os.environ["PID_FILE"])
    time.sleep(600)
    return {}, {}


serve(work, dict)
