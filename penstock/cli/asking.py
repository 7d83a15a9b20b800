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
    except typer.Abort as abort:
        note("")
        # Typer makes one thing of Ctrl-C and of nobody there to answer.
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise abort.__context__ from None
    raise stopped(ExitCode.BAD_INPUT, "not confirmed; nothing was changed.", "--yes does not ask.")
