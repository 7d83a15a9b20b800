"""Jobs and their parts as DynamoDB items, both ways, and the calls that both stores of jobs make alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.aws import expressions, items
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.commits import FailedBatch, Part, PartKind
from penstock.batch.jobs import Hook, JobRecord, JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.batch.ports import JobApplied, JobRefused
from penstock.batch.tallies import WorkerTally
from penstock.records import Failure
from penstock.transitions import all_hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import ClientError

    from penstock.batch.jobs import JobKey
    from penstock.transitions import Transition

#: What the sort keys of a job's parts begin with.
CHUNK, LANE, COUNT, FAILED, PART = "CHUNK#", "LANE#", "COUNT#", "FAILED#", "PART#"

#: Of a batch's partition: how often it was given back (R7). Its end is the item ``META``.
RELEASES = "RELEASES"

#: A counter of the histogram is an attribute of its own, as ADD goes no deeper: ``h`` and the bucket.
_TIME = re.compile("h([0-9]+)")


def encode(record: JobRecord) -> items.Item:
    """The whole item of a record, with what the listing index needs."""
    found_by = keys.listing_attributes(keys.jobs_of(record.api), record.id, created_ms=record.created_ms)
    return job_key(record.key) | items.texts(found_by) | items.attributes(record)


def decode(item: items.Item) -> JobRecord:
    """The record of an item."""
    fields = items.members(item, JobRecord)
    for name in ("status", "ending"):
        if name in fields:
            fields[name] = JobStatus(fields[name])
    if "hook" in fields:
        fields["hook"] = Hook(**_with_failure(fields["hook"]))
    return JobRecord(**_with_failure(fields))


def job_key(key: JobKey, part: str = "META") -> items.Item:
    """Primary key of a job's item, or of one of its parts."""
    return items.texts(keys.job_item(key, part))


def batch_key(key: JobKey, batch: str, part: str = "META") -> items.Item:
    """Primary key of a batch's item."""
    return items.texts(keys.batch_item(key, batch, part))


def applied(answer: Mapping[str, Any]) -> JobApplied:
    """The answer of an update of a job that took effect."""
    return JobApplied(decode(answer["Attributes"]))


def refused(error: ClientError, transition: Transition) -> JobApplied | JobRefused:
    """The answer of an update of a job whose condition failed; our own effect is success (R10)."""
    record = expressions.found(error, decode)
    return JobApplied(record) if record and all_hold(transition.achieved, record) else JobRefused(record)


def query(table: str, key: JobKey, prefix: str) -> dict[str, Any]:
    """Arguments of ``Query`` for all parts of a job whose sort keys begin so."""
    return {
        "TableName": table,
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :job AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": {":job": job_key(key)["pk"], ":prefix": {"S": prefix}},
    }


def chunk(item: items.Item) -> EnqueuedChunk:
    """A chunk that is enqueued."""
    return EnqueuedChunk(**items.members(item, EnqueuedChunk))


def lane(item: items.Item) -> Lane:
    """A worker lane."""
    fields = items.members(item, Lane)
    if "last_death" in fields:
        fields["last_death"] = Death(fields["last_death"])
    return Lane(**fields)


def tally(item: items.Item) -> WorkerTally:
    """A worker's counters."""
    fields = items.members(item, WorkerTally)
    times = {int(name[1:]): int(value["N"]) for name, value in item.items() if _TIME.fullmatch(name)}
    return WorkerTally(worker=item["sk"]["S"].removeprefix(COUNT), times=times, **fields)


def time_counter(bucket: int) -> str:
    """The attribute of a bucket of the histogram; ``tally`` reads it."""
    return f"h{bucket}"


def failed_batch(item: items.Item) -> FailedBatch:
    """A batch of the list of those that failed."""
    return FailedBatch(**_with_failure(items.members(item, FailedBatch)))


def part(item: items.Item) -> Part:
    """A part with results or errors."""
    fields = items.members(item, Part)
    return Part(**fields | {"kind": PartKind(fields["kind"]), "rejected": tuple(fields["rejected"])})


def _with_failure(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"failure": Failure(**fields["failure"])} if "failure" in fields else fields
