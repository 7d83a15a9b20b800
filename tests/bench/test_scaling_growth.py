"""What a look costs in calls, with the real adapters and clients."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.canned import CannedAws
from bench.scaling import ANSWERS, site

#: PutMetricData takes no more in one call, before it is compressed.
MOST_VALUES, MOST_BYTES = 1000, 1_000_000


@pytest.fixture
def executor():
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_a_hundred_apis_are_told_with_one_put_within_cloudwatchs_limits(executor):
    place = site(100, executor=executor)
    place.publisher.look(ages=True)

    assert place.aws.calls["cloudwatch.PutMetricData"] == 1
    [said] = place.aws.said["cloudwatch.PutMetricData"]
    assert len(said["MetricData"]) == 700 <= MOST_VALUES
    assert len(json.dumps(said, default=str)) < MOST_BYTES
    assert 0 < place.aws.sent_bytes["cloudwatch.PutMetricData"] < 50_000


@pytest.mark.parametrize("count", [1, 10, 23])
def test_calls_of_a_look_grow_by_one_for_each_api_and_one_for_each_ten(count, executor):
    place = site(count, executor=executor)
    place.publisher.look(ages=False)
    place.aws.calls.clear()
    place.publisher.look(ages=False)

    assert dict(place.aws.calls) == {
        "sqs.GetQueueAttributes": count,
        "ecs.DescribeServices": -(-count // 10),
        "cloudwatch.PutMetricData": 1,
    }


def test_canned_calls_are_what_a_server_would_get():
    seen = []

    def answer(said: Any) -> dict[str, str]:
        seen.append(said)
        return {"QueueUrl": "https://q"}

    aws = CannedAws({**ANSWERS, "sqs.GetQueueUrl": answer})
    assert aws.client("sqs").get_queue_url(QueueName="q.fifo")["QueueUrl"] == "https://q"
    assert seen == [{"QueueName": "q.fifo"}]
    assert aws.sent_bytes["sqs.GetQueueUrl"] == len(json.dumps({"QueueName": "q.fifo"}))
