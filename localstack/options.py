"""How a local stack is run."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.backoff import Backoff
from localstack.emulators import EMBEDDED
from localstack.logs import discard
from localstack.state import DEFAULT_STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localstack.emulators import EmulatorKind
    from localstack.logs import LogSink

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Options:
    """What callers may choose; all of it has a default that suits ``make local``."""

    emulator: EmulatorKind = EMBEDDED
    state_dir: Path = DEFAULT_STATE_DIR
    #: None means that of the last run, else 4566, else any free one.
    port: int | None = None
    #: Begin with an empty emulator.
    fresh: bool = False
    #: Wins over what the task definition says, for example for a shorter drain.
    dequeuer_environment: Mapping[str, str] = field(default_factory=dict)
    dequeuer_command: tuple[str, ...] = (sys.executable, "-m", "dequeuer")
    #: The init containers of tasks, by their names.
    init_commands: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "prefetch": (sys.executable, "-m", "dequeuer.prefetch"),
            "spec": (sys.executable, "-m", "dequeuer.job_spec"),
        }
    )
    #: Where app.py, node_modules and .venv-emulator are.
    project: Path = PROJECT
    #: Takes one line for a person: a step of the start, or what the agent does about a task.
    tell: Callable[[str], None] = field(default=lambda _line: None)
    #: Takes what servers and dequeuers print.
    show_log: LogSink = discard
    #: How the agent deals with tasks that keep dying; tests that kill them need less of it.
    backoff: Backoff = field(default_factory=Backoff)
    #: Ends the start early; once the stack runs, ending it is up to the caller.
    interrupt: threading.Event = field(default_factory=threading.Event)
