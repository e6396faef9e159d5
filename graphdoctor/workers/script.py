"""Runs a whole script, its words behind it, with the modules that it misses in their place.

Started as a file, not with ``-m``: that would put the user's folder on the module path, where a folder that happens to
be called ``google`` would be imported.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # the folder of the workers; none of them is the script's business

from graphdoctor.workers._run import print_error, run_path
from graphdoctor.workers._serve import die_with_parent
from graphdoctor.workers._stand_ins import put_in_place


def main() -> int:
    """Run the script named first on the command line; 1 if it raises, else what it exits with."""
    die_with_parent()
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    put_in_place()
    try:
        run_path(script, name="__main__")
    except SystemExit:
        raise
    except BaseException as e:  # whatever a script raises is its own error
        print_error(e, script)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
