"""What users do: check, fix, convert, build, verify, cure, inspect. The only place where the siblings below meet."""

from __future__ import annotations
