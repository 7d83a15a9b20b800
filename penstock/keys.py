"""Where things lie in S3 and DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.records import RequestKey

PAYLOADS = "payloads"
RESULTS = "results"
#: Start of the last part of an upload's key; those of other payloads are hexadecimal.
UPLOAD = "upload-"


def payload(key: RequestKey, *, nonce: str) -> str:
    """S3 key of a payload; the nonce keeps a replay from overwriting the live one (R3)."""
    return f"{PAYLOADS}/{key.api}/{key.id}/{nonce}"


def upload(key: RequestKey, *, nonce: str) -> str:
    """S3 key of a payload that its caller uploads; the gateway may look at such objects only."""
    return f"{PAYLOADS}/{key.api}/{key.id}/{UPLOAD}{nonce}"


def result(key: RequestKey, *, lease: str) -> str:
    """S3 key of an attempt's result; the lease keeps a fenced upload off the winner's (R9)."""
    return f"{RESULTS}/{key.api}/{key.id}/{lease}"


def request_item(key: RequestKey) -> dict[str, str]:
    """Primary key of a request's item."""
    return {"pk": f"REQ#{key.api}#{key.id}", "sk": "META"}
