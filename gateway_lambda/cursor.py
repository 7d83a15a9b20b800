"""Where a list goes on, as text that callers hand back and are not meant to read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING

from penstock.errors import InvalidCursor

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = 1
_MAX_CHARACTERS = 400
#: The position in a list by time: a moment, and the request, delivery or job of that moment.
MOMENT = re.compile(r"[0-9]{13}#([a-z2-7]{26}(-callback|-api)?|[0-9a-f]{16})?", re.ASCII)
#: The position in a list of a job's batches.
BATCH = re.compile(r"[0-9]{1,9}-[0-9]{1,9}", re.ASCII)


def encode(position: str, *, belongs_to: Sequence[str]) -> str:
    """A cursor for this position in the list that ``belongs_to`` describes: API and filters."""
    content = {"v": _VERSION, "p": position, "l": _digest(belongs_to)}
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(text: str, *, belongs_to: Sequence[str], form: re.Pattern[str] = MOMENT) -> str:
    """The position, of this form; ``InvalidCursor`` unless ``encode`` made the text for the same list.

    Nobody signs it: whoever makes one up sees another part of the list that they may see anyway.
    """
    match _content(text):
        case {"v": 1, "p": str(position), "l": str(digest)} if form.fullmatch(position):
            if digest != _digest(belongs_to):
                raise InvalidCursor(
                    "The cursor belongs to a list of another API, or with other filters: start without it."
                )
            return position
        case _:
            raise InvalidCursor("The cursor is none of ours, or damaged: start without it.")


def _content(text: str) -> object:
    if len(text) > _MAX_CHARACTERS or not text.isascii():
        return None
    try:
        return json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
