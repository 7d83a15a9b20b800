"""Ids and fingerprints (rules R1 and R2 of the life cycle).

A request id is also the SQS group id and deduplication id. SQS deduplicates within a group,
so the id must be a function of the caller's Idempotency-Key: a random group per send would
silently turn deduplication off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets

_ID_BYTES = 16
_ID_PATTERN = re.compile(r"[a-z2-7]{26}")


def new_request_id() -> str:
    """A fresh id of 26 lower-case base32 characters (128 random bits)."""
    return _text(secrets.token_bytes(_ID_BYTES))


def keyed_request_id(*, deployment: str, api: str, caller: str, key: str) -> str:
    """The id that this caller's Idempotency-Key stands for on this API.

    The caller is part of the hash: another caller's ``order-1`` must not return my result.
    """
    return _text(_digest([deployment, api, caller, key])[:_ID_BYTES])


def retry_request_id(*, deployment: str, api: str, request_id: str, created_ms: int) -> str:
    """The id of the request that runs this one again (R1): however often that is asked for, one request.

    A key may stand for another request once the first one's retention is over, so the id alone does
    not say which request it is; together with its time it does.
    """
    return _text(_digest([deployment, api, "retry", request_id, str(created_ms)])[:_ID_BYTES])


def key_after(key_hash: str, *, job_id: str) -> str:
    """What stands in place of a key's hash once the job that it stood for is forgotten (J13).

    A key may be used again then, but a job's id never: Step Functions remembers it for longer.
    """
    return _text(_digest(["after", key_hash, job_id])[:_ID_BYTES])


def is_request_id(text: str) -> bool:
    """Whether the text has the shape of a request id; others are unknown without a look-up."""
    return _ID_PATTERN.fullmatch(text) is not None


def fingerprint(
    *,
    body: bytes,
    content_type: str | None,
    method: str,
    path: str,
    query: str,
    stored: str | None = None,
    timeout_seconds: int | None = None,
    deadline_seconds: int | None = None,
    callback: str | None = None,
) -> str:
    """What makes two submissions under one key the same request (hexadecimal SHA-256).

    ``stored`` stands for a payload that lies in S3 already, in place of the body. The limits are
    those that the caller set.
    """
    body_digest = hashlib.sha256(body).hexdigest()
    limits = [None if limit is None else str(limit) for limit in (timeout_seconds, deadline_seconds)]
    return _digest([body_digest, content_type, method, path, query, stored, *limits, callback]).hex()


def event_id(*, deployment: str, api: str, subject: str, created_ms: int, status: str) -> str:
    """The id of the event that this subject reached this status (N1); of a request id's shape."""
    return _text(_digest(["event", deployment, api, subject, str(created_ms), status])[:_ID_BYTES])


def upload_nonce(*, request_id: str, caller: str, terms: list[str | None]) -> str:
    """What an upload's id says, besides the request's, of its caller and of what may be uploaded."""
    return _text(_digest([request_id, caller, *terms])[:_ID_BYTES])


def new_token() -> str:
    """A random token for a lease or an object key (32 hexadecimal characters)."""
    return secrets.token_hex(16)


def _digest(parts: list[str | None]) -> bytes:
    # JSON keeps the parts apart: ("ab", "c") and ("a", "bc") must not meet in one hash.
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
