"""What ``python -m localstack`` shows."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from localstack.up import LocalStack

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")


class Screen:
    """Prints steps, and the merged log with a coloured prefix per API."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def tell(self, line: str) -> None:
        """Print one line about the stack itself, with the time since the start."""
        elapsed = Text(f"{time.monotonic() - self._started:6.1f}s ", style="dim")
        self._console.print(elapsed + Text(line), soft_wrap=True)

    def show_log(self, api: str, source: str, line: str) -> None:
        """Print one line of a process."""
        # Not hash(): Python varies it, and an API would change its colour with each start.
        colour = _COLOURS[zlib.crc32(api.encode()) % len(_COLOURS)]
        self._console.print(Text(f"{api} {source} | ", style=colour) + Text.from_ansi(line), soft_wrap=True)

    def ready(self, local: LocalStack) -> None:
        """Print where to send requests and where to look."""
        self.tell("Ready. Ctrl-C ends it.")
        for name, value in (
            ("API", local.url),
            ("AWS endpoint", local.aws_endpoint_url),
            ("logs", str(local.state.logs)),
        ):
            self._console.print(Text(f"{name:>14}  ") + Text(value, style="bold"), soft_wrap=True)
