"""One batch API: its task, the state machine of its jobs, and where their dead letters go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Fn, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from cdk import alarms, batch_permissions, metrics, sidecar, tracing
from cdk.acknowledged import acknowledge
from cdk.alarms import Rule
from cdk.arns import Arns
from cdk.batch import ENDS, FUNCTION_SECONDS
from cdk.dead_letters import DeadLetters
from cdk.function import AddedRights
from cdk.own_cluster import ClusterProps, OwnCluster
from cdk.placement import placement
from cdk.queues import dead_letter_queue
from cdk.registration import Registration
from cdk.release import ReleaseRecord
from cdk.role import of_own_account, role
from cdk.state_machine import Machine
from cdk.strategy import shares
from cdk.task import Task, TaskProps
from penstock import names
from penstock.config import CapacityKind

if TYPE_CHECKING:
    from pathlib import Path

    from aws_cdk import aws_sqs as sqs

    from cdk.placement import Placement
    from cdk.stage import Stage
    from penstock.config import BatchApi, Network, Tracing


class Jobs(Construct):
    """Everything that exists once per batch API. Queues of work come and go with their jobs."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: str,
        api: BatchApi,
        network: Network,
        traced: Tracing | None,
        stage: Stage,
        root: Path,
    ) -> None:
        super().__init__(scope, id_)
        self._deployment = deployment
        self._api = api
        self._arns = Arns(Stack.of(self), deployment)
        dead_letters = dead_letter_queue(self, "DeadLetterQueue", deployment=deployment, api=api.name)
        acknowledge(dead_letters, "SQS3", "It is a dead-letter queue itself: that of the queues of all jobs.")
        DeadLetters(self, "DeadLetters", deployment=deployment, api=api.name, queue=dead_letters)
        Registration(self, "Registration", deployment=deployment, api=api)
        self._add_rights()
        place = placement(self, deployment=deployment, configured=network)
        task = Task(self, "Task", self._task(dead_letters, traced, stage, root))
        ReleaseRecord(self, "Release", deployment=deployment, api=api, task=task)
        machine = self._add_machine(task, place)
        if api.own_cluster:
            props = ClusterProps(deployment=deployment, api=api, place=place, stage=stage)
            # Deleted before what its tasks run on.
            machine.node.add_dependency(OwnCluster(self, "Capacity", props))
        self._add_rule()
        self._add_alarm(machine)

    def _add_rights(self) -> None:
        """What the functions of all state machines need for this one's jobs."""
        for step, statements in batch_permissions.of_api(self._arns, self._api).items():
            if statements:
                AddedRights(
                    self,
                    step.capitalize(),
                    deployment=self._deployment,
                    function_name=names.batch_function(self._deployment, step),
                    statements=statements,
                )

    def _task(self, dead_letters: sqs.Queue, traced: Tracing | None, stage: Stage, root: Path) -> TaskProps:
        api = self._api
        return TaskProps(
            deployment=self._deployment,
            api=api,
            stage=stage,
            variables=sidecar.of_jobs(
                api, deployment=self._deployment, dead_letter_url=dead_letters.queue_url, stage=stage
            )
            | tracing.of_task(traced),
            secrets=tracing.secrets_of_task(traced),
            rights=batch_permissions.worker(self._arns, api.name, input_buckets=api.input_buckets),
            root=root,
        )

    def _add_machine(self, task: Task, place: Placement) -> stepfunctions.CfnStateMachine:
        rights = batch_permissions.state_machine(
            self._arns, self._api, role_arns=[role.role_arn for role in task.roles]
        )
        machine_role = role(
            self,
            "MachineRole",
            assumed_by=of_own_account("states.amazonaws.com"),
            policies={"jobs": rights},
        )
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=names.state_machine(self._deployment, self._api.name),
            state_machine_type="STANDARD",
            role_arn=machine_role.role_arn,
            # Not CDK's own way into JSON, which leaves members out that are null, and null means something
            # here: a state whose result is not kept.
            definition_string=json.dumps(self._machine(place).definition(), indent=1),
        )
        acknowledge(
            machine,
            "SF1",
            "To log needs eight more rights on all resources, as AWS knows no narrower ones for them. Step "
            "Functions keeps each execution's history for 90 days, and each step's function has its log.",
        )
        acknowledge(machine, "SF2", "Job and batch ids in records and logs say what X-Ray would, at no cost.")
        return machine

    def _machine(self, place: Placement) -> Machine:
        return Machine(
            api=self._api.name,
            bucket=self._arns.bucket_name,
            plan=self._arns.batch_function("plan"),
            enqueue=self._arns.batch_function("enqueue"),
            finish=self._arns.batch_function("finish"),
            function_seconds=FUNCTION_SECONDS,
            cluster=self._api.cluster(self._deployment),
            shares=shares(self._api, self._deployment),
            packed=self._api.capacity.kind is CapacityKind.EC2,
            task_family=names.task_family(self._deployment, self._api.name),
            subnets=Fn.join(",", place.subnet_ids),
            security_group=place.security_group_id,
            assign_public_ip=place.assign_public_ip,
        )

    def _add_rule(self) -> None:
        """An execution that is aborted or fails runs no state any more: its job is ended from outside."""
        events.CfnRule(
            self,
            "Ended",
            event_pattern={
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "status": ["ABORTED", "FAILED", "TIMED_OUT"],
                    # Not the children of its Distributed Maps, whose machines have longer names.
                    "stateMachineArn": [self._arns.state_machine(self._api.name)],
                },
            },
            targets=[events.CfnRule.TargetProperty(id="finish", arn=self._arns.batch_queue(ENDS))],
        )

    def _add_alarm(self, machine: stepfunctions.CfnStateMachine) -> None:
        name = names.state_machine(self._deployment, self._api.name)
        alarms.add(
            self,
            "ExecutionsFail",
            metrics.of_machine(machine.ref, "ExecutionsFailed"),
            Rule(),
            text=(
                f"Executions of {name} failed, which no job should make them do: see their history in "
                "Step Functions."
            ),
        )
