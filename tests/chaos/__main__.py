"""``python -m tests.chaos``: many requests through the whole stack while its parts are killed.

Exits with 0 if everything was as promised, with 1 and the causes if not, and with 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from localstack.__main__ import on_signals
from localstack.console import Screen
from localstack.errors import Interrupted, LocalError
from localstack.options import Options
from tests.chaos.run import Plan, run

STATE_DIR = Path(".penstock/chaos/local")
REPORTS = Path(".penstock/chaos")
DEFAULT = Plan()


def main() -> int:
    """Run once and return the exit code."""
    chosen = _parser().parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    screen = Screen(console)
    plan = Plan(requests=chosen.requests, seed=chosen.seed, limit_seconds=chosen.minutes * 60)
    options = Options(state_dir=STATE_DIR, tell=screen.tell, interrupt=on_signals(STATE_DIR))
    try:
        report = run(plan, options)
    except Interrupted as interrupted:
        screen.tell(str(interrupted))
        return 130
    except LocalError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    console.print(report.markdown(), markup=False, highlight=False)
    for file in chosen.report or (REPORTS / "report.json", REPORTS / "report.md"):
        report.save(file)
        screen.tell(f"Written to {file}")
    screen.tell("Passed" if report.passed else "FAILED")
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("-n", "--requests", type=int, default=DEFAULT.requests, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=DEFAULT.seed, help="default: %(default)s")
    parser.add_argument(
        "--minutes", type=float, default=15, help="what has not ended by then is lost; default: %(default)s"
    )
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        help="file to write to, .json or .md; may be given several times; default: both in .penstock/chaos",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
