"""What is an item, and what is told of a line that is none."""

from __future__ import annotations

import json
from dataclasses import dataclass

from penstock.batch.lines import MOST_ITEM_BYTES
from penstock.batch.raw_json import SHAPE, NotJson

#: Around a line's value; a carriage return is what is left of a line's end.
_SPACE = b" \t\r"


class NoItem(ValueError):
    """Why some bytes are no item; the text completes "the item"."""


class InputFault(Exception):
    """The input is not what it must be, and will not be by trying again.

    The state machine sees the class's name. ``code`` becomes that of the job's failure.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class BadItem:
    """A line or a row that is no item."""

    #: ``s3://bucket/key``.
    url: str
    #: Line of the file in which it begins, from 1; None where only the byte is known.
    line: int | None
    #: Offset of its first byte in the file; None inside a compressed one.
    byte: int | None
    reason: str

    def __str__(self) -> str:
        places = [f"line {self.line}"] if self.line is not None else []
        places += [f"byte {self.byte}"] if self.byte is not None else []
        return f"{self.url}, {', '.join(places)}: the item {self.reason}"


def item(data: bytes | None) -> str | None:
    """The item that a line holds, as it is written there; None if the line is empty.

    ``NoItem`` if it is not JSON in UTF-8, or larger than an item may be (``data`` is None).
    """
    if data is None:
        raise too_large()
    data = data.strip(_SPACE)
    if not data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NoItem(f"is not UTF-8: {error.reason} at its byte {error.start}") from error
    try:
        SHAPE.decode(text)
    except NotJson as error:
        raise NoItem(f"is not JSON: {error}") from error
    except json.JSONDecodeError as error:
        raise NoItem(f"is not JSON: {error.msg} at its column {error.colno}") from error
    except RecursionError as error:
        raise NoItem("is not usable JSON: it is nested too deeply") from error
    return text


def too_large() -> NoItem:
    """Why a line of too many bytes is no item."""
    return NoItem(f"has more than {MOST_ITEM_BYTES} bytes")
