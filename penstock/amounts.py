"""How many of something, in words."""

from __future__ import annotations


def amount(number: int, one: str, many: str | None = None) -> str:
    """Such as ``1 batch`` or ``2,000 batches``; ``many`` where an s is not enough."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
