"""The part of Application Auto Scaling: the emulator has none, so the desired counts are written here.

It acts on the values that the deployed function publishes, by the policies that the cloud deploys.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from localstack.cluster import ClusterUnreachable, translated
from penstock import names
from penstock.scaling.following import Alarm, policies
from penstock.scaling.ports import API, DEPLOYMENT, NAMESPACE, Measure
from penstock.scaling.timetable import Bounds, Timetable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecs import ECSClient

    from penstock.config import AsyncApi

#: As often as the alarms of the cloud look.
LOOK_SECONDS = 10
#: An older value is none: the function that publishes has stopped.
_FRESH_SECONDS = 45

_MEASURES = {1: Measure.TASKS_MISSING, -1: Measure.TASKS_SPARE}


def timetables(apis: Iterable[AsyncApi]) -> Mapping[str, Timetable]:
    """The APIs whose number of tasks can change here: a developer's machine has its own limit."""
    found = {
        api.name: _within(api.autoscaling.timetable, api.local.max_replicas)
        for api in apis
        if api.local is not None
    }
    return {name: each for name, each in found.items() if each.widest.fewest < each.widest.most}


def _within(timetable: Timetable, most: int) -> Timetable:
    def limited(bounds: Bounds) -> Bounds:
        return Bounds(min(bounds.fewest, most), min(bounds.most, most))

    schedules = tuple(replace(each, bounds=limited(each.bounds)) for each in timetable.schedules)
    return Timetable(limited(timetable.base), schedules)


class ServiceScaling:
    """Follows the values of all APIs that have room to scale."""

    def __init__(
        self,
        timetables: Mapping[str, Timetable],
        *,
        ecs: ECSClient,
        cloudwatch: CloudWatchClient,
        deployment: str,
        clusters: Mapping[str, str],
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._timetables = timetables
        self._ecs = ecs
        self._cloudwatch = cloudwatch
        self._deployment = deployment
        self._clusters = clusters
        self._note = note
        self._clock = clock
        self._today = today
        self._alarms = {
            name: [Alarm(policy) for policy in policies(each.widest.fewest, each.widest.most)]
            for name, each in timetables.items()
        }
        #: What each service's tasks were brought within last, as by a scalable target.
        self._bounds: dict[str, Bounds] = {}

    def run(self, stop_event: threading.Event) -> None:
        """Look every ten seconds until told to stop; an emulator that does not answer changes nothing."""
        while not stop_event.wait(LOOK_SECONDS):
            with suppress(ClusterUnreachable):
                self.follow()

    def follow(self) -> None:
        """Look at the latest values once, and act on them."""
        for name, alarms in self._alarms.items():
            bounds = self._timetables[name].at(self._today())
            if bounds != self._bounds.get(name) and self._change(name, 0, bounds):
                self._bounds[name] = bounds
            for alarm in alarms:
                value = self._latest(name, _MEASURES[alarm.policy.sign])
                change = alarm.look(value, now=self._clock())
                if change:
                    self._change(name, change, bounds)

    def _latest(self, api: str, measure: Measure) -> float | None:
        now = datetime.now(UTC)
        with translated():
            answer = self._cloudwatch.get_metric_statistics(
                Namespace=NAMESPACE,
                MetricName=measure,
                Dimensions=[
                    {"Name": DEPLOYMENT, "Value": self._deployment},
                    {"Name": API, "Value": api},
                ],
                StartTime=now - timedelta(seconds=_FRESH_SECONDS),
                EndTime=now + timedelta(seconds=LOOK_SECONDS),
                Period=LOOK_SECONDS,
                Statistics=["Maximum"],
            )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return points[-1]["Maximum"] if points else None

    def _change(self, api: str, change: int, bounds: Bounds) -> bool:
        """Have so many tasks more or less, within the bounds; whether there is a service to have them."""
        cluster, service = self._clusters[api], names.service(api)
        with translated():
            found = self._ecs.describe_services(cluster=cluster, services=[service])["services"]
            if not found:
                return False
            desired = found[0]["desiredCount"]
            wanted = bounds.clamp(desired + change)
            if wanted != desired:
                self._ecs.update_service(cluster=cluster, service=service, desiredCount=wanted)
                self._note(f"{api}: {desired} to {wanted} tasks")
        return True
