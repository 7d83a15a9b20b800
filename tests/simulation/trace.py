"""What happened, line by line; kept only when somebody will read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.ports import Applied, Delivery, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.records import RequestRecord


class Trace:
    """Lines with their virtual time. ``on`` is asked before a line is made: making it is not free."""

    def __init__(self, clock: Callable[[], float], *, on: bool) -> None:
        self._clock = clock
        self.on = on
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Add a line."""
        if self.on:
            self.lines.append(f"{self._clock():10.3f}  {who:<12} {what}")

    def __str__(self) -> str:
        return "\n".join(self.lines)


def short(token: str | None) -> str:
    """As much of an id or a lease as tells it from others."""
    return "-" if token is None else token[:6]


def told(answer: Any) -> str:
    """What a service answered, as far as it helps to follow a request."""
    match answer:
        case Applied(record):
            return f"applied: {_state(record)}"
        case Refused(None):
            return "refused: no such record"
        case Refused(found):
            return f"refused: {_state(found)}"
        case list():
            return "[" + ", ".join(told(item) for item in answer) + "]"
        case Delivery():
            _, _, request_id = answer.body.rpartition('"id":"')
            return f"{short(request_id)} received {answer.receive_count} times"
        case _:
            return repr(answer)


def _state(record: RequestRecord | None) -> str:
    if record is None:
        return "-"
    failure = f", {record.failure.code}" if record.failure else ""
    return f"{record.status}, attempt {record.attempt}, lease {short(record.lease)}{failure}"
