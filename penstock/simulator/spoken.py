"""Arrivals as one word on the command line, such as ``burst:1000`` or ``poisson:0.5/s,2h``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.simulator.workload import BadArrivals, Burst, Constant, Daily, Listed, Poisson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.simulator.workload import Arrivals

FORMS = (
    "burst:COUNT, constant:RATE/s,TIME, poisson:RATE/s,TIME, daily:PEAK/s,DAYS or csv:FILE; "
    "times such as 90s, 30m, 2h"
)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/([smh])")

#: More than this takes minutes, and is a typing error more often than a wish.
MOST_ARRIVALS = 20_000_000


def arrivals(text: str, *, lines_of: Callable[[str], Iterable[str]]) -> Arrivals:
    """Read the word; ``lines_of`` opens a file. ``BadArrivals`` says what is wrong with it."""
    form, _, rest = text.partition(":")
    match form:
        case "burst" if rest.isdecimal() and 0 < int(rest) <= MOST_ARRIVALS:
            return Burst(count=int(rest))
        case "constant" | "poisson" if "," in rest:
            rate, _, time = rest.partition(",")
            return _steady(form, _per_second(rate), seconds(time))
        case "daily" if "," in rest and rest.partition(",")[2].isdecimal():
            rate, _, days = rest.partition(",")
            return Daily(peak_per_second=_per_second(rate), days=_bounded(_per_second(rate), int(days)))
        case "csv" if rest:
            return Listed.read(lines_of(rest))
        case _:
            raise BadArrivals(f"{text[:80]!r} is none of: {FORMS}")


def seconds(text: str) -> float:
    """A time such as ``90s`` or ``1.5h``; ``BadArrivals`` for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadArrivals(f"{text[:40]!r} is no time such as 90s, 30m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def _per_second(text: str) -> float:
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise BadArrivals(f"{text[:40]!r} is no rate above 0 such as 0.5/s or 20/m")
    return float(match[1]) / _SECONDS[match[2]]


def _steady(form: str, per_second: float, time: float) -> Arrivals:
    if per_second * time > MOST_ARRIVALS:
        raise BadArrivals(f"more than {MOST_ARRIVALS} arrivals: take a lower rate or a shorter time")
    kind = Constant if form == "constant" else Poisson
    return kind(per_second=per_second, seconds=time)


def _bounded(per_second: float, days: int) -> int:
    if not 0 < days * per_second * _SECONDS["d"] <= MOST_ARRIVALS:
        raise BadArrivals(f"no day, or more than {MOST_ARRIVALS} arrivals: take a lower peak or fewer days")
    return days
