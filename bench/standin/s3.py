"""S3's calls, path style: ``/bucket/key``."""

from __future__ import annotations

import re
import uuid
from html import escape, unescape
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from bench.standin.errors import AwsError
from bench.standin.objects import Bodies, Object, joined, synthetic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_ETAG = '"00000000000000000000000000000000"'
_KEY = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

#: Names S3 sends an object's headers under, by the parameter of a link that asks for them.
_ASKED = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
}
_CHECKSUM = "x-amz-checksum-crc32"
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class Buckets:
    """All objects, by bucket and key in one; buckets need not be made."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._objects: dict[str, Object] = {}
        self._uploads: dict[str, tuple[str, dict[int, tuple[int, bytes | None]]]] = {}

    def put(self, path: str, stored: Object) -> None:
        """Store without a call, for a bench's preparations."""
        self._objects[path] = stored

    async def put_object(self, request: web.Request) -> web.StreamResponse:
        """``PutObject``, with ``If-None-Match: *``."""
        size, body = await self._bodies.take(request.content)
        if request.headers.get("If-None-Match") == "*" and request.path in self._objects:
            raise AwsError("PreconditionFailed", status=HTTPStatus.PRECONDITION_FAILED)
        content_type = request.headers.get("Content-Type", "application/octet-stream")
        # The checksum of a body that is not kept would not be that of the zeros it reads as.
        kept_headers = (_CHECKSUM,) if body is not None else ()
        extra = {name: request.headers[name] for name in kept_headers if name in request.headers}
        self._objects[request.path] = Object(size, body, content_type, extra)
        return web.Response(headers={"ETag": _ETAG})

    async def get_object(self, request: web.Request) -> web.StreamResponse:
        """``GetObject``; bodies that were not kept read as zeros."""
        found = self._objects.get(request.path) or synthetic(request.path)
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", status=HTTPStatus.NOT_FOUND)
        asked = {_ASKED[name]: value for name, value in request.query.items() if name in _ASKED}
        first, end, status = 0, found.size_bytes, HTTPStatus.OK
        if part := _RANGE.fullmatch(request.headers.get("Range", "")):
            first, end, status = int(part[1]), min(end, int(part[2]) + 1), HTTPStatus.PARTIAL_CONTENT
            if first >= end:
                raise AwsError("InvalidRange", status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        # A checksum is that of the whole.
        whole = request.headers.get("x-amz-checksum-mode") == "ENABLED" and status is HTTPStatus.OK
        extra = found.extra if whole else {}
        head = {"ETag": _ETAG, "Content-Type": found.content_type, **asked, **extra}
        if found.body is not None:
            return web.Response(body=found.body[first:end], headers=head, status=status)
        answer = web.StreamResponse(headers=head, status=status)
        answer.content_length = end - first
        await answer.prepare(request)
        for piece in found.pieces(first, end):
            await answer.write(piece)
        return answer

    async def delete_object(self, request: web.Request) -> web.StreamResponse:
        """``DeleteObject``."""
        self._objects.pop(request.path, None)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def delete_objects(self, request: web.Request) -> web.StreamResponse:
        """``DeleteObjects``."""
        bucket = request.path.rstrip("/")
        for key in _KEY.findall(await request.text()):
            self._objects.pop(f"{bucket}/{unescape(key)}", None)
        return _xml(f"<DeleteResult {_NAMESPACE}></DeleteResult>")

    async def create_multipart_upload(self, request: web.Request) -> web.StreamResponse:
        """``CreateMultipartUpload``."""
        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = (request.headers.get("Content-Type", ""), {})
        return _xml(
            f"<InitiateMultipartUploadResult {_NAMESPACE}><UploadId>{upload_id}</UploadId>"
            "</InitiateMultipartUploadResult>"
        )

    async def upload_part(self, request: web.Request) -> web.StreamResponse:
        """``UploadPart``."""
        taken = await self._bodies.take(request.content)
        self._upload(request)[1][int(request.query["partNumber"])] = taken
        return web.Response(headers={"ETag": _ETAG})

    async def complete_multipart_upload(self, request: web.Request) -> web.StreamResponse:
        """``CompleteMultipartUpload``; takes all parts that came, in their order."""
        await request.read()
        content_type, parts = self._upload(request)
        del self._uploads[request.query["uploadId"]]
        size, body = joined([parts[number] for number in sorted(parts)])
        self._objects[request.path] = Object(size, body, content_type)
        return _xml(
            f"<CompleteMultipartUploadResult {_NAMESPACE}><ETag>{escape(_ETAG)}</ETag>"
            "</CompleteMultipartUploadResult>"
        )

    async def abort_multipart_upload(self, request: web.Request) -> web.StreamResponse:
        """``AbortMultipartUpload``."""
        self._upload(request)
        del self._uploads[request.query["uploadId"]]
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def list_multipart_uploads(self, _request: web.Request) -> web.StreamResponse:
        """``ListMultipartUploads``, of all buckets at once."""
        uploads = "".join(f"<Upload><UploadId>{upload}</UploadId></Upload>" for upload in self._uploads)
        return _xml(f"<ListMultipartUploadsResult {_NAMESPACE}>{uploads}</ListMultipartUploadsResult>")

    async def create_bucket(self, _request: web.Request) -> web.StreamResponse:
        """``CreateBucket``."""
        return web.Response()

    def _upload(self, request: web.Request) -> tuple[str, dict[int, tuple[int, bytes | None]]]:
        found = self._uploads.get(request.query["uploadId"])
        if found is None:
            raise AwsError("NoSuchUpload", status=HTTPStatus.NOT_FOUND)
        return found


Operation = tuple[str, "Callable[[Buckets, web.Request], Awaitable[web.StreamResponse]]"]

#: By method, whether a key is named, and the query parameter that tells calls apart.
_OPERATIONS: dict[tuple[str, bool, str], Operation] = {
    ("PUT", True, ""): ("PutObject", Buckets.put_object),
    ("GET", True, ""): ("GetObject", Buckets.get_object),
    ("DELETE", True, ""): ("DeleteObject", Buckets.delete_object),
    ("POST", False, "delete"): ("DeleteObjects", Buckets.delete_objects),
    ("POST", True, "uploads"): ("CreateMultipartUpload", Buckets.create_multipart_upload),
    ("PUT", True, "uploadId"): ("UploadPart", Buckets.upload_part),
    ("POST", True, "uploadId"): ("CompleteMultipartUpload", Buckets.complete_multipart_upload),
    ("DELETE", True, "uploadId"): ("AbortMultipartUpload", Buckets.abort_multipart_upload),
    ("GET", False, "uploads"): ("ListMultipartUploads", Buckets.list_multipart_uploads),
    ("PUT", False, ""): ("CreateBucket", Buckets.create_bucket),
}


def operation(request: web.Request) -> Operation:
    """Name of an S3 call, and what serves it."""
    with_key = "/" in request.path.strip("/")
    marker = next((name for name in ("uploadId", "uploads", "delete") if name in request.query), "")
    found = _OPERATIONS.get((request.method, with_key, marker))
    if found is None:
        raise AwsError("NotImplemented", f"{request.method} {request.path_qs}", status=501)
    return found


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{text}', content_type="application/xml")
