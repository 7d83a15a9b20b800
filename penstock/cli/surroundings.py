"""What the commands take from outside of the program."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.client import Client


def _client(url: str) -> Client:
    from penstock.client import Client  # noqa: PLC0415 - httpx takes 0.2 s, which --help should not pay

    return Client(url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Given to the commands as typer's context object, so that tests give their own."""

    connect: Callable[[str], Client] = _client
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = Path()
    clock: Callable[[], float] = time.monotonic
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False

    @classmethod
    def real(cls) -> Surroundings:
        """Those of this process."""
        return cls(
            stdin_is_terminal=sys.stdin is not None and sys.stdin.isatty(),
            stdout_is_terminal=sys.stdout is not None and sys.stdout.isatty(),
            stderr_is_terminal=sys.stderr is not None and sys.stderr.isatty(),
        )
