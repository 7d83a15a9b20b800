"""Errors that the product did not let out, and that must not happen all the same."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

#: The packages whose logs are heard; they log an error only for what must not happen.
_LOGGERS = ("batch_lambda", "dequeuer", "recovery_lambda")
_EXPECTED = frozenset(
    {
        # Others have put it into the queue.
        "malformed message",
        # A store was down for so long that a worker left its batches to the next one.
        "ends of batches not written",
        # Each worker that was to tell of the job's end died.
        "nobody called /on-job-complete",
    }
)


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() not in _EXPECTED:
            self.heard.append(self.format(record))

    def hear(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task died of an error that nobody asked it for."""
        error = context.get("exception")
        told = traceback.format_exception(error) if isinstance(error, BaseException) else []
        self.heard.append(f"{context['message']}\n{''.join(told)}")


@contextmanager
def complaints_of(loop: asyncio.AbstractEventLoop) -> Iterator[list[str]]:
    """Whatever is complained of meanwhile. Nothing below an error is logged: it would take time."""
    ear = _Ear()
    loop.set_exception_handler(ear.hear)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(ear)
        logger.setLevel(logging.ERROR)
        logger.propagate = False
    try:
        yield ear.heard
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(ear)
            logger.setLevel(level)
            logger.propagate = propagate
