"""Writes the JSON schemas of the files that users write, from the types that read them.

python tools/schemas.py --check            exit 1 when a schema differs
python tools/schemas.py --write            write rules/schema/{config,suppressions,baseline}.schema.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from graphdoctor.config.schema import FILES, json_schema  # noqa: E402


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="JSON schemas under rules/schema.")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the schemas")
    group.add_argument("--check", action="store_true", help="exit 1 when a schema differs")
    write = parser.parse_args().write
    differ = []
    for kind in FILES:
        path = ROOT / "rules" / "schema" / f"{kind}.schema.json"
        text = json.dumps(json_schema(kind), indent=2) + "\n"
        if write:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            differ.append(str(path))
    print("\n".join(f"differs: {path}" for path in differ), file=sys.stderr, end="\n" if differ else "")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
