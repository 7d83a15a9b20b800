"""Payloads that do not fit into a call: links to upload them, and the way back from an upload's id.

An upload's id is the id of the request that will be made from it, and a digest over the caller and
all that may be uploaded. So one upload can never become two requests, and nothing has to be stored
for an upload that nobody makes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway_lambda.submit import StoredPayload
from penstock import ids, keys
from penstock.errors import (
    InvalidIdempotencyKey,
    InvalidUpload,
    PayloadTooLarge,
    Unavailable,
    UploadMissing,
)
from penstock.headers import usable
from penstock.ports import DependencyError, ObjectInfo, ObjectMissing, UploadTerms
from penstock.records import PayloadRef, RequestKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_lambda.incoming import Incoming
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Objects, Records

#: S3 takes 5 GiB in one PUT.
MAX_UPLOAD_BYTES = 5_000_000_000

#: How long an upload may begin. AWS ends it earlier if the function's own credentials end earlier.
UPLOAD_SECONDS = 3600

_UPLOAD_ID = re.compile(r"([a-z2-7]{26})-([a-z2-7]{26})")
_MEMBERS = {"size_bytes", "content_type", "checksum_sha256"}
_DEFAULT_TYPE = "application/octet-stream"
_SHA256_BYTES = 32


class Uploads:
    """Makes links, and finds what was uploaded with them."""

    def __init__(self, *, deployment: str, records: Records, objects: Objects, clock: Clock) -> None:
        self._deployment = deployment
        self._records = records
        self._objects = objects
        self._clock = clock

    def invite(self, api: ApiEntry, incoming: Incoming) -> dict[str, Any]:
        """What a caller needs to upload a payload; ``InvalidUpload`` or ``PayloadTooLarge``."""
        terms = _terms(incoming.body)
        key = RequestKey(api=api.name, id=self._keyed_id(api, incoming) or ids.new_request_id())
        nonce = _nonce(key, incoming.caller, terms)
        url = self._objects.presign_upload(
            keys.upload(key, nonce=nonce), terms, expires_seconds=UPLOAD_SECONDS
        )
        ends = datetime.fromtimestamp(self._clock() // 1000 + UPLOAD_SECONDS, UTC)
        return {
            "upload_id": f"{key.id}-{nonce}",
            "url": url,
            "method": "PUT",
            "headers": terms.headers,
            "expires_at": ends.isoformat().replace("+00:00", "Z"),
        }

    def find(self, api: ApiEntry, incoming: Incoming, upload_id: str) -> StoredPayload:
        """The payload of an upload; ``UploadMissing`` if it is not this caller's for this API."""
        match = _UPLOAD_ID.fullmatch(upload_id)
        if match is None:
            raise InvalidUpload("X-Upload-Id is not of the form that POST /uploads gives.")
        key, nonce = RequestKey(api=api.name, id=match[1]), match[2]
        if incoming.idempotency_key is not None and self._keyed_id(api, incoming) != key.id:
            raise InvalidIdempotencyKey(
                "The upload was not asked for under this Idempotency-Key. Send the key to POST /uploads,"
                " or leave it out: the upload's id already stands for one request."
            )
        object_key = keys.upload(key, nonce=nonce)
        try:
            info = self._describe(key, object_key)
        except DependencyError as error:
            raise Unavailable("The upload could not be looked at just now. Try again.") from error
        if info is None or _nonce(key, incoming.caller, _as_terms(info)) != nonce:
            raise UploadMissing(
                f"Nothing was uploaded under this id by this caller for API {api.name}, or it was used"
                " for a request that is no longer kept."
            )
        return StoredPayload(
            ref=PayloadRef(
                key=object_key,
                size_bytes=info.size_bytes,
                etag=info.etag,
                checksum_sha256=info.checksum_sha256,
            ),
            content_type=info.content_type,
            request_id=key.id,
        )

    def _keyed_id(self, api: ApiEntry, incoming: Incoming) -> str | None:
        if incoming.idempotency_key is None:
            return None
        return ids.keyed_request_id(
            deployment=self._deployment,
            api=api.name,
            caller=incoming.caller,
            key=incoming.idempotency_key,
        )

    def _describe(self, key: RequestKey, object_key: str) -> ObjectInfo | None:
        try:
            return self._objects.describe(object_key)
        except ObjectMissing:
            pass
        # A completed request has no payload any more; sending again must be answered for it.
        record = self._records.get(key)
        if record is None or record.payload.key != object_key or not record.retained(self._clock()):
            return None
        return ObjectInfo(
            size_bytes=record.payload.size_bytes,
            etag=record.payload.etag or "",
            content_type=record.call.content_type,
            checksum_sha256=record.payload.checksum_sha256,
        )


def _nonce(key: RequestKey, caller: str, terms: UploadTerms) -> str:
    return ids.upload_nonce(
        request_id=key.id,
        caller=caller,
        terms=[str(terms.size_bytes), terms.content_type, terms.checksum_sha256],
    )


def _as_terms(info: ObjectInfo) -> UploadTerms:
    return UploadTerms(
        size_bytes=info.size_bytes,
        content_type=info.content_type or "",
        checksum_sha256=info.checksum_sha256,
    )


def _terms(body: bytes) -> UploadTerms:
    members = _members(body)
    return UploadTerms(
        size_bytes=_size(members.get("size_bytes")),
        content_type=_content_type(members.get("content_type", _DEFAULT_TYPE)),
        checksum_sha256=_checksum(members.get("checksum_sha256")),
    )


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidUpload('The body must be a JSON object such as {"size_bytes": 10000000}.') from error
    if not isinstance(members, dict):
        raise InvalidUpload('The body must be a JSON object such as {"size_bytes": 10000000}.')
    if unknown := sorted(members.keys() - _MEMBERS):
        raise InvalidUpload(f"Unknown member {unknown[0][:64]!r}. Known: {', '.join(sorted(_MEMBERS))}.")
    return members


def _size(value: object) -> int:
    # A bool is an int to Python, and to nobody else.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidUpload("size_bytes must be the payload's size: a whole number, at least 1.")
    if value > MAX_UPLOAD_BYTES:
        raise PayloadTooLarge(f"size_bytes is {str(value)[:40]}; at most {MAX_UPLOAD_BYTES} can be uploaded.")
    return value


def _content_type(value: object) -> str:
    if (
        not isinstance(value, str)
        or not value
        or value != " ".join(value.split())
        or not usable({"content-type": value})
    ):
        raise InvalidUpload("content_type must be a media type in printable ASCII, such as video/mp4.")
    return value


def _checksum(value: object) -> str | None:
    if value is None:
        return None
    try:
        digest = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _SHA256_BYTES or base64.b64encode(digest).decode() != value:
        raise InvalidUpload("checksum_sha256 must be the payload's SHA-256 in base64: 44 characters.")
    return str(value)
