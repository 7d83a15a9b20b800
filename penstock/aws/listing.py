"""The ``InputListing`` port on S3."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws.faults import code_of, translated
from penstock.batch.ports import BucketForbidden, FoundObject, NoSuchBucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3 import S3Client


class S3InputListing:
    """Lists any bucket that the client's credentials may list, whatever its region."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def pages(self, bucket: str, prefix: str, *, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """See ``InputListing.pages``."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=after or ""
        )
        with translated("list bucket"):
            try:
                for page in pages:
                    yield [
                        FoundObject(entry["Key"], entry["Size"], entry["ETag"])
                        for entry in page.get("Contents", [])
                    ]
            except ClientError as error:
                if code_of(error) == "NoSuchBucket":
                    raise NoSuchBucket(bucket) from error
                # S3 has several codes for it: a bucket policy, a switched-off account, a disabled bucket.
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.FORBIDDEN:
                    raise BucketForbidden(bucket) from error
                raise
