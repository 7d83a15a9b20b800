"""The part of Application Auto Scaling on a developer's machine."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from localstack import service_scaling
from localstack.cluster import ClusterUnreachable
from localstack.service_scaling import ServiceScaling
from penstock.scaling.cron import Cron
from penstock.scaling.timetable import Bounds, Schedule, Timetable

SESSION = boto3.session.Session("test", "test", region_name="eu-west-1")


#: At least two tasks from Monday's morning on, and none from its evening on.
OFFICE_HOURS = (
    Schedule(name="day", cron=Cron.parse("0 8 ? * MON *"), timezone="UTC", bounds=Bounds(2, 3)),
    Schedule(name="night", cron=Cron.parse("0 18 ? * MON *"), timezone="UTC", bounds=Bounds(0, 3)),
)


class Cloud:
    """Answers of ECS and CloudWatch for one service, through real clients that never connect."""

    def __init__(self, desired: int) -> None:
        self.desired = desired
        self.values = {"TasksMissing": 0.0, "TasksSpare": 0.0}
        self.silent = False
        self.down = False
        self.now = 0.0
        self.today = datetime(2030, 1, 6, 12, tzinfo=UTC)
        self.notes: list[str] = []
        self.scaling = ServiceScaling(
            {"a": Timetable(Bounds(0, 3), OFFICE_HOURS)},
            ecs=self._client("ecs"),
            cloudwatch=self._client("cloudwatch"),
            deployment="demo",
            clusters={"a": "penstock-demo"},
            note=self.notes.append,
            clock=lambda: self.now,
            today=lambda: self.today,
        )

    def _client(self, service):
        client = SESSION.client(service)
        client.meta.events.register("before-call.*.*", self._answer)
        return client

    def _answer(self, model, params, **_more):
        if self.down:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        return type("Answer", (), {"status_code": 200})(), getattr(self, f"_{model.name}")(params)

    def _GetMetricStatistics(self, params):  # noqa: N802 - the call's name
        asked = str(params)
        name = next(name for name in self.values if name in asked)
        point = {"Timestamp": datetime.now(UTC), "Maximum": self.values[name]}
        return {"Datapoints": [] if self.silent else [point]}

    def _DescribeServices(self, _params):  # noqa: N802 - the call's name
        return {"services": [{"desiredCount": self.desired}]}

    def _UpdateService(self, params):  # noqa: N802 - the call's name
        body = params["body"]
        self.desired = int(
            (body if isinstance(body, str) else body.decode()).partition('"desiredCount": ')[2][:1]
        )
        return {}

    def look(self, **values: float) -> int:
        self.values |= values
        self.scaling.follow()
        self.now += service_scaling.LOOK_SECONDS
        return self.desired


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(desired=0)


def test_what_is_missing_is_started_within_the_machines_limit(cloud):
    assert cloud.look(TasksMissing=40) == 3
    assert cloud.notes == ["a: 0 to 3 tasks"]


def test_what_is_spare_is_stopped(cloud):
    cloud.desired = 3
    assert cloud.look(TasksSpare=3) == 0


def test_the_same_alarm_acts_once_a_minute(cloud):
    assert cloud.look(TasksMissing=1) == 1
    assert [cloud.look() for _ in range(5)] == [1] * 5
    assert cloud.look() == 2


def test_a_schedule_brings_the_tasks_that_it_asks_for_and_keeps_them(cloud):
    assert cloud.look() == 0
    cloud.today = datetime(2030, 1, 7, 8, tzinfo=UTC)
    assert cloud.look() == 2
    assert cloud.look(TasksSpare=2) == 2

    cloud.today = datetime(2030, 1, 7, 18, tzinfo=UTC)
    assert [cloud.look() for _ in range(6)][-1] == 0
    assert cloud.notes == ["a: 0 to 2 tasks", "a: 2 to 0 tasks"]


def test_without_values_everything_stays(cloud):
    cloud.desired, cloud.silent = 2, True
    assert cloud.look(TasksMissing=3) == 2


def test_an_emulator_that_does_not_answer_is_told_as_such(cloud):
    cloud.down = True
    with pytest.raises(ClusterUnreachable):
        cloud.scaling.follow()


def test_it_ends_when_it_is_told_to(cloud):
    stop = threading.Event()
    stop.set()
    cloud.scaling.run(stop)
    assert cloud.notes == []
