"""A dictionary whose every change is shown to those who hold the rules."""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class Watched(UserDict[K, V]):
    """``on_change`` sees key, old value and new value; None stands for absence."""

    def __init__(self, on_change: Callable[[K, V | None, V | None], None]) -> None:
        super().__init__()
        self._on_change = on_change

    def __setitem__(self, key: K, value: V) -> None:
        old = self.data.get(key)
        self.data[key] = value
        self._on_change(key, old, value)

    def __delitem__(self, key: K) -> None:
        old = self.data.pop(key)
        self._on_change(key, old, None)
