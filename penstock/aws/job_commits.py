"""Ends of batches as one transaction, and what its cancellation says (J1, J2, R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.aws import items, job_items
from penstock.aws.expressions import Placeholders
from penstock.aws.faults import code_of
from penstock.batch.commits import MOST_WRITES, FailedBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.exceptions import ClientError

    from penstock.batch.commits import Commit, FinishedBatch, Part

#: Waits before the transaction is tried again: another one was at one of its items, or DynamoDB was busy.
#: Its token makes that safe.
PAUSES_SECONDS = (0.05, 0.1, 0.2)

_CANCELED = "TransactionCanceledException"
_CONDITION_FAILED = "ConditionalCheckFailed"
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


def arguments(table: str, commit: Commit) -> dict[str, Any]:
    """Arguments of ``TransactWriteItems``; the batches come first, as ``known`` expects them."""
    writes = [
        *(_put(table, _ended(commit, batch), once=True) for batch in commit.batches),
        *(_put(table, _listed(commit, batch)) for batch in commit.batches if batch.failure),
        *(_put(table, _part(commit, part)) for part in commit.parts),
        {"Update": _counted(table, commit)},
    ]
    if len(writes) > MOST_WRITES:
        raise ValueError(f"a commit of {len(writes)} writes does not fit into a transaction")
    return {"TransactItems": writes}


def known(error: ClientError, commit: Commit) -> frozenset[str] | None:
    """The batches that another had ended before; empty if it was an earlier try of this very commit.

    None if the error says nothing of that.
    """
    reasons = _reasons(error)
    tokens = {
        batch.id: reason["Item"]["token"]["S"]
        for batch, reason in zip(commit.batches, reasons, strict=False)
        if reason["Code"] == _CONDITION_FAILED
    }
    if not tokens:
        return None
    # All or none was written, so one batch with our token stands for all.
    return frozenset() if commit.token in tokens.values() else frozenset(tokens)


def passing(error: ClientError) -> bool:
    """Whether the transaction was cancelled for a reason that passes."""
    return any(reason["Code"] in _PASSING for reason in _reasons(error))


def _reasons(error: ClientError) -> Sequence[Mapping[str, Any]]:
    return error.response["CancellationReasons"] if code_of(error) == _CANCELED else ()


def _put(table: str, item: items.Item, *, once: bool = False) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": table, "Item": item}
    if once:
        put["ConditionExpression"] = "attribute_not_exists(pk)"
        put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {"Put": put}


def _ended(commit: Commit, batch: FinishedBatch) -> items.Item:
    values = items.attributes(batch) | _kept(commit) | {"token": items.attribute(commit.token)}
    return job_items.batch_key(commit.key, batch.id) | values


def _listed(commit: Commit, batch: FinishedBatch) -> items.Item:
    listed = items.attributes(FailedBatch.of(batch))
    return job_items.job_key(commit.key, f"{job_items.FAILED}{batch.id}") | listed | _kept(commit)


def _part(commit: Commit, part: Part) -> items.Item:
    stored = items.attributes(part)
    return job_items.job_key(commit.key, f"{job_items.PART}{part.id}") | stored | _kept(commit)


def _kept(commit: Commit) -> items.Item:
    return {"expires_at": items.attribute(commit.expires_at)}


def _counted(table: str, commit: Commit) -> dict[str, Any]:
    placeholders = Placeholders()
    name, value = placeholders.name, placeholders.value
    counts = {
        "succeeded": commit.succeeded,
        "failed": commit.failed,
        "attempts": commit.attempts,
        "busy_ms": commit.busy_ms,
        **{job_items.time_counter(bucket): count for bucket, count in commit.times.items()},
    }
    added = ", ".join(f"{name(counter)} {value(count)}" for counter, count in counts.items())
    return {
        "TableName": table,
        "Key": job_items.job_key(commit.key, f"{job_items.COUNT}{commit.worker}"),
        "UpdateExpression": f"SET expires_at = {value(commit.expires_at)} ADD {added}",
        "ExpressionAttributeNames": placeholders.names,
        "ExpressionAttributeValues": placeholders.values,
    }
