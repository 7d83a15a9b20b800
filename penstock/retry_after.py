"""The Retry-After header (RFC 9110, section 10.2.3): seconds, or a date."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

#: Longer numbers mean the same: never.
_MOST_DIGITS = 9


def retry_after_seconds(text: str, *, now_ms: int) -> float | None:
    """How long the sender asks to wait; None for text that says nothing, 0 for a date that has passed."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text[:_MOST_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is in UTC, as all dates of HTTP are.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now_ms / 1000)
    except (ValueError, OverflowError):
        return None
