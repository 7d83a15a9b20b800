"""Which headers may be stored and passed on.

An allow-list, because what is stored lives for days: credentials, cookies and hop-by-hop
headers must never be among it, whatever a client sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Request headers that describe the payload or the trace, and hold no secret.
#: Accept-Encoding is left out on purpose: a compressed result would reach readers that never asked.
REQUEST_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "content-encoding",
        "content-language",
        "traceparent",
        "tracestate",
    }
)

#: Response headers that readers of the result need to understand its bytes.
RESPONSE_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "etag",
        "last-modified",
    }
)

#: Values longer than this are dropped: a record must stay far below DynamoDB's 400 KB.
MAX_VALUE_CHARACTERS = 2048


def usable(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that can be stored and sent on, with lower-case names.

    Values outside printable ASCII break stores and clients downstream, so they are dropped.
    """
    return {
        name.lower(): value
        for name, value in headers.items()
        if value.isascii() and value.isprintable() and len(value) <= MAX_VALUE_CHARACTERS
    }


def allowed(headers: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """The usable headers among ``names`` (lower case)."""
    return {name: value for name, value in usable(headers).items() if name in names}
