"""From items to batches, with ids that depend on nothing but the input (J3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.batch.items import InputFault
from penstock.batch.job_ids import batch_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Largest body of a batch: it is held in memory, here and by the worker.
MOST_BODY_BYTES = 32 << 20


class Batch(NamedTuple):
    """Some items, as the container gets them."""

    id: str
    items: int
    #: A JSON array.
    body: str


def batches(chunk: int, items: Iterable[str], *, size: int) -> Iterator[Batch]:
    """The chunk's items, ``size`` in a batch, the last one with what is left.

    ``InputFault`` if a batch becomes larger than one may be.
    """
    number = length = 0
    gathered: list[str] = []
    for item in items:
        gathered.append(item)
        length += len(item) + 1
        if length > MOST_BODY_BYTES:
            raise too_large(len(gathered))
        if len(gathered) == size:
            yield Batch(batch_id(chunk, number), size, f"[{','.join(gathered)}]")
            gathered, length, number = [], 0, number + 1
    if gathered:
        yield Batch(batch_id(chunk, number), len(gathered), f"[{','.join(gathered)}]")


def too_large(items: int) -> InputFault:
    """What is told of a batch that is too large."""
    return InputFault(
        "batch_too_large",
        f"{items} items of a batch have more than {MOST_BODY_BYTES} bytes; make batch_size smaller",
    )
