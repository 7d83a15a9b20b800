"""``python -m localstack up|down``: what ``make local`` and ``make local-down`` run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from localstack.console import Screen
from localstack.down import down
from localstack.emulators import EMBEDDED, KINDS
from localstack.errors import Interrupted, LocalError
from localstack.options import PROJECT, Options
from localstack.processes import kill_left_behind
from localstack.state import State
from localstack.up import running
from penstock.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localstack.emulators import EmulatorKind

CHECK_INTERVAL_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    chosen = _parser().parse_args(arguments)
    emulator = KINDS[chosen.emulator]
    state_dir: Path = chosen.state_dir or emulator.state_dir
    console = Console()
    if chosen.command == "down":
        console.print(down(State(state_dir.resolve())).value)
        return 0
    try:
        return _up(chosen, emulator, state_dir, console)
    except (LocalError, ConfigError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


def _up(chosen: argparse.Namespace, emulator: EmulatorKind, state_dir: Path, console: Console) -> int:
    screen = Screen(console)
    options = Options(
        project=chosen.project,
        emulator=emulator,
        state_dir=state_dir,
        port=chosen.port,
        fresh=chosen.fresh,
        tell=screen.tell,
        show_log=screen.show_log,
        interrupt=on_signals(state_dir),
    )
    try:
        with running(chosen.config, options) as local:
            screen.ready(local)
            while not options.interrupt.wait(CHECK_INTERVAL_SECONDS):
                local.check()
            screen.tell("Stopping")
    except Interrupted as interrupted:
        screen.tell(str(interrupted))
    return 0


def on_signals(state_dir: Path) -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; the second one ends everything at once."""
    interrupt = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if interrupt.is_set():
            kill_left_behind(state_dir)
            os._exit(130)
        interrupt.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return interrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localstack", description="Run the whole stack on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the stack and stay until Ctrl-C")
    up.add_argument("--config", type=Path, default=Path("penstock.yaml"), help="default: penstock.yaml")
    up.add_argument(
        "--port", type=int, help="port of the emulator; default: 4566, or another if it is in use"
    )
    up.add_argument(
        "--project", type=Path, default=PROJECT, help="folder of app.py; default: this repository"
    )
    up.add_argument("--fresh", action="store_true", help="begin with an empty emulator")
    stop = commands.add_parser("down", help="stop the stack that runs on the state directory")
    for command in (up, stop):
        command.add_argument(
            "--emulator",
            choices=list(KINDS),
            default=EMBEDDED.name,
            help="what stands in for AWS; localstack needs Docker. Default: embedded",
        )
        command.add_argument("--state-dir", type=Path, help="default: .penstock/ and local or localstack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
