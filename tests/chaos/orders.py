"""What a run sends: payloads, and what the container does with each attempt; all of it from one seed."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

APIS = ("left", "right")

#: What a server does, by how often: in a hundred orders, that of the first attempt.
_MOODS = {"crash": 2, "hang": 4, "garbage": 6, "half": 6, "error": 6, "busy": 6}
_BAD_IN_A_HUNDRED = sum(_MOODS.values())
#: A bad attempt is followed by another one this often.
_BAD_AGAIN = 0.2
#: One in so many is refused for good.
_REFUSED_ONE_IN = 250
_SENT_TWICE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request, and what must come of it."""

    key: str
    api: str
    body: bytes
    work_seconds: float
    #: By attempt; when they are over, the server does its work.
    moods: tuple[str, ...]
    #: Whether the container refuses it for good, so that the request must fail.
    refused: bool
    #: Whether its caller sends it again although it was accepted.
    twice: bool

    @property
    def query(self) -> list[tuple[str, str]]:
        """What tells the server all this."""
        query = [("work", f"{self.work_seconds:.2f}"), ("moods", ",".join(self.moods))]
        return [*query, ("refuse", "1")] if self.refused else query

    @property
    def digest(self) -> str:
        """The right result."""
        return hashlib.sha256(self.body).hexdigest()


def orders(count: int, *, seed: int) -> list[Order]:
    """The orders of a run."""
    chance = random.Random(seed)
    return [_order(chance, seed=seed, number=number) for number in range(count)]


def _order(chance: random.Random, *, seed: int, number: int) -> Order:
    size = chance.choice((0, 1, 1_000, 20_000, chance.randrange(200_000)))
    return Order(
        key=f"chaos-{seed}-{number}",
        api=chance.choice(APIS),
        body=chance.randbytes(size),
        work_seconds=chance.uniform(0.02, 0.6),
        moods=_moods(chance),
        refused=number % _REFUSED_ONE_IN == _REFUSED_ONE_IN // 5,
        twice=chance.random() < _SENT_TWICE,
    )


def _moods(chance: random.Random) -> tuple[str, ...]:
    moods: list[str] = []
    likely = _BAD_IN_A_HUNDRED / 100
    while chance.random() < likely:
        moods += chance.choices(list(_MOODS), weights=list(_MOODS.values()))
        likely = _BAD_AGAIN
    return tuple(moods)
