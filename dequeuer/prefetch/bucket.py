"""The buckets that are downloaded from, through aiobotocore."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from dequeuer.prefetch.faults import Broken, Changed, Denied, Fault, Missing
from dequeuer.prefetch.plan import Found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from types_aiobotocore_s3 import S3Client

    from dequeuer.prefetch.plan import Range, Wanted

_PIECE_BYTES = 1024 * 1024

_DENIED = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "KMS.DisabledException"})


class BrokeOff(Exception):
    """The connection ended in the middle of a range; what has come is good."""


class Buckets:
    """Lists and reads."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    async def list(self, wanted: Wanted) -> list[Found]:
        """All objects whose keys begin with the source's; ``Fault``."""
        found: list[Found] = []
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=wanted.bucket, Prefix=wanted.key
        )
        with _translated(f"list {wanted}"):
            async for page in pages:
                found += [Found(each["Key"], each["Size"], each["ETag"]) for each in page.get("Contents", [])]
        return found

    async def read(self, part: Range, *, skipped: int) -> AsyncIterator[bytes]:
        """The bytes of a range behind those that one has; ``BrokeOff``, ``Fault``."""
        file, first = part.file, part.first + skipped
        with _translated(f"read {file}"):
            answer = await self._client.get_object(
                Bucket=file.bucket, Key=file.key, IfMatch=file.etag, Range=f"bytes={first}-{part.last}"
            )
        if answer["ContentLength"] != part.last - first + 1:
            raise Broken(f"cannot read {file}: {answer['ContentLength']} bytes came for {first}-{part.last}")
        try:
            async with answer["Body"] as body:
                async for piece in body.iter_chunks(_PIECE_BYTES):
                    yield piece
        except (BotoCoreError, aiohttp.ClientError) as error:
            raise BrokeOff(str(error)) from error


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _fault(error, what) from error
    except BotoCoreError as error:
        raise Broken(f"cannot {what}: {error}") from error


def _fault(error: ClientError, what: str) -> Fault:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "NoSuchBucket":
        return Missing(f"cannot {what}: there is no such bucket")
    if code in {"NoSuchKey", "PreconditionFailed", "InvalidRange", "404", "412"}:
        return Changed(f"cannot {what}: the object was replaced or removed during the download")
    if code in _DENIED:
        return Denied(
            f"cannot {what}: {error}. The task's role has the right; look at the bucket's policy, and at its "
            "KMS key's"
        )
    return Broken(f"cannot {what}: {error}")
