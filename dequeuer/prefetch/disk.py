"""The shared folder: files appear in it whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.prefetch.faults import NoRoom, Unusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dequeuer.prefetch.plan import File

#: Where files grow. Keys that begin like this are nobody's.
_STAGING = ".prefetch"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

#: Anybody may read, as the user's containers may run as anybody.
_FILE_MODE = 0o644


@dataclass(slots=True)
class Growing:
    """A file on its way."""

    file: File
    staged: Path
    descriptor: int


class SharedFolder:
    """Opens, fills and finishes files below one folder. Each method may raise ``NoRoom`` or ``Unusable``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened = 0

    @contextmanager
    def staging(self) -> Iterator[None]:
        """Have a place for files on their way; nothing of it is left."""
        with _translated(self._root):
            (self._root / _STAGING).mkdir(parents=True, exist_ok=True)
        try:
            yield
        finally:
            shutil.rmtree(self._root / _STAGING, ignore_errors=True)

    def check_room(self, needed_bytes: int) -> None:
        """Nothing is begun that cannot be finished."""
        with _translated(self._root):
            free = shutil.disk_usage(self._root).free
        if needed_bytes > free:
            raise NoRoom(_too_small(self._root, f"{needed_bytes} bytes are needed and {free} are free"))

    def begin(self, file: File) -> Growing:
        """Open a new file that nobody sees yet."""
        self._opened += 1
        staged = self._root / _STAGING / str(self._opened)
        with _translated(self._root):
            return Growing(file, staged, os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE))

    def write(self, growing: Growing, piece: bytes, offset: int) -> None:
        """Write all of a piece."""
        view = memoryview(piece)
        with _translated(self._root):
            while view:
                written = os.pwrite(growing.descriptor, view, offset)
                view, offset = view[written:], offset + written

    def finish(self, growing: Growing) -> None:
        """Have the file where it belongs, with the size it must have."""
        with _translated(self._root):
            size = os.fstat(growing.descriptor).st_size
            os.close(growing.descriptor)
            if size != growing.file.size_bytes:
                raise Unusable(f"{growing.file} came as {size} bytes instead of {growing.file.size_bytes}")
            target = self._root / growing.file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            growing.staged.replace(target)


@contextmanager
def _translated(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoom(_too_small(root, str(error))) from error
        raise Unusable(f"cannot write to {root}: {error}") from error


def _too_small(root: Path, why: str) -> str:
    return (
        f"the disk of {root} is too small: {why}. pod.ephemeral_storage gives a task on Fargate more, "
        "capacity.disk one on instances"
    )
