"""Random ids and tokens that the seed decides."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from penstock import ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.simulation.replay import Script


class Mint:
    """Stands where ``penstock.ids`` has the module ``secrets``."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        #: Set while synchronous code runs: what it was given once it is given again.
        self.script: Script | None = None

    def token_bytes(self, count: int) -> bytes:
        """As in ``secrets``."""
        if self.script is not None:
            return self.script.read(lambda: self._rng.randbytes(count))
        return self._rng.randbytes(count)

    def token_hex(self, count: int) -> str:
        """As in ``secrets``."""
        return self.token_bytes(count).hex()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have all ids made here."""
        with mock.patch.object(ids, "secrets", self):
            yield
