"""How much the fuzz tests try: little in a build, as much as wanted with ``FUZZ_EXAMPLES=500``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")

#: Without a number the calls are the same each time: a build must not fail by chance.
fuzz = settings(
    max_examples=int(EXAMPLES or 25),
    derandomize=EXAMPLES is None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

#: API Gateway gives up after 29 s, so an answer that takes longer is none.
PATIENCE_SECONDS = 30
API = "word-count"


def still_works(stack: Stack) -> None:
    """Whatever was sent before, the next request is completed."""
    request_id = stack.submit(API, b"after all that", content_type="text/plain")
    assert stack.finished(API, request_id).result["words"] == 3
