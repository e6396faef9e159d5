"""May write no file larger than the request says, as on a full disk, and tries to give back 1 MB."""

from __future__ import annotations

import resource

import numpy as np

from graphdoctor.workers._serve import serve


def work(request, arrays):
    resource.setrlimit(resource.RLIMIT_FSIZE, (request["bytes"], request["bytes"]))
    return {}, {"y": np.zeros(1 << 20, np.uint8)}


serve(work, dict)
