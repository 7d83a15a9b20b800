"""The folder that holds everything a local stack writes, and the lock that one process holds on it."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.errors import AlreadyRunning

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

DEFAULT_STATE_DIR = Path(".penstock/local")


@dataclass(frozen=True, slots=True)
class State:
    """Paths below one state directory."""

    root: Path

    @property
    def emulator(self) -> Path:
        """What the emulator keeps: its services' state, S3 objects, and its temporary files."""
        return self.root / "emulator"

    @property
    def logs(self) -> Path:
        """One log per process, in a folder per API, and those of the emulator and of cdk."""
        return self.root / "logs"

    @property
    def shared(self) -> Path:
        """A folder for each task whose containers share one, while it runs."""
        return self.root / "mnt"

    @property
    def cdk(self) -> Path:
        """Cloud assembly, outputs and caches of the CDK command line."""
        return self.root / "cdk"

    @property
    def lock(self) -> Path:
        """Locked while a stack runs; holds the pid of the process to stop."""
        return self.root / "lock"

    @property
    def port(self) -> Path:
        """The emulator's port, which is part of the queue URLs within the state."""
        return self.root / "port"

    @property
    def endpoint(self) -> Path:
        """Where the CLI finds a running stack: beside the state directory, so ``.penstock/`` by default."""
        return self.root.parent / "endpoint.json"

    @property
    def _unsaved(self) -> Path:
        return self.root / "unsaved"

    def create(self) -> None:
        """Make the folders, readable for this user only: request bodies pass through them."""
        # Of tasks of an earlier run that was killed.
        shutil.rmtree(self.shared, ignore_errors=True)
        for folder in (self.root, self.emulator, self.logs, self.shared, self.cdk):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def forget(self) -> None:
        """Remove all that was deployed and stored; the lock stays with its holder."""
        for folder in (self.emulator, self.logs, self.cdk):
            shutil.rmtree(folder, ignore_errors=True)
        self.port.unlink(missing_ok=True)
        self.create()

    def forget_endpoint(self) -> None:
        """Remove what a stack that was killed still tells the CLI."""
        self.endpoint.unlink(missing_ok=True)

    def mark_unsaved(self) -> None:
        """Note that an emulator works on the state, and begin anew if the last one never finished.

        It saves one file per service when it ends. After a kill they are old, or do not fit together.
        """
        if self._unsaved.exists():
            self.forget_emulator()
        self._unsaved.touch()

    def mark_saved(self) -> None:
        """Note that the emulator has ended properly."""
        self._unsaved.unlink(missing_ok=True)

    @contextmanager
    def dropped_if(self, half_made: threading.Event) -> Iterator[None]:
        """Begin anew next time if the event is set by the end, whatever was saved meanwhile.

        A deployment that was broken off leaves stacks that cdk can neither use nor repair.
        """
        try:
            yield
        finally:
            if half_made.is_set():
                self._unsaved.touch()

    def forget_emulator(self) -> None:
        """Remove what the emulator stored."""
        shutil.rmtree(self.emulator, ignore_errors=True)
        self.create()

    def remembered_port(self) -> int | None:
        """Return the port of the run that the emulator's state comes from."""
        return int(self.port.read_text()) if self.port.exists() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process. The kernel ends the lock with it, however it dies."""
        self.create()
        with self.lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(
                    f"{self.root} is in use by pid {self.holder()}; stop it with "
                    f"`make local-down`, or `python -m localstack down --state-dir {self.root}`"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self.forget_endpoint()
            try:
                yield
            finally:
                file.truncate(0)

    def holder(self) -> int | None:
        """Return the pid of the process that holds the lock, or None if nobody does."""
        if not self.lock.exists():
            return None
        with self.lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                # The holder writes its pid right after it got the lock.
                return int(file.read() or 0) or None
        return None
