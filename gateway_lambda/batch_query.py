"""The queries of the routes about jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from gateway_lambda import cursor
from gateway_lambda.list_query import DEFAULT_LIMIT, moment, read_limit, single_values
from penstock.batch.jobs import JobStatus
from penstock.errors import InvalidQuery

if TYPE_CHECKING:
    from penstock.batch.jobs import JobRecord

#: Cortex's way to name a job.
JOB = "jobID"
DRY_RUN = "dryRun"

PARAMETERS = ("status", "created_after", "created_before", "limit", "cursor")
_PAGE_PARAMETERS = ("limit", "cursor")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """What a caller wants to see of an API's jobs; see ``ListQuery``."""

    status: JobStatus | None = None
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    limit: int = DEFAULT_LIMIT
    below: str | None = None
    belongs_to: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, *, api: str) -> JobQuery:
        """Read a URL's query; ``InvalidQuery`` or ``InvalidCursor``."""
        given = single_values(text, PARAMETERS)
        status = _status(given.get("status"))
        after_ms, before_ms = moment(given, "created_after"), moment(given, "created_before")
        belongs_to = ("batch", api, status or "", str(after_ms), str(before_ms))
        return cls(
            status=status,
            created_after_ms=after_ms,
            created_before_ms=before_ms,
            limit=read_limit(given.get("limit", str(DEFAULT_LIMIT))),
            below=cursor.decode(given["cursor"], belongs_to=belongs_to) if "cursor" in given else None,
            belongs_to=belongs_to,
        )

    @property
    def selective(self) -> bool:
        """Whether it passes jobs over."""
        return self.status is not None

    def wants(self, record: JobRecord) -> bool:
        """Whether the filter lets the record through."""
        return self.status is None or record.status is self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedQuery:
    """A page of the batches of a job that failed."""

    limit: int
    #: The batch behind which the list goes on.
    after: str | None
    belongs_to: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, *, api: str, job_id: str) -> FailedQuery:
        """Read a URL's query; ``InvalidQuery`` or ``InvalidCursor``."""
        given = single_values(text, _PAGE_PARAMETERS)
        belongs_to, after = ("failed", api, job_id), None
        if "cursor" in given:
            after = cursor.decode(given["cursor"], belongs_to=belongs_to, form=cursor.BATCH)
        limit = read_limit(given.get("limit", str(DEFAULT_LIMIT)))
        return cls(limit=limit, after=after, belongs_to=belongs_to)


def job_of(text: str) -> str | None:
    """The job that a query names; None if it names none. ``InvalidQuery`` for anything besides it."""
    if JOB not in parse_qs(text, keep_blank_values=True):
        return None
    return single_values(text, (JOB,))[JOB]


def dry_run(text: str) -> bool:
    """Whether a submission is only asked about; ``InvalidQuery``."""
    value = single_values(text, (DRY_RUN,)).get(DRY_RUN, "false")
    if value not in _FLAGS:
        raise InvalidQuery(f"{DRY_RUN} takes true or false.")
    return _FLAGS[value]


def _status(text: str | None) -> JobStatus | None:
    if text is None:
        return None
    try:
        return JobStatus(text)
    except ValueError as error:
        raise InvalidQuery(f"There is no status {text[:64]!r}. Known: {', '.join(JobStatus)}.") from error
