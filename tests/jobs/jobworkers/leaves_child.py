"""Answers at once and leaves a child behind that holds its standard output open."""

from __future__ import annotations

import subprocess
import sys

from graphdoctor.workers._serve import serve


def work(request, arrays):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"child": child.pid}, {}


serve(work, dict)
