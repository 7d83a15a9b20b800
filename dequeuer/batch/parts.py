"""Parts: objects with the lines of some ends, put before those ends are written (J8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dequeuer.batch.bodies import in_memory
from penstock import ids, keys
from penstock.batch import objects
from penstock.batch.commits import Part, PartKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dequeuer.batch.run import Ports
    from penstock.batch.jobs import JobKey


@dataclass(frozen=True, slots=True)
class PutPart:
    """A part that lies in the bucket, and the batches whose lines it has."""

    part: Part
    batches: frozenset[str]

    def without(self, rejected: frozenset[str]) -> Part:
        """As it is to be listed if these batches had been ended before by another."""
        return replace(self.part, rejected=tuple(sorted(rejected & self.batches)))


async def put(kind: PartKind, lines: Mapping[str, bytes], *, job: JobKey, ports: Ports) -> PutPart:
    """Put the lines of these batches, however long that takes to succeed (see ``Patience``)."""
    part_id, body = ids.new_token(), b"".join(lines.values())
    key = keys.job_object(job, objects.part(kind, part_id))
    await ports.patience.call(
        lambda: ports.streams.write(key, in_memory(body).chunks, content_type=objects.LINES),
        action="put_part",
    )
    part = Part(id=part_id, kind=kind, key=key, size_bytes=len(body), lines=len(lines))
    return PutPart(part, frozenset(lines))


def listed(parts: Iterable[PutPart], rejected: frozenset[str]) -> tuple[Part, ...]:
    """Those that have a line that counts."""
    told = (part.without(rejected) for part in parts)
    return tuple(part for part in told if len(part.rejected) < part.lines)
