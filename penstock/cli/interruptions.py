"""What is said when a command breaks off while the server's work goes on, or may."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from penstock.cli.connection import exit_code
from penstock.cli.exits import ExitCode
from penstock.cli.output import note, stopped
from penstock.client import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator


def command(*parts: str, url: str | None) -> str:
    """What to type next, for the same server."""
    return shlex.join(["penstock", *parts, *(("--url", url) if url else ())])


@contextmanager
def under_key(key: str) -> Iterator[None]:
    """Around a submission: name its key if it stays open whether it was accepted."""
    again = (
        f"It may have been accepted. The same command with --key {shlex.quote(key)} cannot start it twice."
    )
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise stopped(ExitCode.INTERRUPTED, "interrupted before the server answered.", again) from interrupt
    except ClientError as error:
        if exit_code(error) is ExitCode.UNAVAILABLE:
            error.add_note(again)
        raise


@contextmanager
def going_on(what: str, *, look: str, end: str) -> Iterator[None]:
    """Around a wait: tell that the request or job goes on, and the commands to look at it and to end it."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        note(f"Interrupted. The {what} goes on. Look at it: {look}")
        note(end)
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
    except ClientError as error:
        error.add_note(f"Look at it: {look}")
        raise
