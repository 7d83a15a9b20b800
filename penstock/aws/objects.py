"""The ``Objects`` port on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws.faults import absent, code_of, translated
from penstock.ports import ObjectInfo, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

    from penstock.ports import UploadTerms

#: Headers that S3 sends with an object if the link asks for them.
_OVERRIDES = {
    "cache-control": "ResponseCacheControl",
    "content-disposition": "ResponseContentDisposition",
    "content-encoding": "ResponseContentEncoding",
    "content-language": "ResponseContentLanguage",
}

_DEFAULT_TYPE = "application/octet-stream"


class S3Objects:
    """Small objects in one bucket, whole."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, *, content_type: str | None) -> None:
        """See ``Objects.put``."""
        with translated("store object"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType=content_type or _DEFAULT_TYPE
            )

    def put_if_absent(self, key: str, body: bytes, *, content_type: str | None) -> bool:
        """See ``Objects.put_if_absent``."""
        with translated("store object"):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type or _DEFAULT_TYPE,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) != "PreconditionFailed":
                    raise
                return False
        return True

    def read(self, key: str) -> bytes:
        """See ``Objects.read``."""
        with translated("read object"):
            try:
                return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    raise ObjectMissing(key) from error
                raise

    def read_range(self, key: str, *, first: int, last: int) -> bytes:
        """See ``Objects.read_range``."""
        with translated("read object"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={first}-{last}")
                return answer["Body"].read()
            except ClientError as error:
                if absent(error, foreign=False):
                    raise ObjectMissing(key) from error
                raise

    def describe(self, key: str, *, bucket: str | None = None) -> ObjectInfo:
        """See ``Objects.describe``."""
        with translated("look at object"):
            try:
                if bucket is None:
                    answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
                else:
                    # Not the checksum: S3 gives it only to those who may use an object's KMS key.
                    answer = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if absent(error, foreign=bucket is not None):
                    raise ObjectMissing(key) from error
                raise
        return ObjectInfo(
            size_bytes=answer["ContentLength"],
            etag=answer["ETag"],
            content_type=answer.get("ContentType"),
            checksum_sha256=answer.get("ChecksumSHA256"),
        )

    def delete(self, key: str) -> None:
        """See ``Objects.delete``."""
        with translated("delete object"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def presign(self, key: str, *, expires_seconds: int, headers: Mapping[str, str]) -> str:
        """See ``Objects.presign``."""
        overrides = {_OVERRIDES[name]: value for name, value in headers.items() if name in _OVERRIDES}
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, **overrides},
            ExpiresIn=expires_seconds,
        )

    def presign_upload(self, key: str, terms: UploadTerms, *, expires_seconds: int) -> str:
        """See ``Objects.presign_upload``; each header of the terms is signed."""
        checksum = {} if terms.checksum_sha256 is None else {"ChecksumSHA256": terms.checksum_sha256}
        return self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentLength": terms.size_bytes,
                "ContentType": terms.content_type,
                "IfNoneMatch": "*",
                **checksum,
            },
            ExpiresIn=expires_seconds,
        )
