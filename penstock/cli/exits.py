"""Exit codes: part of the contract with scripts, so a number never changes its meaning."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExitCode(IntEnum):
    """How a command ended; ``MEANINGS`` says it in words."""

    OK = 0
    ENDED_BADLY = 1
    #: Also what typer uses for arguments that it refuses by itself.
    BAD_INPUT = 2
    REFUSED = 3
    UNAVAILABLE = 4
    TIMED_OUT = 5
    SOME_FAILED = 6
    JOB_STOPPED = 7
    JOB_TIMED_OUT = 8
    #: 128 + SIGINT, as shells report it.
    INTERRUPTED = 130
    #: 128 + SIGPIPE; 1 would read as a failed request.
    CLOSED_PIPE = 141


MEANINGS: Mapping[ExitCode, str] = MappingProxyType(
    {
        ExitCode.OK: "done",
        ExitCode.ENDED_BADLY: "it failed, expired, was cancelled or passed over; the file has problems",
        ExitCode.BAD_INPUT: "wrong usage, unusable file, no URL or no AWS credentials",
        ExitCode.REFUSED: "the server refused (HTTP 4xx, but not 429)",
        ExitCode.UNAVAILABLE: "the server was unreachable, unavailable or not Penstock's",
        ExitCode.TIMED_OUT: "the wait timed out; the request or job goes on",
        ExitCode.SOME_FAILED: "the job is complete, but some of its batches failed",
        ExitCode.JOB_STOPPED: "the job was stopped",
        ExitCode.JOB_TIMED_OUT: "the job did not end within its own timeout",
        ExitCode.INTERRUPTED: "Ctrl-C; the request or job goes on",
        ExitCode.CLOSED_PIPE: "whatever read the output closed it early",
    }
)


def listing() -> str:
    """The codes for ``--help``, a line each."""
    return "\n".join(["Exit codes:", *(f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())])
