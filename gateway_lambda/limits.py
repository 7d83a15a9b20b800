"""The limits that a caller sets with headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.errors import InvalidLimit
from penstock.limits import DEADLINE_HEADER, QUEUE_DEADLINE_SECONDS, TIMEOUT_HEADER, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.catalogue import ApiEntry

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_limits(headers: Mapping[str, str], api: ApiEntry) -> Limits:
    """From the headers of a submission, names in lower case; ``InvalidLimit`` for what is too much."""
    return Limits(
        timeout_seconds=_seconds(
            headers, TIMEOUT_HEADER, most=api.timeout_seconds, of=f"the timeout of API {api.name}"
        ),
        deadline_seconds=_seconds(headers, DEADLINE_HEADER, most=QUEUE_DEADLINE_SECONDS, of="13 days"),
    )


def _seconds(headers: Mapping[str, str], name: str, *, most: int, of: str) -> int | None:
    text = headers.get(name.lower())
    if text is None:
        return None
    if not _SECONDS.fullmatch(text) or not 1 <= int(text) <= most:
        raise InvalidLimit(f"{name} takes a whole number of seconds, 1 to {most} ({of}).")
    return int(text)
