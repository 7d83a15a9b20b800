"""Jobs of the end-to-end tests: what is sent, and the ledger that their container keeps."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock import names
from penstock.client import ItemList, JobRequest
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.client import JobState

API = "ledger"
ENDPOINT = "ledger-jobs"
INPUTS = "e2e-inputs"
#: What workers of batch APIs run on, of those that have a cluster of their own.
ON_INSTANCES = {API: "managed_instances"}


@dataclass(frozen=True)
class Call:
    """A line of the ledger."""

    what: str
    batch: str
    attempt: str
    pid: int
    items: list[Any]
    stats: dict[str, Any]


class Ledger:
    """What the container of a job was called with."""

    def __init__(self, stack: Stack, job: str) -> None:
        self._file = stack.local.state.logs / API / "ledger.jsonl"
        self._job = job

    def calls(self, what: str) -> list[Call]:
        """All of one kind, in their order."""
        lines = self._file.read_bytes().splitlines() if self._file.exists() else []
        told = [json.loads(line) for line in lines if line.endswith(b"}")]
        mine = [line for line in told if line["job"] == self._job and line["what"] == what]
        # What the container was told in other ways agrees.
        assert {name for line in mine for name in (line["cortex_job"], line["spec_job"])} <= {self._job}
        return [
            Call(
                what=what,
                batch=line["batch"],
                attempt=line["attempt"],
                pid=line["pid"],
                items=line.get("items", []),
                stats=line.get("stats", {}),
            )
            for line in mine
        ]

    def done(self) -> dict[str, list[Any]]:
        """Items by batch, of the batches that were answered well; the same twice is once."""
        calls = self.calls("done")
        batches = {call.batch: call.items for call in calls}
        assert all(batches[call.batch] == call.items for call in calls), "a batch had other items"
        return batches


def submit(stack: Stack, items: Sequence[Any], *, batch_size: int = 1, workers: int = 1, **more: Any) -> str:
    request = JobRequest(source=ItemList(items=items, batch_size=batch_size), workers=workers, **more)
    return stack.client.batch.submit(ENDPOINT, request).id


def ended(stack: Stack, job: str, *, within_seconds: float = 180) -> JobState:
    return stack.client.batch.wait(ENDPOINT, job, timeout_seconds=within_seconds)


def counted(items: Sequence[Any]) -> Counter[str]:
    """Items as a bag: none may be lost, and none come twice."""
    return Counter(json.dumps(item, sort_keys=True) for item in items)


def results(stack: Stack, state: JobState, kind: str = "results") -> dict[str, Any]:
    """Lines of the parts that the manifest lists, by batch; those that do not count left out."""
    s3 = stack.aws("s3")

    def lines(key: str) -> list[Any]:
        body = s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    found: dict[str, Any] = {}
    for part in lines(f"jobs/{state.api}/{state.id}/manifest.jsonl"):
        if part["kind"] != kind:
            continue
        told = lines(part["key"])
        assert len(told) == part["lines"]
        for line in told:
            if line["batch"] not in part.get("rejected", []):
                assert line["batch"] not in found, "a batch is listed twice"
                found[line["batch"]] = line
    return found


def left_behind(stack: Stack, job: str, api: str = API) -> list[str]:
    """What still exists of a job besides its record and its objects."""
    sqs, ecs, states = stack.aws("sqs"), stack.aws("ecs"), stack.aws("stepfunctions")
    prefix = names.job_queue_prefix(DEPLOYMENT, api)
    queues = sqs.list_queues(QueueNamePrefix=f"{prefix}{job}").get("QueueUrls", [])
    cluster = names.cluster_of(DEPLOYMENT, api, own=ON_INSTANCES.get(api))
    arns = ecs.list_tasks(cluster=cluster)["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    of_job = [task["taskArn"] for task in tasks if job in json.dumps(task["overrides"])]
    schedules = stack.aws("scheduler").list_schedules(NamePrefix=names.job_timer(DEPLOYMENT, api, job))[
        "Schedules"
    ]
    machine = f"arn:aws:states:us-east-1:000000000000:stateMachine:{names.state_machine(DEPLOYMENT, api)}"
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return [
        *queues,
        *of_job,
        *(schedule["Name"] for schedule in schedules),
        *(execution["executionArn"] for execution in running if execution["name"] == job),
    ]


def gone(stack: Stack, job: str, *, within_seconds: float = 40) -> None:
    """Wait until nothing is left of a job that runs or costs."""
    eventually(
        lambda: not left_behind(stack, job),
        within_seconds=within_seconds,
        what=f"nothing is left of {job}, but {left_behind(stack, job)}",
    )
