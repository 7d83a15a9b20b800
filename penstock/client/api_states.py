"""How APIs and their workers are, as the server says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.client.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """One worker. States are texts: a server may know more of them than this client."""

    id: str
    state: str
    #: RFC 3339.
    since: str | None
    #: Why it stopped; empty while it runs.
    reason: str

    @classmethod
    def of(cls, document: Document) -> WorkerStatus:
        """Read one; raises Malformed."""
        return cls(
            id=document.required("id", str),
            state=document.required("state", str),
            since=document.optional("since", str),
            reason=document.optional("reason", str) or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStatus:
    """One API."""

    name: str
    kind: str
    state: str
    #: What went wrong last; empty if nothing did.
    problem: str
    #: Workers that there should be, and that run; None for a BatchAPI.
    desired: int | None
    running: int | None
    updating: bool
    #: Newest first; empty in a list of APIs.
    workers: Sequence[WorkerStatus]
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> ApiStatus:
        """Read one; raises Malformed."""
        return cls(
            name=document.required("api", str),
            kind=document.required("kind", str),
            state=document.required("state", str),
            problem=document.optional("problem", str) or "",
            desired=document.optional("workers_desired", int),
            running=document.optional("workers_running", int),
            updating=document.members.get("updating") is True,
            workers=[WorkerStatus.of(entry) for entry in document.documents("workers")]
            if "workers" in document.members
            else [],
            document=document.members,
        )


def read_list(document: Document) -> list[ApiStatus]:
    """Read all APIs; raises Malformed."""
    return [ApiStatus.of(entry) for entry in document.documents("apis")]
