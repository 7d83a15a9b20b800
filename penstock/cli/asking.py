"""A question before something that cannot be undone."""

from __future__ import annotations

import typer

from penstock.cli.exits import ExitCode
from penstock.cli.output import note, stopped


def confirm(question: str) -> None:
    """Ask on standard error; ends the command unless the answer is yes."""
    try:
        if typer.confirm(question, err=True):
            return
    except typer.Abort:
        # Ctrl-C, or nobody there to answer.
        note("")
    raise stopped(ExitCode.BAD_INPUT, "not confirmed; nothing was changed.", "--yes does not ask.")
