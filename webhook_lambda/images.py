"""Which changes of the table are told of: ends of requests, starts and ends of jobs (N1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock import records
from penstock.batch import jobs
from penstock.webhooks.events import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ENDED = frozenset(status.value for status in records.TERMINAL)
_JOB_ENDED = frozenset(status.value for status in jobs.TERMINAL)


@dataclass(frozen=True, slots=True)
class _Step:
    """A change of an item's status that is told of.

    Not a removal by time to live, and not what a restored backup brings: those are no changes of an item.
    """

    kind: Kind
    #: How the partition keys of such items begin. A job's parts lie beside it, but have no status.
    prefix: str
    #: Statuses before; None for all that are not among those after.
    before: frozenset[str] | None
    after: frozenset[str]

    def made_by(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        before, after = _status(old), _status(new)
        if before is None or after not in self.after or not new["pk"]["S"].startswith(self.prefix):
            return False
        return before not in self.after if self.before is None else before in self.before

    def pattern(self) -> dict[str, Any]:
        after = sorted(self.after)
        before = [{"anything-but": after}] if self.before is None else sorted(self.before)
        return {
            "eventName": ["MODIFY"],
            "dynamodb": {
                "NewImage": {"pk": {"S": [{"prefix": self.prefix}]}, "status": {"S": after}},
                "OldImage": {"status": {"S": before}},
            },
        }


_STEPS = (
    _Step(Kind.REQUEST, "REQ#", None, _ENDED),
    _Step(Kind.JOB, "JOB#", None, _JOB_ENDED),
    _Step(
        Kind.JOB,
        "JOB#",
        frozenset({jobs.JobStatus.PENDING.value}),
        frozenset({jobs.JobStatus.ENQUEUING.value}),
    ),
)


@dataclass(frozen=True, slots=True)
class News:
    """The item of what has just started or ended, as it is stored."""

    kind: Kind
    item: dict[str, Any]


def news_in(change: Mapping[str, Any]) -> News | None:
    """What a change of the stream tells of; None for most of them."""
    if change["eventName"] != "MODIFY":
        return None
    old, new = change["dynamodb"]["OldImage"], change["dynamodb"]["NewImage"]
    return next((News(step.kind, dict(new)) for step in _STEPS if step.made_by(old, new)), None)


def stream_filters() -> Sequence[dict[str, Any]]:
    """The same as Lambda's filters, one of which must match, so that it is not invoked for all else."""
    return [step.pattern() for step in _STEPS]


def _status(image: Mapping[str, Any]) -> str | None:
    status: str | None = image.get("status", {}).get("S")
    return status
