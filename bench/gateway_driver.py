"""Runs the gateway's handler: one event a line on stdin, one answer with its time a line on stdout.

Started as a file with the function's bundle on ``PYTHONPATH``, so it imports what Lambda would.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """What Powertools reads of Lambda's context."""

    function_name: str = "gateway"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:gateway"
    aws_request_id: str = "bench"


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # The handler's log lines and metrics go to stdout as well, where nobody may mix them with answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    started = time.perf_counter()
    from gateway_lambda.handler import handler  # noqa: PLC0415 - the import is part of the cold start

    answers.write(json.dumps({"import_seconds": time.perf_counter() - started}) + "\n")
    for line in sys.stdin:
        event = json.loads(line)
        started = time.perf_counter()
        answer = handler(event, Context())
        seconds = time.perf_counter() - started
        answers.write(json.dumps({"seconds": seconds, **answer}) + "\n")


if __name__ == "__main__":
    main()
