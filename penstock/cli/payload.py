"""From the options of ``submit`` to the body and its content type."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from mimetypes import MimeTypes
from pathlib import Path
from typing import NoReturn

from penstock.cli.exits import ExitCode
from penstock.cli.output import stopped

STDIN = "-"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_UNKNOWN = "application/octet-stream"

#: A compressed file is sent as what it is: the container was not promised to unpack it.
_COMPRESSED = {"bzip2": "application/x-bzip2", "gzip": "application/gzip", "xz": "application/x-xz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What the container will get."""

    body: bytes = field(repr=False)
    content_type: str


def read_payload(*, file: str | None, data: str | None, content_type: str | None) -> Payload:
    """The payload that exactly one of ``file`` and ``data`` gives; ends the command otherwise."""
    if file is not None and data is None:
        body = _stdin() if file == STDIN else _content(Path(file))
        return Payload(body=body, content_type=content_type or guessed_type(file))
    if data is not None and file is None:
        # An argument that is no UTF-8 arrives with surrogates in place of its bytes.
        body = data.encode(errors="surrogateescape")
        return Payload(body=body, content_type=content_type or (_JSON if _is_json(data) else _TEXT))
    raise stopped(ExitCode.BAD_INPUT, "give the body with either --file PATH (- for stdin) or --data TEXT.")


def read_query(pairs: list[str]) -> list[tuple[str, str]]:
    """The parameters of ``--query a=b``; ends the command if one has no name or no ``=``."""
    parameters = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise stopped(ExitCode.BAD_INPUT, f'--query "{pair}" is not of the form name=value.')
        parameters.append((name, value))
    return parameters


def guessed_type(name: str) -> str:
    """The content type that a file's suffix stands for, the same on every machine."""
    kind, encoding = MimeTypes().guess_type(f"file{Path(name).suffix}", strict=False)
    return (_COMPRESSED.get(encoding) if encoding else kind) or _UNKNOWN


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise stopped(ExitCode.BAD_INPUT, f"{path} cannot be read: {reason}. Check --file.") from error


def _stdin() -> bytes:
    if sys.stdin is None:  # closed by the shell: `<&-`
        raise stopped(ExitCode.BAD_INPUT, "--file - reads standard input, which is closed.")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise stopped(ExitCode.BAD_INPUT, f"standard input cannot be read: {error.strerror}.") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> NoReturn:
    # Python's parser takes NaN and Infinity, which no other JSON parser has to.
    raise ValueError(name)
