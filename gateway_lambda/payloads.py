"""Where a submission's payload comes from: its body, an upload, or an object of the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway_lambda.submit import StoredPayload
from penstock.errors import (
    InvalidPayloadUrl,
    InvalidUpload,
    PayloadUrlNotAllowed,
    PayloadUrlUnreadable,
    Unavailable,
)
from penstock.ports import DependencyError, ObjectMissing
from penstock.records import PayloadRef

if TYPE_CHECKING:
    from gateway_lambda.incoming import Incoming
    from gateway_lambda.uploads import Uploads
    from penstock.catalogue import ApiEntry
    from penstock.ports import Objects

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([\x20-\x7e]{1,1024})")


def stored_payload(
    api: ApiEntry, incoming: Incoming, *, uploads: Uploads, objects: Objects
) -> StoredPayload | None:
    """The payload that lies in S3 already; None if it is the body.

    ``InvalidUpload``, ``InvalidPayloadUrl``, and what the two ways may be refused with.
    """
    upload_id, url = incoming.headers.get("x-upload-id"), incoming.headers.get("x-payload-url")
    if upload_id is not None:
        if incoming.body or url is not None:
            raise InvalidUpload("X-Upload-Id goes with an empty body and without X-Payload-Url.")
        return uploads.find(api, incoming, upload_id)
    if url is not None:
        if incoming.body:
            raise InvalidPayloadUrl("X-Payload-Url goes with an empty body.")
        return _of_the_user(api, incoming, url, objects)
    return None


def _of_the_user(api: ApiEntry, incoming: Incoming, url: str, objects: Objects) -> StoredPayload:
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidPayloadUrl("X-Payload-Url must be s3://bucket/key, the key in printable ASCII.")
    bucket, key = match.groups()
    if bucket not in api.input_buckets:
        raise PayloadUrlNotAllowed(
            f"API {api.name} takes no payloads from bucket {bucket}. List it under input_buckets in the"
            " configuration of the API, and deploy."
        )
    try:
        info = objects.describe(key, bucket=bucket)
    except ObjectMissing as error:
        raise PayloadUrlUnreadable(
            f"There is no object {key[:256]!r} in bucket {bucket}, or Penstock may not read it."
        ) from error
    except DependencyError as error:
        raise Unavailable("The payload's object could not be looked at just now. Try again.") from error
    return StoredPayload(
        ref=PayloadRef(key=key, size_bytes=info.size_bytes, etag=info.etag, bucket=bucket),
        # Many objects carry S3's default type only; the caller may know better.
        content_type=incoming.content_type or info.content_type,
    )
