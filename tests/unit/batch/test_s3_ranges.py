"""A connection that breaks costs no byte, and no byte comes twice."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError

from penstock.aws.ranges import S3Ranges
from penstock.batch.chunks import Form, Segment
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing

DATA = bytes(range(256)) * 8192
SEGMENT = Segment(bucket="lake", key="file", etag='"e"', form=Form.LINES, first=0, end=len(DATA))


class Breaking:
    """A connection that breaks after so many bytes."""

    def __init__(self, data: bytes, after: int) -> None:
        self._data, self._left = data, after

    def read(self, size: int | None = None) -> bytes:
        if not self._left:
            raise ProtocolError("connection reset")
        size = min(len(self._data) if size is None else size, self._left)
        piece, self._data = self._data[:size], self._data[size:]
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        pass


class S3:
    """An object whose body breaks off so many times."""

    def __init__(self, *, breaks: int, after: int) -> None:
        self._breaks, self._after = breaks, after
        self.asked: list[str] = []

    def get_object(self, *, Bucket: str, Key: str, Range: str, IfMatch: str) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Key, IfMatch) == ("lake", "file", '"e"')
        self.asked.append(Range)
        first, last = (int(part) for part in Range.removeprefix("bytes=").split("-"))
        data = DATA[first : last + 1]
        self._breaks -= 1
        raw: Any = Breaking(data, self._after if self._breaks >= 0 else len(data) + 1)
        return {"Body": StreamingBody(raw, len(data))}


@pytest.mark.parametrize("breaks", [0, 1, 3])
def test_reading_goes_on_where_the_connection_broke(breaks):
    s3: Any = S3(breaks=breaks, after=300_000)
    read = S3Ranges(s3, own_bucket="own").read(SEGMENT, first=5, size=1_500_000)
    assert read == DATA[5:1_500_005]
    assert s3.asked == [f"bytes={5 + 300_000 * turn}-1500004" for turn in range(breaks + 1)]


def test_a_connection_that_breaks_every_time_is_told():
    s3: Any = S3(breaks=99, after=10)
    with pytest.raises(DependencyError, match="connection reset"):
        S3Ranges(s3, own_bucket="own").read(SEGMENT, first=0, size=1_000_000)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, ObjectMissing),
        ("NoSuchKey", 404, ObjectMissing),
        ("PreconditionFailed", 412, ObjectChanged),
        ("SlowDown", 503, DependencyError),
    ],
)
def test_what_s3_says_is_told(code, status, error):
    class Refusing:
        def get_object(self, **_: Any) -> None:
            answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, "GetObject")

    s3: Any = Refusing()
    with pytest.raises(error):
        S3Ranges(s3, own_bucket="own").read(SEGMENT, first=0, size=10)
