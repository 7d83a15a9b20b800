"""One look of the scaling function, and how it grows with the number of APIs.

The real publisher with the real adapters and clients; AWS's answers come from inside the process.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.canned import CannedAws
from bench.report import Report, Target
from penstock import names
from penstock.aws.directory import DynamoDirectory
from penstock.aws.figures import EcsCrews, SqsQueues
from penstock.aws.metrics import CloudWatchMetrics, DynamoHistories
from penstock.scaling.decision import ScalingPolicy
from penstock.testing.deployed import MemoryDeployedApis
from scaling_lambda.minute import TICK_MS
from scaling_lambda.publisher import Publisher, ScaledApi
from scaling_lambda.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.options import Options
    from bench.rig import Rig

DEPLOYMENT = "bench"
COUNTS = (1, 10, 100)
#: As between a function and AWS in one region, or somewhat more.
ROUND_TRIP_SECONDS = 0.01
#: As the function has.
THREADS = 16
_LOOKS = 6
_MONTH_MINUTES = 43_800


def _depth(_said: Mapping[str, Any]) -> dict[str, Any]:
    return {"Attributes": {"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "2"}}


def _services(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "services": [{"serviceName": name, "desiredCount": 1, "runningCount": 1} for name in said["services"]]
    }


ANSWERS = {
    "sqs.GetQueueUrl": lambda said: {"QueueUrl": f"https://sqs.invalid/{said['QueueName']}"},
    "sqs.GetQueueAttributes": _depth,
    "ecs.DescribeServices": _services,
    "dynamodb.Query": lambda _said: {"Items": [{"created_ms": {"N": "1700000000000"}}], "Count": 1},
    "dynamodb.BatchGetItem": lambda _said: {"Responses": {}, "UnprocessedKeys": {}},
}


@dataclass(frozen=True, slots=True)
class Site:
    """A publisher of so many APIs, all of which have work, and what stands for AWS."""

    aws: CannedAws
    publisher: Publisher


def site(count: int, *, executor: ThreadPoolExecutor, round_trip_seconds: float = 0) -> Site:
    """As ``scaling_lambda.handler`` puts it together."""
    aws = CannedAws(ANSWERS, round_trip_seconds=round_trip_seconds)
    apis = [f"api-{number:03}" for number in range(count)]
    dynamodb = aws.client("dynamodb", connections=THREADS)
    directory = DynamoDirectory(dynamodb, "t", executor=ThreadPoolExecutor(THREADS))
    publisher = Publisher(
        Served(
            DEPLOYMENT,
            [ScaledApi(name=api, policy=ScalingPolicy()) for api in apis],
            deployed=MemoryDeployedApis(),
        ),
        queues=SqsQueues(aws.client("sqs", connections=THREADS), lambda api: names.queue(DEPLOYMENT, api)),
        crews=EcsCrews(aws.client("ecs"), lambda _api: names.cluster(DEPLOYMENT)),
        oldest_open_ms=directory.oldest_open_ms,
        metrics=CloudWatchMetrics(aws.client("cloudwatch"), DEPLOYMENT),
        histories=DynamoHistories(dynamodb, "t", clock=_now_ms, sleep=time.sleep),
        executor=executor,
        clock=_now_ms,
    )
    return Site(aws, publisher)


def scaling(_rig: Rig, _options: Options) -> Report:
    """Looks at 1, 10 and 100 APIs."""
    data = [_measured(count) for count in COUNTS]
    rows = [
        (
            f"{row['apis']}",
            f"{row['look_ms']:.0f} ms",
            f"{row['first_ms']:.0f} ms",
            f"{row['look_cpu_ms']:.0f} ms",
            f"{row['calls']}",
            f"{row['calls_first']}",
            f"{row['puts']}",
            f"{row['values']}",
            f"{row['put_bytes'] / 1000:.1f} kB",
            f"{row['minute_calls']}",
        )
        for row in data
    ]
    largest = data[-1]
    return Report(
        name="scaling",
        title=f"A look of the scaling function; each call takes {ROUND_TRIP_SECONDS * 1000:g} ms",
        columns=(
            *("APIs", "a look", "with ages", "processor", "calls", "with ages"),
            *("puts", "values", "sent by puts", "calls a minute"),
        ),
        rows=rows,
        targets=[
            Target(
                promise="100 APIs: a look with ages", measured=largest["first_ms"], limit=TICK_MS, unit="ms"
            ),
            Target(
                promise="100 APIs: PutMetricData calls a look",
                measured=largest["puts"],
                limit=1,
                unit="calls",
            ),
            Target(promise="100 APIs: values a look", measured=largest["values"], limit=1000, unit="values"),
        ],
        data={"rows": data},
    )


def _measured(count: int) -> dict[str, float]:
    with ThreadPoolExecutor(THREADS) as executor:
        place = site(count, executor=executor, round_trip_seconds=ROUND_TRIP_SECONDS)
        # The first one asks for the queues' URLs, too, and opens what there is to open.
        place.publisher.recall()
        place.publisher.look(ages=False)
        first = _look(place, ages=True)
        looks = [_look(place, ages=False) for _ in range(_LOOKS - 1)]
        kept = _counted(place, place.publisher.keep)
    usual = looks[len(looks) // 2]
    return {
        "apis": count,
        "look_ms": sorted(look["ms"] for look in looks)[len(looks) // 2],
        "look_cpu_ms": sorted(look["cpu_ms"] for look in looks)[len(looks) // 2],
        "first_ms": first["ms"],
        "calls": usual["calls"],
        "calls_first": first["calls"],
        "puts": first["puts"],
        "values": first["values"],
        "put_bytes": first["put_bytes"],
        "minute_calls": first["calls"] + sum(look["calls"] for look in looks) + kept["calls"],
        "month_calls": _MONTH_MINUTES * (first["calls"] + (_LOOKS - 1) * usual["calls"] + kept["calls"]),
    }


def _look(place: Site, *, ages: bool) -> dict[str, float]:
    return _counted(place, lambda: place.publisher.look(ages=ages))


def _counted(place: Site, act: Any) -> dict[str, float]:
    aws = place.aws
    aws.calls.clear()
    aws.sent_bytes.clear()
    aws.said.clear()
    began, cpu = time.perf_counter(), time.process_time()
    act()
    put = "cloudwatch.PutMetricData"
    return {
        "ms": (time.perf_counter() - began) * 1000,
        "cpu_ms": (time.process_time() - cpu) * 1000,
        "calls": aws.calls.total(),
        "puts": aws.calls[put],
        "values": sum(len(said["MetricData"]) for said in aws.said.get(put, [])),
        "put_bytes": aws.sent_bytes[put],
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
