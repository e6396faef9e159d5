"""Runs a whole script, its words behind it, with the modules that it misses in their place."""

from __future__ import annotations

import sys

from graphdoctor.workers._run import print_error, run_path
from graphdoctor.workers._stand_ins import put_in_place


def main() -> int:
    """Run the script named first on the command line; 1 if it raises, else what it exits with."""
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
