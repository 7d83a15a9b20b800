"""The ``Copies`` port on S3: no byte passes through us."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, wait
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock.aws.faults import absent, code_of, translated
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from penstock.records import PayloadRef

#: What one call copies, in about a second: a small object, or a part of a larger one. 5 GB are 75 parts.
PART_BYTES = 64 * 1024 * 1024

#: A copy that takes longer is given up: its caller has 28 s for everything.
MAX_SECONDS = 18.0

_CHANGED = "PreconditionFailed"


class S3Copies:
    """Copies within one bucket; large objects in parts, as many at once as the executor has threads.

    The client is made when it is first needed, as most of the gateway's calls copy nothing. It must be
    patient: S3 answers a copy when it is done.
    """

    def __init__(
        self,
        connect: Callable[[], S3Client],
        bucket: str,
        *,
        executor: Executor,
        part_bytes: int = PART_BYTES,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._connect = connect
        self._bucket = bucket
        self._executor = executor
        self._part_bytes = part_bytes
        self._max_seconds = max_seconds

    @cached_property
    def _client(self) -> S3Client:
        return self._connect()

    def copy(self, source: PayloadRef, key: str) -> None:
        """See ``Copies.copy``."""
        origin: dict[str, Any] = {"CopySource": {"Bucket": self._bucket, "Key": source.key}}
        if source.etag is not None:
            origin["CopySourceIfMatch"] = source.etag
        with translated("copy object"):
            try:
                if source.size_bytes <= self._part_bytes:
                    self._client.copy_object(Bucket=self._bucket, Key=key, **origin)
                else:
                    self._in_parts(source, key, origin)
            except ClientError as error:
                if absent(error, foreign=False):
                    raise ObjectMissing(source.key) from error
                if code_of(error) == _CHANGED:
                    raise ObjectChanged(source.key) from error
                raise

    def _in_parts(self, source: PayloadRef, key: str, origin: dict[str, Any]) -> None:
        # S3 would take the source's own type; with parts it must be told.
        head = self._client.head_object(Bucket=self._bucket, Key=source.key)
        upload_id = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType=head["ContentType"]
        )["UploadId"]
        target: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "UploadId": upload_id}
        try:
            parts = self._parts(source, target, origin)
            self._client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts that arrive later are removed by the bucket's lifecycle rule.
            self._client.abort_multipart_upload(**target)
            raise

    def _parts(
        self, source: PayloadRef, target: dict[str, Any], origin: dict[str, Any]
    ) -> list[CompletedPartTypeDef]:
        def part(number: int, span: str) -> CompletedPartTypeDef:
            answer = self._client.upload_part_copy(
                **target, PartNumber=number, CopySourceRange=span, **origin
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        copies = [
            self._executor.submit(part, number, span)
            for number, span in enumerate(_spans(source.size_bytes, self._part_bytes), start=1)
        ]
        try:
            done, pending = wait(copies, timeout=self._max_seconds, return_when=FIRST_EXCEPTION)
            parts = [copy.result() for copy in copies if copy in done]
        finally:
            # After a failure, nobody waits for the others.
            for copy in copies:
                copy.cancel()
        if pending:
            raise DependencyError(f"copy object: not done within {self._max_seconds:g} s")
        return parts


def _spans(size_bytes: int, part_bytes: int) -> Iterator[str]:
    for first in range(0, size_bytes, part_bytes):
        yield f"bytes={first}-{min(first + part_bytes, size_bytes) - 1}"
