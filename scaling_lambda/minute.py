"""The ticks of one minute: EventBridge calls once a minute, and alarms look every ten seconds."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.ports import Clock
    from scaling_lambda.publisher import Publisher

logger = logging.getLogger(__name__)

TICK_MS = 10_000
TICKS = 6


@dataclass(slots=True)
class Minute:
    """What came of a minute."""

    looks: int = 0
    faults: int = 0
    #: APIs that could not be decided on in at least one look.
    failed: set[str] = field(default_factory=set)


def run(publisher: Publisher, *, clock: Clock, sleep: Callable[[float], None]) -> Minute:
    """Look six times, ten seconds apart. A look that fails is followed by the next one.

    Where memory cannot be read or saved the decisions go on with what there is: a number that does not
    fall for a while is the worst that comes of it.
    """
    minute, began_ms = Minute(), clock()
    _tried(publisher.refresh, minute)
    _tried(publisher.recall, minute)
    for number in range(TICKS):
        sleep(max(0, began_ms + number * TICK_MS - clock()) / 1000)
        try:
            look = publisher.look(ages=number == 0)
        except DependencyError as error:
            minute.faults += 1
            logger.warning("nothing published", extra={"action": "look", "error": str(error)})
            continue
        minute.looks += 1
        minute.failed |= set(look.failed)
    _tried(publisher.keep, minute)
    return minute


def _tried(act: Callable[[], None], minute: Minute) -> None:
    try:
        act()
    except DependencyError as error:
        minute.faults += 1
        logger.warning("not prepared or not kept", extra={"action": "remember", "error": str(error)})
