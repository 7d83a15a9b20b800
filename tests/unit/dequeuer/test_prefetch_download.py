"""Downloads from a store that breaks off, into a real folder."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import PurePosixPath

import pytest

from dequeuer.prefetch.bucket import BrokeOff
from dequeuer.prefetch.disk import SharedFolder
from dequeuer.prefetch.download import STREAMS, Download
from dequeuer.prefetch.faults import Broken, Changed, NoRoom, Unusable
from dequeuer.prefetch.plan import RANGE_BYTES, File

PIECE = 1024 * 1024


class Store:
    """Objects whose every byte tells its place; reading them fails as it is told."""

    def __init__(self) -> None:
        #: After how many bytes each of the next reads of an object breaks off.
        self.breaks: dict[str, list[int]] = {}
        self.gone: set[str] = set()
        self.reads: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        #: What the stores's own reading has to wait for.
        self.gate = asyncio.Event()
        self.gate.set()
        self.full = asyncio.Event()

    @staticmethod
    def body(first: int, last: int) -> bytes:
        """No two places that could be taken for each other have the same bytes: 251 is a prime."""
        pattern = bytes(range(251))
        return (pattern * ((last - first) // 251 + 2))[first % 251 : first % 251 + last - first + 1]

    async def read(self, part, *, skipped):
        key = part.file.key
        self.reads[key] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once == STREAMS:
            self.full.set()
        try:
            await self.gate.wait()
            if key in self.gone:
                raise Changed(f"{key} was replaced")
            breaks = self.breaks.get(key, [])
            left = breaks.pop(0) if breaks else part.last + 1
            for first in range(part.first + skipped, part.last + 1, PIECE):
                if left <= 0:
                    raise BrokeOff("the other side hung up")
                piece = self.body(first, min(first + PIECE - 1, part.last))[:left]
                left -= len(piece)
                yield piece
                if len(piece) < min(PIECE, part.last - first + 1):
                    raise BrokeOff("the other side hung up")
        finally:
            self.at_once -= 1


def file(key: str, size: int, path: str = "") -> File:
    return File(path=PurePosixPath(path or key), bucket="b", key=key, size_bytes=size, etag="e")


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def download(store, tmp_path):
    return Download(store, SharedFolder(tmp_path), clock=lambda: 0.0, pause_seconds=0)


async def test_files_of_any_size_arrive_byte_for_byte_in_their_folders(store, download, tmp_path):
    sizes = {"empty": 0, "a/one": 1, "a/b/range": RANGE_BYTES, "more": RANGE_BYTES + 5}

    await download.run([file(key, size) for key, size in sizes.items()])

    for key, size in sizes.items():
        assert (tmp_path / key).read_bytes() == store.body(0, size - 1)[:size]
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "a", "more"}


async def test_anybody_may_read_what_was_downloaded(download, tmp_path):
    await download.run([file("a/b", 3)])
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "a").stat().st_mode & 0o005 == 0o005


async def test_ranges_are_read_in_parallel_and_no_more_than_there_are_streams(store, download):
    store.gate.clear()
    running = asyncio.create_task(download.run([file(str(number), 10) for number in range(3 * STREAMS)]))
    await store.full.wait()
    store.gate.set()
    await running

    assert store.most_at_once == STREAMS


async def test_a_range_that_breaks_off_goes_on_where_it_was(store, download, tmp_path):
    store.breaks["a"] = [PIECE + 3, 0, 2 * PIECE]

    await download.run([file("a", 5 * PIECE)])

    assert (tmp_path / "a").read_bytes() == store.body(0, 5 * PIECE - 1)
    assert store.reads["a"] == 4


async def test_a_range_that_never_comes_is_given_up_and_leaves_nothing(store, download, tmp_path):
    store.breaks["a"] = [0] * 100

    with pytest.raises(Broken, match="s3://b/a: the connection breaks off again and again"):
        await download.run([file("a", 5), file("b", 5)])

    assert store.reads["a"] == 6
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / ".prefetch").exists()


async def test_a_file_is_there_whole_or_not_at_all(store, download, tmp_path):
    store.gone.add("changed")

    with pytest.raises(Changed, match="was replaced"):
        await download.run([file("first", 5), file("changed", 5)])

    assert not (tmp_path / "changed").exists()
    assert all(path.stat().st_size == 5 for path in tmp_path.iterdir())


async def test_what_does_not_fit_on_the_disk_is_not_begun(store, download, tmp_path):
    with pytest.raises(NoRoom, match=r"10\d+ bytes are needed and \d+ are free. pod.ephemeral_storage"):
        await download.run([file("a", 10**18)])

    assert not store.reads
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_written_to_is_named(store, tmp_path):
    (tmp_path / "mnt").write_text("a file")
    with pytest.raises(Unusable, match="cannot write to"):
        await Download(store, SharedFolder(tmp_path / "mnt"), clock=lambda: 0.0).run([file("a", 1)])


async def test_the_end_tells_how_much_came_and_how_fast(store, tmp_path, caplog):
    caplog.set_level("INFO", logger="dequeuer.prefetch")
    moments = iter([0.0, 2.0])

    await Download(store, SharedFolder(tmp_path), clock=lambda: next(moments)).run([file("a", 4_000_000)])

    [record] = [record for record in caplog.records if record.message == "prefetched"]
    assert (record.files, record.total_bytes, record.done_bytes) == (1, 4_000_000, 4_000_000)
    assert (record.seconds, record.megabytes_per_second) == (2.0, 2.0)
