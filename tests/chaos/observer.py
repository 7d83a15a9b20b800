"""Reads the table's stream with a client of its own, and takes part in nothing else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

from penstock.aws import items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from typing import Self

    from tests.chaos.chronicle import Chronicle

#: Short: the emulator forgets its streams when it ends, and with them what was not read by then.
POLL_SECONDS = 0.1


class Observer:
    """A thread that reads all shards from their very beginning and tells the chronicle."""

    def __init__(self, client: Any, *, table: str, chronicle: Chronicle) -> None:
        self._client = client
        self._table = table
        self._chronicle = chronicle
        self._stop = threading.Event()
        self._again = threading.Event()
        #: Set by a read that finds nothing new.
        self._idle = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observer")
        self._run: Future[None] | None = None
        #: By shard; None where all of it has been read.
        self._iterators: dict[str, str | None] = {}
        self._known: set[str] = set()

    def __enter__(self) -> Self:
        self._run = self._thread.submit(self._follow)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.shutdown()

    def check(self) -> None:
        """Raise what has ended the thread, if something has."""
        if self._run is not None and self._run.done():
            self._run.result()

    def begin_again(self) -> None:
        """Read from the beginning, passing over what is known: the emulator has a new stream now."""
        self._again.set()

    def catch_up(self, *, within_seconds: float) -> None:
        """Return once all is read that has been written so far."""
        for _ in range(2):  # the first may have been under way already
            self._idle.clear()
            assert self._idle.wait(within_seconds), "the observer does not keep up with the stream"

    def _follow(self) -> None:
        while not self._stop.is_set():
            # It may be away for a while.
            with suppress(NoConnection, HTTPClientError):
                if not self._read():
                    self._idle.set()
            self._stop.wait(POLL_SECONDS)

    def _read(self) -> int:
        """Read once from each shard; return how many events there were."""
        if self._again.is_set():
            self._again.clear()
            self._iterators.clear()
        if all(iterator is None for iterator in self._iterators.values()):
            self._open()
        read = 0
        for shard, iterator in self._iterators.items():
            if iterator is not None:
                answer = self._client.get_records(ShardIterator=iterator)
                for event in answer["Records"]:
                    self._tell(event)
                self._iterators[shard] = answer.get("NextShardIterator")
                read += len(answer["Records"])
        return read

    def _open(self) -> None:
        """Find the shards that are not known yet: all of them, or what they were split into."""
        for stream, shard in self._shards():
            if shard not in self._iterators:
                answer = self._client.get_shard_iterator(
                    StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
                )
                self._iterators[shard] = answer["ShardIterator"]

    def _shards(self) -> Iterator[tuple[str, str]]:
        [stream] = self._client.list_streams(TableName=self._table)["Streams"]
        start: dict[str, str] = {}
        while True:
            described = self._client.describe_stream(StreamArn=stream["StreamArn"], **start)
            for shard in described["StreamDescription"]["Shards"]:
                yield stream["StreamArn"], shard["ShardId"]
            if "LastEvaluatedShardId" not in described["StreamDescription"]:
                return
            start = {"ExclusiveStartShardId": described["StreamDescription"]["LastEvaluatedShardId"]}

    def _tell(self, event: dict[str, Any]) -> None:
        if event["eventID"] in self._known:
            return
        self._known.add(event["eventID"])
        change = event["dynamodb"]
        # Removals are those of the time to live, long after the end; other items are not of requests.
        if "NewImage" in change and change["Keys"]["pk"]["S"].startswith("REQ#"):
            old = items.decode(change["OldImage"]) if "OldImage" in change else None
            self._chronicle.wrote(old, items.decode(change["NewImage"]))
