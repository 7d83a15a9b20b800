"""``python -m bench``: one bench by name, or all of them."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import enqueue, jobs, memory, pickup, saturated, scaling, submit, webhooks
from bench.options import LONG, RESULTS, SHORT
from bench.report import save, show
from bench.rig import rig

BENCHES = {
    "submit": submit.submit,
    "poll": submit.poll,
    "pickup": pickup.pickup,
    "saturated": saturated.saturated,
    "memory": memory.memory,
    "enqueue": enqueue.enqueue,
    "webhooks": webhooks.webhooks,
    "jobs": jobs.jobs,
    "one_host": webhooks.one_host,
    "scaling": scaling.scaling,
}


def main() -> int:
    """Run benches; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="bench", help=f"{', '.join(BENCHES)}; all by default")
    parser.add_argument("--long", action="store_true", help="more samples: about 20 minutes in all")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="folder for the JSON files and the plot"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHES.keys():
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    options = replace(LONG if arguments.long else SHORT, results=arguments.results)
    met = True
    for name in arguments.names or BENCHES:
        # What else the machine does spoils times more than anything that is measured here.
        load = os.getloadavg()[0]
        with rig() as running:
            report = BENCHES[name](running, options)
        # In a file or a pipe, lines must not be folded to 80 columns.
        show(report, Console(width=None if sys.stdout.isatty() else 160), load=load)
        save(report, arguments.results, load=load)
        met = met and all(target.met for target in report.targets)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
