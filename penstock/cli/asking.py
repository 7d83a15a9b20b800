"""A question before something that cannot be undone, on standard error; another answer ends the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from penstock.cli.exits import ExitCode
from penstock.cli.output import note, stopped

if TYPE_CHECKING:
    from collections.abc import Callable


def confirm(question: str) -> None:
    """Go on if the answer is yes."""
    _require(lambda: typer.confirm(question, err=True))


def confirm_by_name(question: str, name: str) -> None:
    """Go on if the name is typed."""
    _require(lambda: typer.prompt(question, err=True) == name)


def _require(ask: Callable[[], bool]) -> None:
    try:
        if ask():
            return
    except typer.Abort as abort:
        note("")
        # Typer makes one thing of Ctrl-C and of nobody there to answer.
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise abort.__context__ from None
    raise stopped(ExitCode.BAD_INPUT, "not confirmed; nothing was changed.", "--yes does not ask.")
