"""Lines of a job's parts: what was kept of a batch's end (J8). Each is one JSON object.

A batch that succeeded::

    {"batch": "0-7", "status_code": 200, "content_type": "application/json", "result": [6, 15]}

The answer is in ``result`` with its own text if it is JSON, in ``result_base64`` if it is anything else,
and at ``result_key`` in the bucket, with its ``size_bytes``, if it is too large for a line. A batch that
failed has ``failure`` and ``attempt`` besides, and as much of the container's answer as there was and is
kept; ``truncated`` says that the rest is missing.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.inlining import json_text

if TYPE_CHECKING:
    from penstock.records import Failure

#: Longest answer that is part of a line. What readers hold in memory, and so do workers.
MOST_RESULT_BYTES = 1024 * 1024
#: As much of a failed batch's answer as is kept.
MOST_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The container's answer, as far as it is kept."""

    status_code: int
    content_type: str | None
    #: None if it lies in an object of its own.
    body: bytes | None = b""
    key: str | None = None
    #: Of the whole answer.
    size_bytes: int


def result_line(batch: str, answer: Answer) -> bytes:
    """The line of a batch that succeeded, with its newline."""
    return _line({"batch": batch}, answer)


def error_line(batch: str, failure: Failure, answer: Answer | None, *, attempt: int) -> bytes:
    """The line of a batch that failed, with its newline; without an answer there was none."""
    told = {
        "batch": batch,
        "failure": {"code": failure.code, "message": failure.message},
        "attempt": attempt,
    }
    return _line(told, answer)


def _line(told: dict[str, Any], answer: Answer | None) -> bytes:
    if answer is None:
        return f"{json.dumps(told)}\n".encode()
    told |= {"status_code": answer.status_code, "content_type": answer.content_type}
    if answer.body is None:
        told |= {"result_key": answer.key, "size_bytes": answer.size_bytes}
        return f"{json.dumps(told)}\n".encode()
    if len(answer.body) < answer.size_bytes:
        told |= {"truncated": True, "size_bytes": answer.size_bytes}
    text = json_text(answer.body)
    if text is None:
        told["result_base64"] = base64.b64encode(answer.body).decode()
        return f"{json.dumps(told)}\n".encode()
    # Between its tokens JSON may have line ends, and within a string it has none.
    on_one_line = text.replace("\r", " ").replace("\n", " ")
    return f'{json.dumps(told)[:-1]}, "result": {on_one_line}}}\n'.encode()
