"""The Prefer header (RFC 7240), as far as it speaks of waiting."""

from __future__ import annotations

import re

from penstock.errors import InvalidPreference

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rf'(?:{_WORD}|"(?:[^"\\]|\\.)*")'
_PARAMETER = rf"{_WORD}(?:\s*=\s*{_VALUE})?"
_PREFERENCE = re.compile(rf"\s*({_WORD})(?:\s*=\s*({_VALUE}))?(?:\s*;\s*(?:{_PARAMETER})?)*\s*(?:,|$)")


def wait_seconds(header: str) -> int | None:
    """How long the caller prefers to wait, in seconds; None if the header does not say.

    Preferences other than ``wait`` are passed over, as the RFC asks. ``InvalidPreference`` is
    raised for text that is no Prefer header, and for a wait that is no whole number: guessing
    would make a client wait for an answer in a way it never asked for.
    """
    wait: int | None = None
    position = 0
    while position < len(header):
        match = _PREFERENCE.match(header, position)
        if match is None:
            raise InvalidPreference(f"Prefer: {header!r} does not follow RFC 7240, for example wait=10.")
        name, value = match.groups()
        if name.lower() == "wait" and wait is None:
            wait = _seconds(value)
        position = match.end()
    return wait


def _seconds(value: str | None) -> int:
    digits = (value or "").strip('"')
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise InvalidPreference("Prefer: wait takes a whole number of seconds, for example wait=10.")
    return int(digits)
