"""Runs a function's handler: one event a line on stdin, one answer with its time a line on stdout.

The handler's module is the argument. Started as a file with the function's bundle on ``PYTHONPATH``, so it
imports what Lambda would.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """What Powertools reads of Lambda's context."""

    function_name: str = "bench"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """As long as a function may run."""
        return 900_000


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # The handler's log lines and metrics go to stdout as well, where nobody may mix them with answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    started = time.perf_counter()
    handler = importlib.import_module(sys.argv[1]).handler
    answers.write(json.dumps({"import_seconds": time.perf_counter() - started}) + "\n")
    for line in sys.stdin:
        event = json.loads(line)
        started = time.perf_counter()
        answer = handler(event, Context())
        seconds = time.perf_counter() - started
        answers.write(json.dumps({"seconds": seconds, **answer}) + "\n")


if __name__ == "__main__":
    main()
