"""Signatures of Standard Webhooks, over bytes of any kind.

What is signed is ``id.timestamp.body``. During a rotation there are several signatures, one for each
secret that a receiver may still hold. The reference library decodes bodies as text, so it can verify
events but no images; ``verify`` here takes any bytes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
_VERSION = "v1"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_NEW_BYTES = 32

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

#: How far the clocks of sender and receiver may differ.
TOLERANCE_SECONDS = 300


class InvalidSecret(ValueError):
    """The text is no secret of Standard Webhooks: ``whsec_`` and 24 to 64 bytes in base64."""


class NotVerified(ValueError):
    """What was received was not signed with the secret, or not just now; the text says what is wrong."""


def new_secret() -> str:
    """A fresh secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; ``InvalidSecret``."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret("a secret is whsec_ and base64") from error
    if not secret.startswith(PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise InvalidSecret(f"a secret is whsec_ and {_FEWEST_BYTES} to {_MOST_BYTES} bytes in base64")
    return key


def headers(event_id: str, body: bytes, *, secrets: Sequence[str], now_ms: int) -> dict[str, str]:
    """The headers of one attempt; without a secret there is no signature among them."""
    timestamp = str(now_ms // 1000)
    told = {ID_HEADER: event_id, TIMESTAMP_HEADER: timestamp}
    if secrets:
        told[SIGNATURE_HEADER] = " ".join(_signed(key_of(s), event_id, timestamp, body) for s in secrets)
    return told


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now_ms: int) -> None:
    """Check what was received; ``NotVerified``. Names of headers are lower case."""
    missing = {ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER} - headers.keys()
    if missing:
        raise NotVerified(f"there is no {min(missing)} header")
    timestamp = headers[TIMESTAMP_HEADER]
    if not timestamp.isascii() or not timestamp.isdigit():
        raise NotVerified("webhook-timestamp is no number of seconds")
    if abs(now_ms / 1000 - int(timestamp)) > TOLERANCE_SECONDS:
        raise NotVerified("webhook-timestamp is too far from now")
    wanted = _signed(key_of(secret), headers[ID_HEADER], timestamp, body)
    # No early end: how long it takes must not tell how much of a signature is right.
    matches = [
        hmac.compare_digest(wanted.encode(), given.encode()) for given in headers[SIGNATURE_HEADER].split(" ")
    ]
    if not any(matches):
        raise NotVerified("no signature is made with this secret over this body")


def _signed(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    content = f"{event_id}.{timestamp}.".encode() + body
    return f"{_VERSION},{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"
