"""What all batch APIs of a deployment share: three functions, the jobs' timers, and ends of executions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk import alarms, batch_permissions, metrics
from cdk.alarms import Rule
from cdk.arns import Arns
from cdk.bundle import Bundle
from cdk.function import FunctionSpec, PythonFunction
from cdk.gateway import catalogue
from cdk.key import key_arn
from cdk.role import of_own_account, role
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdk.gateway import FunctionProps
    from penstock.config import Config

#: The longest that Lambda lets a function run: planning and enqueuing take as much of it as they need.
FUNCTION_SECONDS = 900
#: It ends its rounds after 200 s, and what it has begun soon after.
_FINISH_SECONDS = 300

_MEMORY_MIB = 512
#: A whole core, which costs the same for the same work and ends a file of one chunk sooner; and a batch of
#: 32 MiB takes up to 400 MiB while it is made.
_ENQUEUE_MIB = 1792

#: Parts of the name of the queues, see ``names.batch_queue``.
ENDS = "ends"
_DEAD = "ends-dead"

#: Calls about one execution; while its workers leave there is one every 5 s.
_MOST_RECEIVES = 100
_RETENTION = Duration.days(14)

_SERVICE = "batch"
_DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing-extensions")


class Batch(Construct):
    """The functions behind all state machines, which are in the stacks of their APIs."""

    def __init__(self, scope: Construct, id_: str, props: FunctionProps) -> None:
        super().__init__(scope, id_)
        self._props = props
        self._deployment = props.config.deployment
        self._arns = Arns(Stack.of(self), self._deployment)
        scheduler.CfnScheduleGroup(self, "Timers", name=names.batch_schedules(self._deployment))
        ends, dead = self._add_queues()
        timer_role = self._add_timer_role()
        told = self._surroundings(timer_role)
        self._add_plan(told, timer_role)
        self._add_enqueue()
        finish = self._add_finish(told, ends)
        self._add_ends(finish, ends)
        self._add_alarm(dead)

    def _add_queues(self) -> tuple[sqs.Queue, sqs.Queue]:
        dead = self._queue("Dead", name=names.batch_queue(self._deployment, _DEAD))
        ends = self._queue(
            "Ends",
            name=names.batch_queue(self._deployment, ENDS),
            # Six times the function's time, as AWS asks for. A job whose workers are still leaving is
            # looked at again much sooner: the function sees to that.
            visibility_timeout=Duration.seconds(6 * _FINISH_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=_MOST_RECEIVES),
        )
        # CloudFormation names the rules of APIs' stacks, and keeps at least 25 characters of a stack's name:
        # as many as the longest deployment's prefix has.
        rules = Stack.of(self).format_arn(
            service="events", resource="rule", resource_name=names.stack(self._deployment, "*")
        )
        ends.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[ends.queue_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": rules},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
        return ends, dead

    def _queue(
        self,
        id_: str,
        *,
        name: str,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            retention_period=_RETENTION,
            visibility_timeout=visibility_timeout,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=dead_letter_queue,
        )

    def _add_timer_role(self) -> iam.Role:
        return role(
            self,
            "TimerRole",
            assumed_by=of_own_account("scheduler.amazonaws.com"),
            policies={"timer": batch_permissions.call([self._arns.batch_function("finish")])},
        )

    def _surroundings(self, timer_role: iam.Role) -> dict[str, str]:
        key = key_arn(self, self._props.config)
        return {
            "PENSTOCK_QUEUE_ARNS": self._arns.queues,
            "PENSTOCK_TIMER_FUNCTION_ARN": self._arns.batch_function("finish"),
            "PENSTOCK_TIMER_ROLE_ARN": timer_role.role_arn,
            **({"PENSTOCK_QUEUE_KEY_ARN": key} if key else {}),
        }

    def _add_plan(self, told: Mapping[str, str], timer_role: iam.Role) -> None:
        rights = batch_permissions.plan(self._arns, timer_role_arn=timer_role.role_arn)
        self._function("Plan", "plan", rights=rights, told=told)

    def _add_enqueue(self) -> None:
        rights = batch_permissions.enqueue(self._arns)
        self._function("Enqueue", "enqueue", rights=rights, memory_mib=_ENQUEUE_MIB)

    def _add_finish(self, told: Mapping[str, str], ends: sqs.Queue) -> lambda_.Function:
        return self._function(
            "Finish",
            "finish",
            rights=batch_permissions.finish(self._arns, ends_arn=ends.queue_arn),
            told={**told, "PENSTOCK_ENDS_QUEUE_URL": ends.queue_url},
            seconds=_FINISH_SECONDS,
        )

    def _function(
        self,
        id_: str,
        step: str,
        *,
        rights: iam.PolicyDocument,
        told: Mapping[str, str] | None = None,
        seconds: int = FUNCTION_SECONDS,
        memory_mib: int = _MEMORY_MIB,
    ) -> lambda_.Function:
        spec = FunctionSpec(
            name=names.batch_function(self._deployment, step),
            bundle=bundle(self._props.config, f"batch_lambda.{step}_handler"),
            root=self._props.root,
            build_folder=self._props.build_folder,
            rights=rights,
            policy_name="batch",
            timeout=Duration.seconds(seconds),
            memory_mib=memory_mib,
            environment={
                "PENSTOCK_DEPLOYMENT": self._deployment,
                "PENSTOCK_TABLE": names.table(self._deployment),
                "PENSTOCK_BUCKET": self._arns.bucket_name,
                **(told or {}),
            },
            service=_SERVICE,
        )
        made = PythonFunction(self, id_, spec)
        made.publish_role(self._deployment)
        return made.function

    def _add_ends(self, finish: lambda_.Function, ends: sqs.Queue) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "EndsMapping",
            function_name=finish.function_name,
            event_source_arn=ends.queue_arn,
            # Each may wait for its own workers.
            batch_size=1,
            function_response_types=["ReportBatchItemFailures"],
        )
        mapping.node.add_dependency(finish)

    def _add_alarm(self, dead: sqs.Queue) -> None:
        function = names.batch_function(self._deployment, "finish")
        alarms.add(
            self,
            "NotFinished",
            dead.metric_approximate_number_of_messages_visible(
                period=metrics.FIVE_MINUTES, statistic="Maximum"
            ),
            Rule(),
            text=(
                "Jobs whose execution ended early could not be ended. "
                f"See the queue {dead.queue_name} and the log group /aws/lambda/{function}."
            ),
        )


def bundle(config: Config, entry: str) -> Bundle:
    """What one of the functions consists of."""
    return Bundle(
        entry=entry,
        packages=("batch_lambda", "penstock"),
        distributions=_DISTRIBUTIONS,
        files={"penstock/catalogue.json": catalogue(config).to_json()},
    )
