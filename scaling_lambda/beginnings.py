"""How an API's number of tasks begins: at ``init_replicas``, once.

A service is made with one task, and no deployment writes its desired count. So the first number is asked
for here, like any other. That it has been reached is known from the history, which is kept only then:
what is lost before, with a function that ends, is begun again, and what comes after never is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Beginnings:
    """Which APIs have had their first number of tasks."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._known = False

    def recall(self, remembered: Iterable[str]) -> None:
        """APIs of which there is a history have begun, and others have not."""
        self._begun |= set(remembered)
        self._known = True

    def fewest(self, api: str, *, init_replicas: int, desired: int) -> int:
        """The number that an API's tasks may not fall short of for now, besides its minimum.

        Without memory it is not known whether an API has begun; then it has.
        """
        if not self._known or api in self._begun:
            return 0
        if desired >= init_replicas:
            self._begun.add(api)
        return init_replicas

    def kept(self, api: str) -> bool:
        """Whether its history is to be kept."""
        return api in self._begun
