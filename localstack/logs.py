"""Reads the log files of processes: their end, or what is new in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

TAIL_LINES = 20
#: A line without end is shown in pieces rather than kept until memory is full.
LONGEST_LINE_BYTES = 64 * 1024


class LogSink(Protocol):
    """Takes lines of all processes, in the order in which they were seen."""

    def __call__(self, api: str, source: str, line: str) -> None:
        """Show one line; source is ``<task>/<role>``."""
        ...


def discard(api: str, source: str, line: str) -> None:
    """Take lines and show none; they are in the files."""


def tail(log: Path, *, lines: int = TAIL_LINES) -> str:
    """Return the end of a log for an error's text, and where the rest is."""
    if not log.exists():
        return f"(there is no log at {log})"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        last = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join([f"--- the last lines of {log}", *last])


class LogFollower:
    """Returns the lines added to one file since it was asked last."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = 0
        self._rest = b""

    def new_lines(self) -> list[str]:
        """Return whole lines only, as a line in the making would be shown twice."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        self._position += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def last_line(self) -> list[str]:
        """Return what a process wrote last without ending the line, once it is gone."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
