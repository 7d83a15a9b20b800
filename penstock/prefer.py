"""The Prefer header (RFC 7240), as far as it speaks of waiting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.errors import InvalidPreference

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
#: One token after optional space. Tokens, not one pattern for the whole header: that one would take
#: exponential time on a header made for it.
_NEXT = re.compile(rf'[ \t]*(?:({_WORD}|"(?:[^"\\]|\\.)*")|([=;,]))')


def wait_seconds(header: str) -> int | None:
    """How long the caller prefers to wait, in seconds; None if the header does not say.

    Preferences other than ``wait`` are passed over, as the RFC asks. ``InvalidPreference`` is
    raised for text that is no Prefer header, and for a wait that is no whole number: guessing
    would make a client wait for an answer in a way it never asked for.
    """
    waits: list[int] = []
    for preference in _split(_tokens(header), ","):
        first, *parameters = _split(preference, ";") if preference else ([],)
        name, value = _name_and_value(first, header)
        for parameter in filter(None, parameters):
            _name_and_value(parameter, header)
        if name.lower() == "wait":
            waits.append(_seconds(value))
    # Of equal preferences the first one counts.
    return waits[0] if waits else None


def _tokens(header: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = header.rstrip(" \t")
    while position < len(text):
        match = _NEXT.match(text, position)
        if match is None:
            raise _malformed(header)
        tokens.append(match.group(1) or match.group(2))
        position = match.end()
    return tokens


def _split(tokens: list[str], separator: str) -> Iterator[list[str]]:
    part: list[str] = []
    for token in tokens:
        if token == separator:
            yield part
            part = []
        else:
            part.append(token)
    if part or tokens:
        yield part


def _name_and_value(tokens: list[str], header: str) -> tuple[str, str]:
    match tokens:
        case [name] if _is_word(name):
            return name, ""
        case [name, "=", value] if _is_word(name) and value not in {"=", ";"}:
            return name, value
        case _:
            raise _malformed(header)


def _is_word(token: str) -> bool:
    return token[0] not in '"=;,'


def _malformed(header: str) -> InvalidPreference:
    return InvalidPreference(f"Prefer: {header[:100]!r} does not follow RFC 7240, for example wait=10.")


def _seconds(value: str) -> int:
    digits = value.strip('"')
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise InvalidPreference(
            "Prefer: wait takes a whole number of seconds, 0 to 999999999, for example wait=10."
        )
    return int(digits)
