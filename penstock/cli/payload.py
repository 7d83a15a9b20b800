"""From the options of ``submit`` to the body and its content type."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from mimetypes import MimeTypes
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypedDict

from penstock.cli.exits import ExitCode
from penstock.cli.output import stopped
from penstock.cli.progress import uploading
from penstock.client.upload import INLINE_BYTES

if TYPE_CHECKING:
    import typer

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, Submission
    from penstock.limits import Limits

STDIN = "-"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_UNKNOWN = "application/octet-stream"

#: A compressed file is sent as what it is: the container was not promised to unpack it.
_COMPRESSED = {"bzip2": "application/x-bzip2", "gzip": "application/gzip", "xz": "application/x-xz"}


class Arguments(TypedDict):
    """Keyword arguments that all submitting methods of the client take."""

    idempotency_key: str
    query: list[tuple[str, str]]
    limits: Limits
    callback_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a payload is handed in."""

    key: str
    query: list[tuple[str, str]]
    limits: Limits
    callback_url: str | None

    @property
    def arguments(self) -> Arguments:
        """The same for the client."""
        return {
            "idempotency_key": self.key,
            "query": self.query,
            "limits": self.limits,
            "callback_url": self.callback_url,
        }


class Payload(Protocol):
    """What the container will get."""

    def hand_in(
        self,
        client: Client,
        api: str,
        terms: Terms,
        *,
        surroundings: Surroundings,
    ) -> Submission:
        """Submit it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A payload that fits into the call."""

    body: bytes = field(repr=False)
    content_type: str

    def hand_in(
        self,
        client: Client,
        api: str,
        terms: Terms,
        *,
        surroundings: Surroundings,  # noqa: ARG002 - nothing to show
    ) -> Submission:
        """See ``Payload.hand_in``."""
        return client.submit(api, self.body, content_type=self.content_type, **terms.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeFile:
    """A file that must be uploaded first, read in pieces."""

    path: Path
    content_type: str

    def hand_in(
        self,
        client: Client,
        api: str,
        terms: Terms,
        *,
        surroundings: Surroundings,
    ) -> Submission:
        """See ``Payload.hand_in``."""
        try:
            with uploading(surroundings, self.path.name) as on_progress:
                return client.submit_file(
                    api,
                    self.path,
                    content_type=self.content_type,
                    on_progress=on_progress,
                    **terms.arguments,
                )
        except OSError as error:
            raise _unreadable(self.path, "--file", error) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object of the user's, named instead of sent."""

    url: str
    content_type: str | None

    def hand_in(
        self,
        client: Client,
        api: str,
        terms: Terms,
        *,
        surroundings: Surroundings,  # noqa: ARG002 - nothing to show
    ) -> Submission:
        """See ``Payload.hand_in``."""
        return client.submit_url(api, self.url, content_type=self.content_type, **terms.arguments)


def read_payload(
    *, file: str | None, data: str | None, payload_url: str | None, content_type: str | None
) -> Payload:
    """The payload that exactly one of the first three gives; ends the command otherwise."""
    match file, data, payload_url:
        case str(name), None, None:
            return _of_file(name, content_type or guessed_type(name))
        case None, str(text), None:
            # An argument that is no UTF-8 arrives with surrogates in place of its bytes.
            body = text.encode(errors="surrogateescape")
            return Body(body=body, content_type=content_type or (_JSON if _is_json(text) else _TEXT))
        case None, None, str(url):
            return StoredObject(url=url, content_type=content_type)
    raise stopped(
        ExitCode.BAD_INPUT,
        "give the body with either --file PATH (- for stdin) or --data TEXT, or name it with --payload-url.",
    )


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


def read_file(name: str, option: str) -> bytes:
    """What an option's file or standard input holds; ends the command if it cannot be read."""
    if name == STDIN:
        return _stdin(option)
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(name, option, error) from error


def _of_file(name: str, content_type: str) -> Payload:
    path = Path(name)
    try:
        # A pipe has no size, and cannot be read twice.
        large = name != STDIN and path.is_file() and path.stat().st_size > INLINE_BYTES
    except (OSError, ValueError) as error:
        raise _unreadable(name, "--file", error) from error
    if large:
        return LargeFile(path=path, content_type=content_type)
    return Body(body=read_file(name, "--file"), content_type=content_type)


def _unreadable(name: object, option: str, error: OSError | ValueError) -> typer.Exit:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return stopped(ExitCode.BAD_INPUT, f"{name} cannot be read: {reason}. Check {option}.")


def _stdin(option: str) -> bytes:
    if sys.stdin is None:  # closed by the shell: `<&-`
        raise stopped(ExitCode.BAD_INPUT, f"{option} - reads standard input, which is closed.")
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
