"""Messages in as few calls as SQS takes them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

#: What SQS takes in one call, in messages and in bytes of all of them.
_MOST_MESSAGES = 10
_MOST_BYTES = 1 << 20


def packed(messages: Iterable[T], size_bytes: Callable[[T], int]) -> Iterator[list[T]]:
    """Messages for one call each, in their order."""
    call: list[T] = []
    size = 0
    for message in messages:
        length = size_bytes(message)
        if call and (len(call) == _MOST_MESSAGES or size + length > _MOST_BYTES):
            yield call
            call, size = [], 0
        call.append(message)
        size += length
    if call:
        yield call
