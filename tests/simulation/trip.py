"""One call under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.simulation.faults import Fault
    from tests.simulation.loop import Process
    from tests.simulation.points import Point


class Unsettled:
    """What a service returns that will answer later, by calling ``answer``: a long poll."""

    def __init__(self) -> None:
        self.answer: Callable[[Any], None] = lambda _value: None


class Trip:
    """A call, from whom to where, and what will happen to it."""

    __slots__ = ("answer", "arrived", "fault", "leg", "perform", "point", "process", "service", "subject")

    def __init__(
        self,
        point: Point,
        process: Process,
        service: str,
        subject: str,
        perform: Callable[[], Any],
        fault: Fault | None,
        answer: asyncio.Future[Any],
    ) -> None:
        self.point = point
        self.process = process
        self.service = service
        self.subject = subject
        self.perform = perform
        self.fault = fault
        self.answer = answer
        self.arrived = False
        self.leg: asyncio.Handle | None = None
