from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.clients import Clients
from localstack.emulator import Emulator, EmulatorSettings, free_port, start_emulator
from localstack.environment import Endpoint, child_environment
from localstack.guard import Guard
from localstack.processes import GroupSpawner, left_behind
from localstack.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]
EMULATOR_PYTHON = PROJECT / ".venv-emulator" / "bin" / "python"


@dataclass(frozen=True)
class Site:
    """A state folder, and a guarded way to start processes for it."""

    state: State
    spawn: GroupSpawner
    endpoint: Endpoint

    @property
    def clients(self) -> Clients:
        return Clients(self.endpoint)

    @property
    def environment(self) -> dict[str, str]:
        return child_environment(self.endpoint, self.state.root, outer=os.environ)

    @contextmanager
    def emulator(self) -> Iterator[Emulator]:
        settings = EmulatorSettings(EMULATOR_PYTHON, self.endpoint, self.state)
        emulator = start_emulator(settings, self.spawn, outer=os.environ)
        try:
            emulator.wait_until_ready(interrupt=threading.Event())
            yield emulator
        finally:
            emulator.stop()


@contextmanager
def guarded_site(folder: Path) -> Iterator[Site]:
    state = State(folder / "local")
    state.create()
    endpoint = Endpoint(free_port())
    with Guard(environment=child_environment(endpoint, state.root, outer=os.environ)) as guard:
        yield Site(state, GroupSpawner(guard), endpoint)
    assert left_behind(state.root) == []
