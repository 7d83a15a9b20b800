"""Standard output holds data, standard error everything said about it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from penstock.cli.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def note(text: str) -> None:
    """A line on standard error."""
    # Nobody reading the progress is no reason to end the work.
    with suppress(OSError):
        print(clean(text), file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that prints


def stopped(code: ExitCode, text: str, *remedies: str) -> typer.Exit:
    """Report an error, and return what to raise to end the command with this code."""
    note(f"Error: {text}")
    for remedy in remedies:
        note(remedy)
    return typer.Exit(code)


def emit(text: str) -> None:
    """Text and a line break on standard output."""
    with standard_output() as sink:
        # UTF-8 whatever the locale: a pipe's reader is not asked. Lone surrogates become what
        # JSON writes for them.
        sink.write(f"{text}\n".encode(errors="backslashreplace"))


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output for bytes. Ends the command if it cannot be written."""
    if sys.stdout is None:  # closed by the shell: `>&-`
        yield BytesIO()
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        _give_up_stdout()
        raise typer.Exit(ExitCode.CLOSED_PIPE) from error
    except OSError as error:
        _give_up_stdout()
        raise stopped(ExitCode.BAD_INPUT, f"standard output cannot be written: {error.strerror}.") from error


def document(members: Any, *, pretty: bool) -> str:
    """JSON from the server: one line of ASCII for programs, indented for people."""
    try:
        return indented(members) if pretty else json.dumps(members)
    except RecursionError as error:
        # It could just be read, and writing takes a little more of the stack.
        raise stopped(ExitCode.UNAVAILABLE, "the server's answer is nested too deeply to print.") from error


def indented(value: Any) -> str:
    """JSON with its own characters instead of escapes; raises RecursionError."""
    return clean(json.dumps(value, indent=2, ensure_ascii=False), keep="\n")


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows with their cells below each other."""
    table = [tuple(map(clean, row)) for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def clean(text: str, *, keep: str = "") -> str:
    """The text without characters that steer a terminal: some of it was written by strangers."""
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _give_up_stdout() -> None:
    # What is still buffered would fail once more when Python exits, with a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
