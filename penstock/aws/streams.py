"""The ``Streams`` port on S3.

A body of less than one part goes up in a single request. Larger ones go part by part, so that a
stream holds one part in memory; an upload that breaks off is aborted, and what even that leaves
behind the bucket's lifecycle rule removes.
"""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from botocore.exceptions import ClientError

from penstock.aws.faults import absent, code_of, translated
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing, Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import (
        CompletedPartTypeDef,
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
    )

    from penstock.records import PayloadRef

#: The least that S3 takes, for the sake of memory; 10,000 parts allow results of 48 GiB.
PART_BYTES = 5 * 1024 * 1024

_READ_BYTES = 256 * 1024
_DEFAULT_TYPE = "application/octet-stream"


class S3Streams:
    """Objects of any size in one bucket, read and written as streams."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @asynccontextmanager
    async def open(self, payload: PayloadRef) -> AsyncIterator[Stored]:
        """See ``Streams.open``."""
        answer = await self._get(payload)
        async with answer["Body"] as body:
            yield Stored(size_bytes=answer["ContentLength"], chunks=_reading(body.iter_chunks(_READ_BYTES)))

    async def write(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None) -> int:
        """See ``Streams.write``."""
        parts = _parts(chunks)
        first = await anext(parts, b"")
        if len(first) < PART_BYTES:
            with translated("store object"):
                await self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=first,
                    ContentType=content_type or _DEFAULT_TYPE,
                )
            return len(first)
        # Handed over in a list, so that no frame but the upload's holds on to it.
        begun = [first]
        del first
        return await self._write_in_parts(key, begun, parts, content_type or _DEFAULT_TYPE)

    async def delete(self, keys: Sequence[str]) -> None:
        """See ``Streams.delete``."""
        with translated("delete objects"):
            answer = await self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if errors := answer.get("Errors"):
            raise DependencyError(f"delete objects: {len(errors)} of {len(keys)} failed, first {errors[0]}")

    async def _get(self, payload: PayloadRef) -> GetObjectOutputTypeDef:
        wanted: GetObjectRequestTypeDef = {"Bucket": payload.bucket or self._bucket, "Key": payload.key}
        if payload.etag is not None:
            wanted["IfMatch"] = payload.etag
        with translated("read object"):
            try:
                return await self._client.get_object(**wanted)
            except ClientError as error:
                if code_of(error) == "PreconditionFailed":
                    raise ObjectChanged(payload.key) from error
                if absent(error, foreign=payload.bucket is not None):
                    raise ObjectMissing(payload.key) from error
                raise

    async def _write_in_parts(
        self, key: str, begun: list[bytes], rest: AsyncIterator[bytes], content_type: str
    ) -> int:
        with translated("start multipart upload"):
            upload = await self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type
            )
        upload_id = upload["UploadId"]
        try:
            size = len(begun[0])
            done = [await self._upload_part(key, upload_id, 1, begun.pop())]
            async for part in rest:
                size += len(part)
                done.append(await self._upload_part(key, upload_id, len(done) + 1, part))
            with translated("finish multipart upload"):
                await self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done}
                )
        except BaseException:
            # Cancellation as well: parts without an object cost money until the bucket's rule finds them.
            await asyncio.shield(self._abort(key, upload_id))
            raise
        return size

    async def _upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> CompletedPartTypeDef:
        with translated("upload part"):
            answer = await self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
            )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def _abort(self, key: str, upload_id: str) -> None:
        try:
            with translated("abort multipart upload"):
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except DependencyError:
            # The error that led here matters more; the bucket's lifecycle rule removes the parts.
            return


async def _reading(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        with translated("read object"):
            async for chunk in chunks:
                yield chunk
    except aiohttp.ClientPayloadError as error:  # the one error that aiobotocore lets through
        raise DependencyError(f"read object: {error}") from error


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather the stream into parts, each but the last of at least ``PART_BYTES``."""
    gathered = io.BytesIO()
    async for chunk in chunks:
        gathered.write(chunk)
        if gathered.tell() >= PART_BYTES:
            # Hands its memory over instead of copying it, as joining pieces would.
            part = gathered.getvalue()
            gathered = io.BytesIO()
            yield part
            del part
    if gathered.tell():
        yield gathered.getvalue()
