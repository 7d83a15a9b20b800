"""The manifest: which parts hold a job's results and errors, and which of their lines count (J8)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.batch.commits import Part
    from penstock.batch.jobs import JobRecord
    from penstock.batch.ports import JobParts
    from penstock.ports import Objects


def store(record: JobRecord, *, parts: JobParts, bodies: Objects) -> None:
    """Write the manifest of a job that keeps results, for whoever ends it in place of a worker."""
    if record.results:
        bodies.put(
            keys.job_object(record.key, objects.MANIFEST),
            manifest(parts.parts(record.key)),
            content_type=objects.LINES,
        )


def manifest(parts: Iterable[Part]) -> bytes:
    """A line of JSON for each part with a line that counts, in an order that does not depend on theirs.

    Written again, also by another, it is the same as long as no part was added.
    """
    counting = (part for part in parts if part.lines > len(part.rejected))
    ordered = sorted(counting, key=lambda part: (part.kind, part.id))
    return "".join(f"{_line(part)}\n" for part in ordered).encode()


def _line(part: Part) -> str:
    told: dict[str, object] = {
        "kind": part.kind,
        "key": part.key,
        # Of the object; those of rejected batches are among them.
        "lines": part.lines,
        "size_bytes": part.size_bytes,
    }
    if part.rejected:
        told["rejected"] = sorted(part.rejected)
    return json.dumps(told, separators=(",", ":"))
