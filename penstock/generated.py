"""Files that are generated from the code and committed, and the check that they still match."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(
    module: str, make: Callable[[], dict[str, Any]], committed: Path, arguments: Sequence[str] | None = None
) -> int:
    """Run ``python -m <module> --check|--write`` for a JSON document; return the exit status."""
    program = f"python -m {module}"
    parser = argparse.ArgumentParser(prog=program, description=f"Check or write {committed.name}.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="fail if the committed file differs")
    action.add_argument("--write", action="store_true", help="renew the committed file")
    parser.add_argument("--file", type=Path, default=committed, help="the committed file")
    options = parser.parse_args(arguments)
    current = json.dumps(make(), indent=2, ensure_ascii=False) + "\n"
    if options.write:
        options.file.write_text(current, encoding="utf-8")
        return 0
    if not options.file.exists() or options.file.read_text(encoding="utf-8") != current:
        sys.stderr.write(
            f"{options.file} differs from the code: run {program} --write and commit the file.\n"
        )
        return 1
    return 0
