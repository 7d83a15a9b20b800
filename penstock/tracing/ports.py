"""What the parts ask of a tracer; unless a deployment says where traces go, there are none."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

EMPTY: Mapping[str, str | int] = MappingProxyType({})

#: Header, and name in OpenTelemetry, of a span's place in its trace (W3C Trace Context).
TRACEPARENT = "traceparent"


class Kind(StrEnum):
    """What a span is to the one before it, in OpenTelemetry's words."""

    #: Answers a call from outside.
    SERVER = "server"
    #: Works off what was put into a queue.
    CONSUMER = "consumer"
    #: Calls somebody.
    CLIENT = "client"


class Span(Protocol):
    """Something that takes time."""

    @property
    def context(self) -> str | None:
        """Its place as ``traceparent``, for what it leads to; None if nothing is traced."""

    def note(self, **values: str | int) -> None:
        """Add what is known of it only now."""

    def fail(self, reason: str) -> None:
        """Mark it as failed."""


class Tracer(Protocol):
    """Makes spans. None of it ever raises, or waits for those who collect them."""

    def span(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        link: str | None = None,
        about: Mapping[str, str | int] = EMPTY,
    ) -> AbstractContextManager[Span]:
        """A span as long as the context; ``{"api": "x"}`` becomes the attribute ``penstock.api``.

        ``parent`` and ``link`` are contexts of other spans, perhaps of other processes; without a parent a
        trace begins. One that cannot be read counts as none.
        """

    def flush(self) -> None:
        """Send what has ended, before a process sleeps or ends. Takes 2 seconds at most."""


class _NoSpan:
    context = None

    def note(self, **values: str | int) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


class _Off:
    @contextmanager
    def span(
        self,
        name: str,  # noqa: ARG002 - the port's names, of which nothing is kept
        kind: Kind,  # noqa: ARG002
        *,
        parent: str | None = None,  # noqa: ARG002
        link: str | None = None,  # noqa: ARG002
        about: Mapping[str, str | int] = EMPTY,  # noqa: ARG002
    ) -> Iterator[Span]:
        yield _NoSpan()

    def flush(self) -> None:
        pass


#: Traces nothing, and keeps nothing of what callers trace.
OFF: Tracer = _Off()
