"""A dictionary whose every change is shown to those who hold the rules."""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class Watched(UserDict[K, V]):
    """``on_change`` sees key, old value and new value; None stands for absence."""

    on_change: Callable[[K, V | None, V | None], None]

    def __setitem__(self, key: K, value: V) -> None:
        old = self.data.get(key)
        self.data[key] = value
        self.on_change(key, old, value)

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]  # as the base class does it
        # The base class would change the data behind our back.
        self.update(other)
        return self

    def __delitem__(self, key: K) -> None:
        old = self.data.pop(key)
        self.on_change(key, old, None)
