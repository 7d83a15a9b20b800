"""Ends what we started if we cannot do it ourselves, because we were killed.

A child process holds the reading end of a pipe whose writing end only we have. However we die,
the kernel closes it, and the child ends the process groups that were registered with it. Linux's
PR_SET_PDEATHSIG was not taken: it reaches one process and not its children (a shell's, or the
emulator's Lambda workers), fires when the *thread* that forked ends, needs code between fork and
exec in a program with threads, and does not exist elsewhere.

This file also is the child's program, run with no packages on its path.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self, TextIO

#: Dequeuers hand their messages back and the emulator saves its state meanwhile.
GRACE_SECONDS = 10.0


class Guard:
    """Our end of the pipe."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            env=dict(environment),
            text=True,
            # Ctrl-C goes to all processes of the terminal's foreground group; this one must outlive us.
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the child end; it ends whatever still is registered."""
        self._child.communicate()

    def watch(self, group: int) -> None:
        """End this process group if we die before ``release``."""
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """Forget a group that has ended: its number may be given to somebody else."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        pipe = self._child.stdin
        assert pipe is not None
        # Without its guard the stack runs on; it only has to end properly then.
        with suppress(BrokenPipeError):
            pipe.write(line)
            pipe.flush()


def watched_groups(lines: TextIO) -> set[int]:
    """Read registrations until the other end closes, and return the groups still registered."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end_groups(
    groups: set[int],
    *,
    signal_group: Callable[[int, int], None] = os.killpg,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ask groups to end, wait a while for them, and kill what is left."""
    alive = {group for group in groups if _sent(signal_group, group, signal.SIGTERM)}
    deadline = clock() + GRACE_SECONDS
    while alive and clock() < deadline:
        sleep(0.05)
        alive = {group for group in alive if _sent(signal_group, group, 0)}
    for group in alive:
        _sent(signal_group, group, signal.SIGKILL)


def _sent(signal_group: Callable[[int, int], None], group: int, number: int) -> bool:
    try:
        signal_group(group, number)
    except (ProcessLookupError, PermissionError):  # the latter of zombies on macOS
        return False
    return True


if __name__ == "__main__":
    end_groups(watched_groups(sys.stdin))
