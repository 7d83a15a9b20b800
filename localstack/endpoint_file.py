"""The file by which the CLI finds a running local stack."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EndpointFile:
    """What a client needs to know of a local stack."""

    url: str
    deployment: str
    aws_endpoint_url: str
    pid: int
    stage: str = "local"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``written`` wrote."""
        return cls(**json.loads(path.read_text()))

    @contextmanager
    def written(self, path: Path) -> Iterator[None]:
        """Keep the file while the stack runs."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        # At once, as a CLI may look at any time.
        partial.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
