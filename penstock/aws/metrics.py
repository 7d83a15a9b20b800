"""The ``Metrics`` port of scaling on CloudWatch, and the ``Histories`` port in the table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from penstock import keys
from penstock.aws import batches, items
from penstock.aws.faults import translated
from penstock.scaling.decision import Sample
from penstock.scaling.ports import API, DEPLOYMENT, NAMESPACE, Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.scaling.ports import Value

#: PutMetricData takes no more in one call.
_VALUES_A_CALL = 1000
#: BatchGetItem takes no more keys.
_KEYS_A_CALL = 100

#: High resolution: an alarm may look every 10 s.
_RESOLUTION_SECONDS = 1

#: A history also says that its API has begun: it must outlast any time in which nobody looks.
_KEPT_SECONDS = 7 * 24 * 3600


class CloudWatchMetrics:
    """Values of one deployment."""

    def __init__(self, client: CloudWatchClient, deployment: str) -> None:
        self._client = client
        self._deployment = deployment

    def put(self, values: Sequence[Value], *, at_ms: int) -> None:
        """See ``Metrics.put``."""
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        data = [self._datum(value, at) for value in values]
        for start in range(0, len(data), _VALUES_A_CALL):
            with translated("publish metrics"):
                self._client.put_metric_data(
                    Namespace=NAMESPACE, MetricData=data[start : start + _VALUES_A_CALL]
                )

    def _datum(self, value: Value, at: datetime) -> MetricDatumTypeDef:
        return {
            "MetricName": value.measure,
            "Dimensions": [
                {"Name": DEPLOYMENT, "Value": self._deployment},
                {"Name": API, "Value": value.api},
            ],
            "Timestamp": at,
            "Value": value.value,
            "Unit": "Seconds" if value.measure is Measure.OLDEST_AGE else "Count",
            "StorageResolution": _RESOLUTION_SECONDS,
        }


class DynamoHistories:
    """An item per API. What was seen is packed into one text: a number each would be three times as long."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], int], sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep

    def load(self, apis: Sequence[str]) -> Mapping[str, tuple[Sample, ...]]:
        """See ``Histories.load``."""
        found: dict[str, tuple[Sample, ...]] = {}
        wanted = {api: items.texts(keys.scaling_item(api)) for api in apis}
        listed = list(wanted.values())
        for start in range(0, len(listed), _KEYS_A_CALL):
            some = listed[start : start + _KEYS_A_CALL]
            for item in batches.read(
                self._client, self._table, some, what="scaling histories", sleep=self._sleep
            ):
                found[item["api"]["S"]] = tuple(map(_unpacked, item["seen"]["S"].split()))
        return found

    def save(self, histories: Mapping[str, tuple[Sample, ...]]) -> None:
        """See ``Histories.save``."""
        expires_at = self._clock() // 1000 + _KEPT_SECONDS
        for api, history in histories.items():
            seen = " ".join(map(_packed, history))
            values = {**keys.scaling_item(api), "api": api, "seen": seen, "expires_at": expires_at}
            with translated("save scaling history"):
                self._client.put_item(TableName=self._table, Item=items.wire(values))


def _packed(sample: Sample) -> str:
    return f"{sample.at_ms}:{sample.in_flight}:{sample.needed}"


def _unpacked(text: str) -> Sample:
    at_ms, in_flight, needed = map(int, text.split(":"))
    return Sample(at_ms, in_flight, needed)
