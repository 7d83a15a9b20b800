"""The state machine of a batch API, in Amazon's States Language: prepare, enqueue beside work, finish.

Nothing is decided here: each state runs a step of ``batch_lambda`` or a worker, and what comes next stands
in a step's answer. Only a few words pass from state to state, as none may hold more than 256 KiB; whatever
grows with a job lies in S3 and in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdk import sidecar
from cdk.states import EVERYTHING, caught, choice, nothing, retry, service, wait
from penstock import keys
from penstock.batch import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdk.strategy import Share

    State = dict[str, Any]

#: Chunks enqueued at the same time, and so calls of one function: a tenth of what an account has of them.
_ENQUEUERS = 100

#: Of Lambda itself, not of the function's code.
_SERVICE_FAULTS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]

#: What each state has to know, and all that most need.
_JOB = {"api.$": "$.api", "job.$": "$.job"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the definition refers to."""

    api: str
    bucket: str
    #: ARNs of the functions.
    plan: str
    enqueue: str
    finish: str
    #: Longest run of one of them.
    function_seconds: int
    cluster: str
    #: Where workers run.
    shares: tuple[Share, ...]
    #: Whether several go to one instance before another gets any, so that it is soon empty again.
    packed: bool
    task_family: str
    #: Ids, with commas between them.
    subnets: str
    security_group: str
    #: ``ENABLED`` or ``DISABLED``, as for services.
    assign_public_ip: str

    def definition(self) -> State:
        """The whole, for a job as input: ``{"api": …, "job": …}``."""
        return {
            "Comment": f"Batch jobs of {self.api}. An execution has the name of its job.",
            "StartAt": "Prepare",
            "States": {
                "Prepare": self._step(
                    self.plan,
                    "prepare",
                    answer=("begin",),
                    into="$.prepared",
                    Catch=caught("Finish"),
                    Next="Does it begin?",
                ),
                "Does it begin?": choice("$.prepared.begin", {True: "Enqueue and work"}, default="Finish"),
                "Enqueue and work": {
                    "Type": "Parallel",
                    "Comment": "Workers start at once: batches come while others are still being made.",
                    "Branches": [self._enqueuing(), self._working()],
                    "ResultPath": None,
                    "Catch": caught("Finish"),
                    "Next": "Finish",
                },
                **self._finishing(),
            },
        }

    def _enqueuing(self) -> State:
        """From the submission's source to batches in the queue, and how many there are (J3)."""
        failed = "Enqueuing failed"
        return {
            "StartAt": "From the beginning",
            "States": {
                "From the beginning": {
                    "Type": "Pass",
                    "Result": {"position": None},
                    "ResultPath": "$.plan",
                    "Next": "Plan",
                },
                "Plan": self._step(
                    self.plan,
                    "plan",
                    {"position.$": "$.plan.position"},
                    answer=("done", "position"),
                    into="$.plan",
                    Catch=caught(failed),
                    Next="Is all planned?",
                ),
                "Is all planned?": choice("$.plan.done", {True: "Enqueue chunks"}, default="Plan"),
                "Enqueue chunks": self._distributed(
                    objects.CHUNKS,
                    {"chunk.$": "$$.Map.Item.Value.chunk", "enqueued": {"sent": 0}},
                    self._chunk(),
                    MaxConcurrency=_ENQUEUERS,
                    Catch=caught(failed),
                    Next="Seal",
                ),
                "Seal": self._step(self.plan, "seal", Catch=caught(failed), End=True),
                failed: self._step(self.finish, "enqueue_failed", {"fault.$": "$.fault"}, End=True),
            },
        }

    def _chunk(self) -> State:
        return {
            "StartAt": "Enqueue",
            "States": {
                "Enqueue": self._step(
                    self.enqueue,
                    "enqueue",
                    {"chunk.$": "$.chunk", "sent.$": "$.enqueued.sent"},
                    answer=("done", "sent"),
                    into="$.enqueued",
                    Next="Is it all enqueued?",
                ),
                "Is it all enqueued?": choice("$.enqueued.done", {True: "Chunk done"}, default="Enqueue"),
                "Chunk done": nothing(),
            },
        }

    def _working(self) -> State:
        """A lane for each worker that was asked for; one that fails leaves the job to the others (J9)."""
        lanes = self._distributed(
            objects.LANES,
            {"lane.$": "$$.Map.Item.Value.lane"},
            self._lane(),
            ToleratedFailurePercentage=100,
            End=True,
        )
        return {"StartAt": "Worker lanes", "States": {"Worker lanes": lanes}}

    def _lane(self) -> State:
        return {
            "StartAt": "Run a worker",
            "States": {
                "Run a worker": self._worker(
                    ResultPath="$.outcome", Catch=caught("What next?", path="$.outcome"), Next="What next?"
                ),
                "What next?": self._step(
                    self.finish,
                    "lane",
                    {"lane.$": "$.lane", "outcome.$": "$.outcome"},
                    answer=("again", "wait_seconds"),
                    into="$.next",
                    Next="Another worker?",
                ),
                "Another worker?": choice("$.next.again", {True: "Pause"}, default="Lane over"),
                "Pause": wait("$.next.wait_seconds", then="Run a worker"),
                "Lane over": nothing(),
            },
        }

    def _finishing(self) -> dict[str, State]:
        """Until there is nothing left to do (J10)."""
        return {
            "Finish": self._step(
                self.finish,
                "finish",
                {"state.$": "$"},
                answer=("next", "wait_seconds", "last_workers"),
                into="$.finish",
                Next="Is it over?",
            ),
            "Is it over?": choice(
                "$.finish.next", {"done": "Over", "work": "Run one more worker"}, default="Wait"
            ),
            "Wait": wait("$.finish.wait_seconds", then="Finish"),
            "Run one more worker": self._worker(
                Comment="All batches have ended, and nobody has told the container.",
                ResultPath=None,
                Catch=caught("Finish"),
                Next="Finish",
            ),
            "Over": {"Type": "Succeed"},
        }

    def _step(
        self,
        function: str,
        step: str,
        told: Mapping[str, Any] | None = None,
        *,
        answer: tuple[str, ...] = (),
        into: str | None = None,
        **then: Any,
    ) -> State:
        """A call of a function; of its answer only the named members are kept."""
        kept = {f"{member}.$": f"$.Payload.{member}" for member in answer}
        return {
            "Type": "Task",
            "Resource": service("lambda:invoke"),
            "Parameters": {"FunctionName": function, "Payload": {"step": step, **_JOB, **(told or {})}},
            "TimeoutSeconds": self.function_seconds + 60,
            **({"ResultSelector": kept} if kept else {}),
            "ResultPath": into,
            "Retry": [
                # What is wrong with the input stays wrong.
                {"ErrorEquals": ["InputFault"], "MaxAttempts": 0},
                retry(_SERVICE_FAULTS, times=10),
                retry(EVERYTHING, times=5),
            ],
            **then,
        }

    def _worker(self, **then: Any) -> State:
        """A task of the API, until it ends; how it ends is for the step after it to judge."""
        job = [{"Name": sidecar.JOB_ID, "Value.$": "$.job"}]
        return {
            "Type": "Task",
            "Resource": service("ecs:runTask.sync"),
            "Parameters": {
                "CapacityProviderStrategy": [
                    {"CapacityProvider": share.provider, "Weight": share.weight} for share in self.shares
                ],
                **({"PlacementStrategy": [{"Type": "binpack", "Field": "memory"}]} if self.packed else {}),
                "Cluster": self.cluster,
                # The family, not a revision: a job goes on when its API is deployed anew, and CloudFormation
                # takes the old revision out of service then.
                "TaskDefinition": self.task_family,
                "NetworkConfiguration": {
                    "AwsvpcConfiguration": {
                        "Subnets.$": f"States.StringSplit('{self.subnets}', ',')",
                        "SecurityGroups": [self.security_group],
                        "AssignPublicIp": self.assign_public_ip,
                    }
                },
                "Overrides": {
                    "ContainerOverrides": [
                        {"Name": container, "Environment": job}
                        for container in (sidecar.DEQUEUER, sidecar.JOB_SPEC)
                    ]
                },
                "PropagateTags": "TASK_DEFINITION",
                "EnableECSManagedTags": True,
            },
            **then,
        }

    def _distributed(self, lines: str, item: Mapping[str, Any], processor: State, **then: Any) -> State:
        """A child execution for each line of one of the job's objects."""
        key = f"States.Format('{keys.JOBS}/{{}}/{{}}/{lines}', $.api, $.job)"
        return {
            "Type": "Map",
            "ItemReader": {
                "Resource": service("s3:getObject"),
                "ReaderConfig": {"InputType": "JSONL"},
                "Parameters": {"Bucket": self.bucket, "Key.$": key},
            },
            "ItemSelector": {**_JOB, **item},
            "ItemProcessor": {
                # Standard ones: a worker runs for hours, and Express knows no ``.sync``.
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **processor,
            },
            "ResultPath": None,
            **then,
        }
