"""How far a plan has come: a function ends after 15 minutes, and another call of it goes on (J15)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from penstock.batch.chunks import Segment, segment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the next call must know. It lies in S3, as it may be larger than what Step Functions takes."""

    #: Number of the chunk at hand; of all chunks, once the plan is complete.
    chunk: int = 0
    #: Which of the source's paths is being listed, and the last key that was seen there. Of a retry, the
    #: last batch.
    path: int = 0
    after: str | None = None
    #: What is in the chunk at hand: segments, or the lines of a list of paths.
    segments: tuple[Segment, ...] = ()
    lines: tuple[str, ...] = ()
    complete: bool = False

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Progress:
        """Read what ``to_json`` wrote."""
        fields = json.loads(text)
        segments = tuple(segment_of(segment) for segment in fields["segments"])
        return cls(**fields | {"segments": segments, "lines": tuple(fields["lines"])})
