"""Hands the result to the caller: a file, a pipe, or a person's terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.cli.exits import ExitCode
from penstock.cli.output import clean, emit, indented, note, standard_output, stopped

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, Result

_WHITESPACE = "\t\n\r\f"


def check_output(path: Path | None) -> None:
    """End the command now rather than after a long wait if nothing can be saved there."""
    if path is None:
        return
    try:
        wrong = "it is a folder" if path.is_dir() else "" if path.parent.is_dir() else "no such folder"
    except OSError as error:
        wrong = str(error.strerror)
    if wrong:
        raise stopped(ExitCode.BAD_INPUT, f"--output {path} cannot be written: {wrong}.")


def save(client: Client, api: str, request_id: str, path: Path) -> None:
    """Save the result to a file."""
    try:
        delivery = client.download(api, request_id, path)
    except OSError as error:
        raise stopped(
            ExitCode.BAD_INPUT,
            f"{path} cannot be written: {error.strerror}.",
            f"The result is kept: {_hint(api, request_id)}.",
        ) from error
    note(f"{path}: {delivery.content_type or 'no content type'}, {delivery.size_bytes} bytes")


def show(client: Client, api: str, request_id: str, surroundings: Surroundings) -> None:
    """Write the result to standard output: untouched, unless a person is reading."""
    if surroundings.stdout_is_terminal:
        emit(_readable(client.result(api, request_id), hint=_hint(api, request_id)))
        return
    with standard_output() as sink:
        client.copy_result(api, request_id, sink)


def _readable(result: Result, *, hint: str) -> str:
    if _is_json(result.content_type):
        try:
            return indented(json.loads(result.content))
        except (ValueError, RecursionError):
            # Labelled as JSON, but it is not: show what it is.
            pass
    try:
        text = result.content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if clean(text, keep=_WHITESPACE) != text:
        raise stopped(
            ExitCode.BAD_INPUT,
            f"the result ({result.content_type or 'no content type'}, {len(result.content)} bytes) "
            "is binary and would garble the terminal.",
            f"Save it: {hint}.",
        )
    return text.removesuffix("\n")


def _hint(api: str, request_id: str) -> str:
    return f"`penstock get {api} {request_id} --output PATH`"


def _is_json(content_type: str | None) -> bool:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
