"""Until when a call of a function works, so that it can tell how far it came."""

from __future__ import annotations

from typing import Any

#: A state machine that loops shows progress now and then.
_MOST_MS = 10 * 60 * 1000

#: For what is under way at the end: a page of a listing with its chunks, or some hundred messages.
_RESERVE_MS = 60 * 1000


def until_ms(context: Any, now_ms: int) -> int:
    """When the call is to come to its end; ``context`` is Lambda's."""
    left_ms: int = context.get_remaining_time_in_millis() - _RESERVE_MS
    return now_ms + min(_MOST_MS, max(0, left_ms))
