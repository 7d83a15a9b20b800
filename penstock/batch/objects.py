"""Names of a job's objects in S3, below ``keys.job_object``."""

from __future__ import annotations

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


def chunk(index: int) -> str:
    """A chunk's description."""
    return f"chunks/{index}.json"


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
