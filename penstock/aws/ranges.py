"""The ``Ranges`` port on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from penstock.aws.faults import absent, code_of, translated
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

    from penstock.batch.chunks import Segment

#: Botocore repeats a call that fails, but not a body that breaks off.
_TRIES = 4
_PIECE_BYTES = 256 * 1024


class S3Ranges:
    """Parts of objects of any bucket, each whole in memory."""

    def __init__(self, client: S3Client, *, own_bucket: str) -> None:
        """Missing objects of our own bucket are told from forbidden ones."""
        self._client = client
        self._own_bucket = own_bucket

    def read(self, segment: Segment, *, first: int, size: int) -> bytes:
        """See ``Ranges.read``."""
        taken = bytearray()
        for tries in range(1, _TRIES + 1):
            try:
                self._take(segment, first, size, taken)
            except (HTTPClientError, IncompleteReadError) as error:
                # From where it broke off.
                if tries == _TRIES:
                    raise DependencyError(f"read input: {error}") from error
            else:
                break
        return bytes(taken)

    def _take(self, segment: Segment, first: int, size: int, taken: bytearray) -> None:
        last = first + size - 1
        wanted: GetObjectRequestTypeDef = {
            "Bucket": segment.bucket,
            "Key": segment.key,
            "Range": f"bytes={first + len(taken)}-{last}",
        }
        if segment.etag:
            wanted["IfMatch"] = segment.etag
        with translated("read input"):
            try:
                body = self._client.get_object(**wanted)["Body"]
            except ClientError as error:
                match code_of(error):
                    case "InvalidRange":
                        return
                    case "PreconditionFailed":
                        raise ObjectChanged(segment.key) from error
                    case _ if absent(error, foreign=segment.bucket != self._own_bucket):
                        raise ObjectMissing(segment.key) from error
                    case _:
                        raise
        with body:
            for piece in body.iter_chunks(_PIECE_BYTES):
                taken += piece
