"""A task whose model lies in S3: nothing runs without it, and the server finds it on its disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

API = "prefetched"
BUCKET = "e2e-models"


# A task that died is followed by the next after up to half a minute.
@pytest.mark.timeout(180)
def test_the_server_starts_when_its_model_is_there_and_reads_it(stack: Stack):
    # Given a bucket that does not exist, and a request
    request = stack.submit(API, query={"do": "read", "path": "model/a/weights"})
    logs = stack.local.state.logs / API

    def failed() -> list[str]:
        return [path.name for path in logs.glob("*-dequeuer.log") if "no such bucket" in path.read_text()]

    eventually(failed, within_seconds=60, what="a prefetch that says what is missing")
    assert stack.local.pairs(API) == ()
    assert stack.client.get(API, request).status == "in_queue"

    # When the model comes
    weights = os.urandom(100_000)
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="v1/a/weights", Body=weights)

    # Then the task starts, and the request that waited is answered with it
    state = stack.finished(API, request, within_seconds=90)
    assert (state.status, state.attempt) == ("completed", 1)
    assert stack.client.result(API, request).content == weights
