"""Where things lie in S3 and DynamoDB."""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime

from penstock.batch.jobs import JobKey
from penstock.records import RequestKey

PAYLOADS = "payloads"
RESULTS = "results"
#: Messages that no gateway wrote, for somebody to look at.
MALFORMED = "malformed"
#: Everything that belongs to batch jobs.
JOBS = "jobs"
#: Start of the last part of an upload's key; those of other payloads are hexadecimal.
UPLOAD = "upload-"

#: Start of the partition keys of API keys' items; the authorizer may read no others.
API_KEYS = "KEY#"

#: Index of all requests by the time they were made, a partition per API, day and shard.
LISTING_INDEX = "listing"
#: Index of the requests that have not ended, by the time they are due, a partition per API and shard.
OPEN_INDEX = "open"

#: Room of the callers who wait.
WAITING_ROOM = "WAIT"

#: Partitions for what one would do: one key of an index takes about 1,000 writes a second, and
#: more than that would throttle the table itself.
SHARDS = 8


def payload(key: RequestKey, *, nonce: str) -> str:
    """S3 key of a payload; the nonce keeps a replay from overwriting the live one (R3)."""
    return f"{PAYLOADS}/{key.api}/{key.id}/{nonce}"


def upload(key: RequestKey, *, nonce: str) -> str:
    """S3 key of a payload that its caller uploads."""
    return f"{PAYLOADS}/{key.api}/{key.id}/{UPLOAD}{nonce}"


def result(key: RequestKey, *, lease: str) -> str:
    """S3 key of an attempt's result; the lease keeps a fenced upload off the winner's (R9)."""
    return f"{RESULTS}/{key.api}/{key.id}/{lease}"


def malformed(api: str, *, message_id: str) -> str:
    """S3 key of what stood in a message of the API's queue that was none of ours."""
    return f"{MALFORMED}/{api}/{message_id}"


def request_item(key: RequestKey) -> dict[str, str]:
    """Primary key of a request's item."""
    return {"pk": f"REQ#{key.api}#{key.id}", "sk": "META"}


def request_of(item: str) -> RequestKey:
    """The request whose item has this partition key."""
    _, api, request_id = item.split("#")
    return RequestKey(api=api, id=request_id)


def job_object(key: JobKey, name: str) -> str:
    """S3 key of something of a job's; see ``penstock.batch.objects`` for the names."""
    return f"{JOBS}/{key.api}/{key.id}/{name}"


def job_item(key: JobKey, part: str = "META") -> dict[str, str]:
    """Primary key of a job's item, or of one of its parts, such as ``CHUNK#7``."""
    return {"pk": f"JOB#{key.api}#{key.id}", "sk": part}


def job_of(item: str) -> JobKey:
    """The job whose item has this partition key."""
    _, api, job_id = item.split("#")
    return JobKey(api=api, id=job_id)


def batch_item(key: JobKey, batch: str, part: str = "META") -> dict[str, str]:
    """Primary key of a batch's item: a partition each, so that they spread (J2)."""
    return {"pk": f"BATCH#{key.api}#{key.id}#{batch}", "sk": part}


def idempotency_item(api: str, key_hash: str) -> dict[str, str]:
    """Primary key of what an Idempotency-Key stands for among an API's jobs (J13)."""
    return {"pk": f"IDEM#{api}#{key_hash}", "sk": "META"}


def jobs_of(api: str) -> str:
    """What stands for the jobs of an API in the listing index, in place of its name."""
    return f"job#{api}"


def api_key_item(digest: str) -> dict[str, str]:
    """Primary key of an API key's item, by the hash of its secret."""
    return {"pk": f"{API_KEYS}{digest}", "sk": "META"}


def scaling_item(api: str) -> dict[str, str]:
    """Primary key of what the scaling decision remembers of an API."""
    return {"pk": f"SCALING#{api}", "sk": "META"}


def slot_item(room: str, slot: int) -> dict[str, str]:
    """Primary key of one of the slots of a room."""
    return {"pk": f"{room}#{slot}", "sk": "META"}


def host_room(lane: str, host: str) -> str:
    """The room of the calls that one lane makes to one host."""
    return f"CALLS#{lane}#{host}"


def host_item(host: str) -> dict[str, str]:
    """Primary key of what is known of a receiving host."""
    return {"pk": f"HOST#{host}", "sk": "META"}


def endpoint_item(api: str, url: str) -> dict[str, str]:
    """Primary key of what one receiver of one API asked for; URLs are hashed, as they may be long."""
    return {"pk": f"ENDPOINT#{api}#{hashlib.sha256(url.encode()).hexdigest()}", "sk": "META"}


def delivery_item(event_id: str, target: str) -> dict[str, str]:
    """Primary key of a delivery; all of an event are found together."""
    return {"pk": f"HOOK#{event_id}", "sk": target}


def deliveries_of(api: str) -> str:
    """What stands for the deliveries of an API in the listing index, in place of its name."""
    return f"hook#{api}"


def index_attributes(key: RequestKey, *, created_ms: int) -> dict[str, str]:
    """What puts a request's item into both indexes; ``due_ms`` comes with the record.

    An item is in an index only while it has both keys of it, so the end of ``due_ms`` is the end
    of the entry in the open one.
    """
    return {
        **listing_attributes(key.api, key.id, created_ms=created_ms),
        "open_pk": open_partition(key.api, shard_of(key.id)),
    }


def listing_attributes(owner: str, subject: str, *, created_ms: int) -> dict[str, str]:
    """What puts an item into the listing index: a request of an API's, or what else ``owner`` stands for."""
    return {
        "listing_pk": listing_partition(owner, day_of(created_ms), shard_of(subject)),
        "listing_sk": position(created_ms, subject),
    }


def listing_partition(api: str, day: str, shard: int) -> str:
    """The requests of one API that were made on one day, one shard of them."""
    return f"{api}#{day}#{shard}"


def open_partition(api: str, shard: int) -> str:
    """The requests of one API that have not ended, one shard of them."""
    return f"open#{api}#{shard}"


def shard_of(request_id: str) -> int:
    """Which shard a request is in: ids are random or hashes, so all fill alike."""
    return zlib.crc32(request_id.encode()) % SHARDS


def day_of(ms: int) -> str:
    """The UTC day of a moment, such as ``2026-10-01``."""
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def position(created_ms: int, request_id: str = "") -> str:
    """Where a request stands among all of its API, as text that sorts by time.

    The id keeps requests of the same millisecond apart. Without it, the position before them all.
    """
    return f"{created_ms:013d}#{request_id}"


def moment_of(position: str) -> tuple[int, str]:
    """Time and id of a position."""
    created, _, request_id = position.partition("#")
    return int(created), request_id
