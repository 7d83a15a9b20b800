"""Names of a job's objects in S3, below ``keys.job_object``."""

from __future__ import annotations

#: Content type of what has a line of JSON for each of something.
LINES = "application/jsonl"

#: The submission, without the items of a list (``JobSpec``).
SPEC = "spec.json"
#: Items of a list, or the paths of a file_path_lister, a line of JSON each.
ITEMS = "items.jsonl"
#: A line for each chunk, for the Distributed Map that enqueues: ``{"chunk": 0}``.
CHUNKS = "chunks.jsonl"
#: A line for each worker lane, for the Distributed Map that runs workers: ``{"lane": 0}``.
LANES = "lanes.jsonl"
#: What the results' and errors' parts are, a line each (J8).
MANIFEST = "manifest.jsonl"
#: How far the failed batches were sent to the caller's dead-letter queue: the last one's id.
REPORTED = "reported"


def chunk(index: int) -> str:
    """A chunk's description."""
    return f"chunks/{index}.json"


def plan(nonce: str) -> str:
    """How far the plan has come; each call of the function writes its own, which none overwrites."""
    return f"plan/{nonce}.json"


def paths(number: int) -> str:
    """Some of the paths of a file_path_lister, a line of JSON each."""
    return f"paths/{number}.jsonl"


def body(batch: str) -> str:
    """The body of a batch that does not travel in its message."""
    return f"bodies/{batch}.json"


def failed(batch: str) -> str:
    """The body of a batch that failed (J7)."""
    return f"failed/{batch}.json"


def part(kind: str, part_id: str) -> str:
    """A part with results or errors."""
    return f"{kind}/{part_id}.jsonl"


def large(batch: str, token: str) -> str:
    """An answer that is too large for a line of a part; the token keeps two workers' answers apart."""
    return f"results/large/{batch}-{token}"
