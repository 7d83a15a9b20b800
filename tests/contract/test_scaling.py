"""What scaling reads, remembers and publishes: fakes and adapters keep the same promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from penstock import ids
from penstock.aws.figures import EcsCrews
from penstock.aws.metrics import CloudWatchMetrics, DynamoHistories
from penstock.overview import Crew
from penstock.scaling.decision import Sample
from penstock.scaling.ports import NAMESPACE, Measure, Value
from penstock.testing.scaling import MemoryHistories, MemoryMetrics
from tests.contract.conftest import BACKENDS, _client, make_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.scaling.ports import Histories, Metrics

HISTORY = (Sample(1_700_000_000_000, 12, 3), Sample(1_700_000_010_003, 0, 0))


@dataclass(frozen=True)
class Scaling:
    histories: Histories
    metrics: Metrics
    #: The latest value of a measure of an API.
    published: Callable[[str, Measure], float | None]


@pytest.fixture(params=BACKENDS)
def scaling(request: pytest.FixtureRequest) -> Scaling:
    if request.param == "memory":
        memory = MemoryMetrics()
        return Scaling(MemoryHistories(), memory, lambda api, measure: memory.latest(api)[measure])
    url = request.getfixturevalue(f"{request.param}_url")
    dynamodb, cloudwatch, unique = (
        _client("dynamodb", url),
        _client("cloudwatch", url),
        ids.new_request_id(),
    )
    make_table(dynamodb, unique)

    def published(api: str, measure: Measure) -> float | None:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=measure,
            Dimensions=[{"Name": "deployment", "Value": unique}, {"Name": "api", "Value": api}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=10,
            Statistics=["Maximum"],
        )["Datapoints"]
        return max(points, key=lambda point: point["Timestamp"])["Maximum"] if points else None

    histories = DynamoHistories(dynamodb, unique, clock=now_ms, sleep=lambda _seconds: None)
    return Scaling(histories, CloudWatchMetrics(cloudwatch, unique), published)


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def test_what_was_saved_is_loaded_and_the_rest_left_out(scaling):
    scaling.histories.save({"a": HISTORY, "b": ()})
    scaling.histories.save({"a": HISTORY[1:]})

    assert scaling.histories.load(["a", "b", "never"]) == {"a": HISTORY[1:], "b": ()}


def test_memories_of_more_apis_than_one_call_takes(scaling):
    histories = {f"api-{number}": HISTORY for number in range(120)}
    scaling.histories.save(histories)

    assert scaling.histories.load([*histories, "never"]) == histories


def test_values_of_all_apis_are_told_apart(scaling):
    scaling.metrics.put(
        [
            Value("a", Measure.TASKS_MISSING, 3),
            Value("a", Measure.TASKS_SPARE, 0),
            Value("b", Measure.TASKS_MISSING, 5),
        ],
        at_ms=now_ms(),
    )

    assert scaling.published("a", Measure.TASKS_MISSING) == 3
    assert scaling.published("a", Measure.TASKS_SPARE) == 0
    assert scaling.published("b", Measure.TASKS_MISSING) == 5


def test_services_are_asked_for_ten_at_a_time():
    ecs = boto3.client("ecs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    apis = [f"api-{number}" for number in range(12)]
    with Stubber(ecs) as stub:
        for some in (apis[:10], apis[10:]):
            stub.add_response(
                "describe_services",
                {
                    "services": [
                        {"serviceName": api, "desiredCount": 4, "runningCount": 2} for api in some[1:]
                    ]
                },
                {"cluster": "penstock-shop", "services": some},
            )
        counts = EcsCrews(ecs, lambda _api: "penstock-shop").counts(apis)
        stub.assert_no_pending_responses()

    assert counts == {api: Crew(4, 2) for api in apis if api not in {"api-0", "api-10"}}


def test_each_cluster_is_asked_for_its_own_services_and_one_that_is_not_there_has_none():
    ecs = boto3.client("ecs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(ecs) as stub:
        stub.add_response(
            "describe_services",
            {"services": [{"serviceName": "echo", "desiredCount": 1, "runningCount": 1}]},
            {"cluster": "penstock-shop", "services": ["echo"]},
        )
        stub.add_client_error(
            "describe_services",
            "ClusterNotFoundException",
            expected_params={"cluster": "penstock-shop_new", "services": ["new"]},
        )
        stub.add_response(
            "describe_services",
            {"services": [{"serviceName": "train", "desiredCount": 2, "runningCount": 0}]},
            {"cluster": "penstock-shop_train", "services": ["train"]},
        )
        clusters = {
            "echo": "penstock-shop",
            "new": "penstock-shop_new",
            "train": "penstock-shop_train",
        }
        counts = EcsCrews(ecs, clusters.__getitem__).counts(list(clusters))
        stub.assert_no_pending_responses()

    assert counts == {"echo": Crew(1, 1), "train": Crew(2, 0)}
