from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from penstock.aws.copies import S3Copies
from penstock.aws.streams import PART_BYTES
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing
from penstock.records import PayloadRef
from tests.contract.conftest import deviates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIZES = [0, 1, 65_537, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 7]


async def chunked(body: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def test_an_object_is_read_back_byte_for_byte(backend):
    backend.objects.put("a/b", bytes(range(256)), content_type=None)
    assert backend.objects.read("a/b") == bytes(range(256))


def test_a_missing_object_is_told_apart_from_a_fault(backend):
    with pytest.raises(ObjectMissing):
        backend.objects.read("nothing")


def test_an_object_is_put_only_where_none_is(backend):
    assert backend.objects.put_if_absent("k", b"first", content_type="text/plain")
    assert not backend.objects.put_if_absent("k", b"second", content_type="text/plain")
    assert backend.objects.read("k") == b"first"


def test_deleting_twice_is_fine(backend):
    backend.objects.put("k", b"x", content_type=None)
    for _ in range(2):
        backend.objects.delete("k")
    with pytest.raises(ObjectMissing):
        backend.objects.read("k")


def test_a_download_link_gives_the_bytes_with_their_type_and_headers(backend):
    backend.objects.put("k", b"picture", content_type="image/png")
    told = {"content-encoding": "gzip", "content-disposition": "attachment", "etag": "not S3's to send"}
    link = backend.objects.presign("k", expires_seconds=60, headers=told)
    if backend.name == "memory":
        assert link.endswith("k?expires=60")
        return
    with urllib.request.urlopen(link, timeout=5) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"picture", "image/png")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("size", SIZES)
async def test_a_stream_of_any_size_is_stored_and_read_back_with_its_size(backend, size):
    body = pattern(size)
    assert await backend.streams.write("k", chunked(body), content_type=None) == size
    async with backend.streams.open(PayloadRef(key="k", size_bytes=size)) as stored:
        assert stored.size_bytes == size
        assert b"".join([chunk async for chunk in stored.chunks]) == body


async def test_opening_a_missing_object_is_told_apart_from_a_fault(backend):
    with pytest.raises(ObjectMissing):
        async with backend.streams.open(PayloadRef(key="nothing", size_bytes=0)):
            pass


@pytest.mark.parametrize("sent", [0, 10, PART_BYTES + 10])
async def test_a_stream_that_breaks_off_stores_nothing_and_leaves_no_parts(backend, sent):
    async def broken() -> AsyncIterator[bytes]:
        if sent:
            yield pattern(sent)
        raise ConnectionResetError("half a response")

    with pytest.raises(ConnectionResetError):
        await backend.streams.write("k", broken(), content_type=None)
    with pytest.raises(ObjectMissing):
        backend.objects.read("k")
    no_parts(backend)


async def test_several_objects_are_deleted_at_once_whether_they_exist_or_not(backend):
    for key in ("a", "b", "keep"):
        backend.objects.put(key, b"x", content_type=None)
    await backend.streams.delete(["a", "b", "never"])
    assert backend.objects.read("keep") == b"x"
    for key in ("a", "b"):
        with pytest.raises(ObjectMissing):
            backend.objects.read(key)


COPIED = [0, 1, 5 * 1024 * 1024, 5 * 1024 * 1024 + 1, 11 * 1024 * 1024]


@pytest.mark.parametrize("size", COPIED)
def test_a_copy_is_the_same_bytes_under_another_key_also_in_parts(backend, size):
    backend.objects.put("old", pattern(size), content_type="text/plain")
    backend.copies.copy(PayloadRef(key="old", size_bytes=size), "new")
    assert backend.objects.read("new") == backend.objects.read("old") == pattern(size)


def test_a_copy_keeps_its_type(backend):
    if backend.name == "memory":
        pytest.skip("nobody reads a payload's own type but S3's customers")
    for size in COPIED[1::2]:
        backend.objects.put("old", pattern(size), content_type="image/png")
        backend.copies.copy(PayloadRef(key="old", size_bytes=size), "new")
        assert backend.objects.describe("new").content_type == "image/png"


@pytest.mark.parametrize("size", COPIED[1::2])
def test_what_is_not_there_cannot_be_copied_and_leaves_no_parts(backend, size):
    with pytest.raises(ObjectMissing):
        backend.copies.copy(PayloadRef(key="nothing", size_bytes=size), "new")
    with pytest.raises(ObjectMissing):
        backend.objects.read("new")
    no_parts(backend)


@pytest.mark.parametrize("size", COPIED[1::2])
def test_what_was_replaced_is_not_copied_and_leaves_no_parts(backend, size, request):
    deviates(request, backend, "moto", "moto copies whatever If-Match says")
    backend.objects.put("old", pattern(size), content_type=None)
    etag = backend.objects.describe("old").etag
    backend.copies.copy(PayloadRef(key="old", size_bytes=size, etag=etag), "kept")
    backend.objects.put("old", b"!" * size, content_type=None)
    with pytest.raises(ObjectChanged):
        backend.copies.copy(PayloadRef(key="old", size_bytes=size, etag=etag), "new")
    assert backend.objects.read("kept") == pattern(size)
    with pytest.raises(ObjectMissing):
        backend.objects.read("new")
    no_parts(backend)


def test_a_copy_that_takes_too_long_is_given_up_and_leaves_no_parts(backend):
    if backend.name == "memory":
        pytest.skip("a dictionary is never slow")
    size = 11 * 1024 * 1024
    backend.objects.put("old", pattern(size), content_type=None)
    client, bucket = backend.objects._client, backend.objects._bucket
    with ThreadPoolExecutor(1) as executor:
        copies = S3Copies(lambda: client, bucket, executor=executor, part_bytes=size // 2, max_seconds=0)
        with pytest.raises(DependencyError, match="not done within 0 s"):
            copies.copy(PayloadRef(key="old", size_bytes=size), "new")
    no_parts(backend)


def no_parts(backend) -> None:
    if backend.name != "memory":
        client, bucket = backend.objects._client, backend.objects._bucket
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
