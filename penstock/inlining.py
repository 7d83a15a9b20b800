"""Results inside of documents of ours: which may be there, and their own text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.records import Status

if TYPE_CHECKING:
    from penstock.records import RequestRecord, ResultRef


def may_inline(record: RequestRecord, *, limit_bytes: int) -> bool:
    """Whether the result may be part of a document: completed, plain JSON, and small."""
    result = record.result
    return (
        record.status is Status.COMPLETED
        and result is not None
        and result.size_bytes <= limit_bytes
        and "content-encoding" not in result.headers
        and _is_json(result)
    )


def json_text(result: bytes) -> str | None:
    """The result as it was written, or None if it is not JSON after all.

    Its own text is kept: reading and writing numbers again would round them.
    """
    try:
        text = result.decode()
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return text


def _is_json(result: ResultRef) -> bool:
    media_type = (result.content_type or "").split(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
