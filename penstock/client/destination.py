"""A file that is complete or not there: half a download must never look like a result."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from penstock.ids import new_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write; it takes the path's place if no error leaves the block. Raises OSError."""
    # Through a link: the caller wants the file behind it changed, not the link replaced.
    try:
        target = path.resolve()
    except RuntimeError as error:  # what Python before 3.13 says to links that lead in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
    if target.exists() and not target.is_file():
        # A device or a pipe is written to; a folder refuses that with the right error.
        with target.open("wb") as file:
            yield file
        return
    # Not named after the target, whose own name may already be as long as a name can be.
    partial = target.with_name(f".penstock-{new_token()}.part")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
