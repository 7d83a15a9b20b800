"""Deployments of APIs whose workers are never idle, with requests that take longer than any pause.

Real are the dequeuers, their protection and their stop, the servers, and the update of the deployed
stack. ECS's scheduler is played by the local agent.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from dequeuer.shift import Pace, longest_hold_ms
from localstack.task_pair import PairState
from penstock import names
from penstock.records import RequestKey, Status
from tests.e2e.conftest import DEPLOYMENT, HEALTHY_AFTER_SECONDS, Stack
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localstack.task_pair import PairView

pytestmark = [
    pytest.mark.embedded_only("without ECS nothing is deployed anew"),
    pytest.mark.timeout(240),
]

RUN_SECONDS = 2
#: The dequeuer's times, shorter than a request, as they are next to one of hours.
SETTLE_SECONDS, SHIFT_SECONDS, DRAIN_SECONDS, LONG_POLL_SECONDS = 1, 3, 1, 1
PACE = {
    "PENSTOCK_SETTLE_SECONDS": str(SETTLE_SECONDS),
    "PENSTOCK_SHIFT_SECONDS": str(SHIFT_SECONDS),
    "PENSTOCK_DRAIN_SECONDS": str(DRAIN_SECONDS),
    "PENSTOCK_POLL_SECONDS": str(LONG_POLL_SECONDS),
}
#: The dequeuer ends at once with settings that it cannot read.
BROKEN = {"PENSTOCK_MAX_ATTEMPTS": "many"}

#: Of a machine on which everything else runs too.
SLOWNESS_SECONDS = 20


def limit_seconds(*, slots: int) -> float:
    """How long a rollout may take: the new tasks are healthy, and each old one has rested and ended."""
    pace = Pace(settle_ms=SETTLE_SECONDS * 1000, shift_ms=SHIFT_SECONDS * 1000)
    hold_ms = longest_hold_ms(RUN_SECONDS * 1000, slots=slots, poll_ms=LONG_POLL_SECONDS * 1000, pace=pace)
    return HEALTHY_AFTER_SECONDS + hold_ms / 1000 + DRAIN_SECONDS + LONG_POLL_SECONDS + SLOWNESS_SECONDS


@dataclass
class Site:
    """One API, its deployed stack and the backlog of its queue."""

    stack: Stack
    api: str
    slots: int
    submitted: list[str] = field(default_factory=list)
    logs: set[Path] = field(default_factory=set)
    #: Fewest tasks that worked, and most that had not ended.
    fewest: int = 2
    most: int = 2

    def __post_init__(self) -> None:
        self.ecs, self.cloudformation = self.stack.aws("ecs"), self.stack.aws("cloudformation")
        self.service = {"cluster": names.cluster(DEPLOYMENT), "service": names.service(self.api)}
        self.revision_of: dict[str, str] = {}
        self.pool = ThreadPoolExecutor(4)

    @property
    def definition(self) -> str:
        return self.described["taskDefinition"]

    @property
    def described(self):
        [service] = self.ecs.describe_services(
            cluster=self.service["cluster"], services=[self.service["service"]]
        )["services"]
        return service

    def scale(self, count: int) -> None:
        self.ecs.update_service(**self.service, desiredCount=count)

    def deploy(self, **variables: str) -> str:
        """Update the stack as `cdk deploy` does, to a task whose dequeuer has other variables."""
        name = names.stack(DEPLOYMENT, f"api-{self.api}")
        template = self.cloudformation.get_template(StackName=name)["TemplateBody"]
        template = json.loads(template) if isinstance(template, str) else template
        [definition] = [
            resource["Properties"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::ECS::TaskDefinition"
        ]
        [dequeuer] = [part for part in definition["ContainerDefinitions"] if part["Name"] == "dequeuer"]
        given = {pair["Name"]: pair for pair in dequeuer["Environment"]}
        given |= {name: {"Name": name, "Value": value} for name, value in variables.items()}
        dequeuer["Environment"] = list(given.values())
        before = self.definition
        self.cloudformation.update_stack(
            StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        eventually(lambda: self.definition != before, within_seconds=30, what="the new revision is wanted")
        return self.definition

    def running(self) -> dict[str, PairView]:
        """The pairs that have not ended, noting what each is."""
        pairs = {pair.task_arn: pair for pair in self.stack.local.pairs(self.api)}
        if unknown := [arn for arn in pairs if arn not in self.revision_of]:
            tasks = self.ecs.describe_tasks(cluster=self.service["cluster"], tasks=unknown)["tasks"]
            self.revision_of |= {task["taskArn"]: task["taskDefinitionArn"] for task in tasks}
        self.logs |= {pair.server_log for pair in pairs.values()}
        self.fewest = min(self.fewest, sum(pair.state is PairState.RUNNING for pair in pairs.values()))
        self.most = max(self.most, len(pairs))
        return pairs

    def all_of(self, definition: str, *, count: int = 2) -> bool:
        revisions = [self.revision_of[arn] for arn in self.running()]
        return revisions == [definition] * count

    def left(self) -> int:
        """How many requests wait."""
        attributes = self.stack.aws("sqs").get_queue_attributes(
            QueueUrl=self.stack.aws("sqs").get_queue_url(QueueName=names.queue(DEPLOYMENT, self.api))[
                "QueueUrl"
            ],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def keep_busy(self) -> None:
        """Submit what keeps all slots of old and new tasks busy for some seconds."""
        if self.left() < 6 * self.slots:
            query = {"do": "describe", "delay": str(RUN_SECONDS)}
            submit = lambda _: self.stack.submit(self.api, query=query)  # noqa: E731 - once
            self.submitted += self.pool.map(submit, range(4 * self.slots))

    def under_load_until(self, condition: Callable[[], bool], *, within_seconds: float, what: str) -> None:
        """Wait with a backlog all the time."""

        def reached() -> bool:
            self.keep_busy()
            return condition()

        eventually(reached, within_seconds=within_seconds, what=what)

    def assert_nothing_was_lost(self) -> None:
        """Each request has completed, once, at its first attempt, and ran as often as its record says."""
        states = list(self.pool.map(lambda one: self.stack.finished(self.api, one), self.submitted))
        assert len(set(self.submitted)) == len(states) > 0
        assert Counter((state.status, state.attempt) for state in states) == {
            (Status.COMPLETED, 1): len(self.submitted)
        }
        # Nothing but the id: two threads of a server may write into one line, word by word.
        written = "".join(log.read_text() for log in self.logs)
        records = [self.stack.records.get(RequestKey(api=self.api, id=one)) for one in self.submitted]
        begun = {record.id: written.count(record.id) for record in records}
        assert begun == {record.id: 1 + record.releases for record in records}


@pytest.fixture
def site(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Site]:
    api, slots = request.param
    site = Site(stack, api, slots)
    site.scale(2)
    first = site.deploy(**PACE)
    eventually(lambda: site.all_of(first), within_seconds=60, what="two tasks of the first revision")
    site.fewest = site.most = 2
    yield site
    site.scale(0)
    site.pool.shutdown()


@pytest.mark.parametrize("site", [("rolling", 2)], indirect=True, ids=["rolling"])
def test_a_rollout_of_busy_workers_ends_within_its_limit_and_loses_nothing(site: Site):
    site.under_load_until(lambda: site.left() >= 6, within_seconds=30, what="a backlog")

    after = site.deploy(REVISION="2")
    site.under_load_until(
        lambda: site.all_of(after), within_seconds=limit_seconds(slots=2), what="the new revision alone"
    )

    assert site.left() > 0
    assert site.described["desiredCount"] == 2

    # A revision whose tasks die is taken back, while the old tasks go on.
    good = {arn: pair.dequeuer_pid for arn, pair in site.running().items()}
    broken = site.deploy(**BROKEN)
    site.under_load_until(lambda: site.definition == after, within_seconds=60, what="the old revision again")
    assert broken != after
    eventually(lambda: site.all_of(after), within_seconds=30, what="no broken task left")
    assert {arn: pair.dequeuer_pid for arn, pair in site.running().items()} == good
    assert site.described["desiredCount"] == 2
    # All the time: as many as wanted, and one beyond them.
    assert (site.fewest, site.most) == (2, 3)
    site.assert_nothing_was_lost()


@pytest.mark.parametrize("site", [("scarce", 1)], indirect=True, ids=["scarce"])
def test_replacing_busy_workers_starts_a_new_one_only_where_an_old_one_has_ended(site: Site):
    site.under_load_until(lambda: site.left() >= 4, within_seconds=30, what="a backlog")
    after = site.deploy(REVISION="2")
    site.under_load_until(
        lambda: site.all_of(after), within_seconds=limit_seconds(slots=1), what="the new revision alone"
    )

    assert site.most == 2
    assert site.left() > 0
    assert site.described["desiredCount"] == 2
    site.assert_nothing_was_lost()
