"""``python -m tests.simulation``: many schedules, or one with its trace."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.simulation.job_plants import JOB_PLANTS
from tests.simulation.job_schedule import run as run_job
from tests.simulation.plants import PLANTS
from tests.simulation.run import Summary, first_failure, run_spread
from tests.simulation.schedule import run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.schedule import Verdict

_FAILED, _INTERRUPTED = 1, 130
#: Seeds that are named when many fail.
_NAMED = 20
#: Schedules in which each planted fault is looked for.
_PLANTED_WITHIN = 1000


def main() -> int:
    """Exit code 0 if every rule held in every schedule, and those of requests met every fault everywhere.

    A few calls for jobs are so rare that only unit tests reach them each time.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="run this schedule and print its trace")
    what.add_argument("--faults", type=int, metavar="N", help="run N schedules, each with faults")
    what.add_argument("--planted", action="store_true", help="count the schedules that find planted faults")
    parser.add_argument("--jobs", action="store_true", help="of batch jobs in place of requests")
    parser.add_argument("--first", type=int, default=0, help="first seed of the N")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    simulate = run_job if arguments.jobs else run
    if arguments.seed is not None:
        return _replay(simulate(arguments.seed, tracing=True))
    if arguments.planted:
        return _planted(JOB_PLANTS if arguments.jobs else PLANTS, simulate)
    seeds = range(arguments.first, arguments.first + arguments.faults)
    if arguments.jobs:
        return _many(seeds, arguments.processes, simulate, replay="python -m tests.simulation --jobs --seed ")
    return _many(seeds, arguments.processes, simulate, replay="make simulate SEED=")


def _replay(verdict: Verdict) -> int:
    print(verdict.trace)
    print(f"\nseed {verdict.seed}, {verdict.faults} faults: {verdict.failure or 'every rule held'}")
    return 0 if verdict.failure is None else _FAILED


def _many(seeds: range, processes: int, simulate: Callable[[int], Verdict], *, replay: str) -> int:
    total, began = Summary(), time.monotonic()
    try:
        for part in run_spread(seeds, processes=processes, simulate=simulate):
            total.add(part)
            _show_progress(total, len(seeds), time.monotonic() - began)
    except KeyboardInterrupt:
        print(f"\ninterrupted after {total.schedules} of {len(seeds)} schedules", file=sys.stderr)
        return _INTERRUPTED
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(total.coverage.table())
    missing = total.coverage.missing()
    for (actor, file, function, line, call), fault in missing:
        print(f"never hit: {fault} at {call} of {actor}, {file}:{line} {function}")
    for seed, failure in sorted(total.failures.items())[:_NAMED]:
        print(f"\nFAILED seed {seed}: {failure}\n  replay: {replay}{seed}")
    print(
        f"\n{total.schedules} schedules with {total.faults} faults,"
        f" {len(total.failures)} failed, {total.untouched} without a fault, {len(missing)} faults never hit"
    )
    return _FAILED if total.failures or (missing and simulate is run) else 0


def _show_progress(total: Summary, of: int, seconds: float) -> None:
    """One line that is written over on a terminal, a line every tenth elsewhere."""
    pace = total.schedules / seconds * 60
    line = f"{total.schedules} of {of} schedules, {len(total.failures)} failed, {pace:,.0f} a minute"
    if sys.stderr.isatty():
        print(f"\r{line}   ", end="", file=sys.stderr, flush=True)
    elif total.schedules * 10 // of != (total.schedules - 100) * 10 // of:
        print(line, file=sys.stderr, flush=True)


def _planted(plants: Sequence[type[Any]], simulate: Callable[..., Verdict]) -> int:
    print("| planted | found in | first by seed |\n|---|---:|---:|")
    unfound = 0
    for plant in plants:
        seeds = range(_PLANTED_WITHIN)
        found = [seed for seed in seeds if first_failure(plant, [seed], simulate=simulate) is not None]
        unfound += not found
        first = found[0] if found else "-"
        print(f"| {(plant.__doc__ or '').strip()} | {len(found)} of {len(seeds)} | {first} |", flush=True)
    return _FAILED if unfound else 0


if __name__ == "__main__":
    sys.exit(main())
