"""Resources of other stacks by the names all parts agree on: nothing is exported, nothing imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Aws, Stack

from cdk.stage import STAGE_NAME
from penstock import names
from penstock.webhooks import own

if TYPE_CHECKING:
    from penstock.config import Api


@dataclass(frozen=True, slots=True)
class Arns:
    """ARNs of one deployment in the stack's own account and region."""

    stack: Stack
    deployment: str

    @property
    def bucket_name(self) -> str:
        """Name of the bucket, which depends on the account."""
        return names.bucket(self.deployment, account=Aws.ACCOUNT_ID, region=Aws.REGION)

    @property
    def bucket(self) -> str:
        """The bucket itself."""
        return self.stack.format_arn(service="s3", region="", account="", resource=self.bucket_name)

    def objects(self, prefix: str) -> str:
        """All objects below a prefix."""
        return f"{self.bucket}/{prefix}/*"

    def foreign_objects(self, bucket: str) -> str:
        """All objects of a bucket of the user's."""
        return self.stack.format_arn(service="s3", region="", account="", resource=bucket, resource_name="*")

    @property
    def table(self) -> str:
        """The table of records."""
        return self.stack.format_arn(
            service="dynamodb", resource="table", resource_name=names.table(self.deployment)
        )

    def index(self, name: str) -> str:
        """One index of the table."""
        return f"{self.table}/index/{name}"

    def foreign_bucket(self, bucket: str) -> str:
        """A bucket of the user's itself."""
        return self.stack.format_arn(service="s3", region="", account="", resource=bucket)

    def service(self, api: Api) -> str:
        """The ECS service of one API."""
        return self.stack.format_arn(
            service="ecs",
            resource="service",
            resource_name=f"{api.cluster(self.deployment)}/{names.service(api.name)}",
        )

    def queue(self, api: str) -> str:
        """The queue of one API."""
        return self.stack.format_arn(service="sqs", resource=names.queue(self.deployment, api))

    def dead_letter_queue(self, api: str) -> str:
        """The dead-letter queue of one API."""
        return self.stack.format_arn(service="sqs", resource=names.dead_letter_queue(self.deployment, api))

    @property
    def queues(self) -> str:
        """What the ARNs of all our queues begin with, up to the name."""
        return self.stack.format_arn(service="sqs", resource="")

    @property
    def request_queues(self) -> str:
        """The queues of all APIs, also of those that have left the configuration.

        A deployment whose name begins with this one's and a dash has queues that match as well: for
        reading depths, and nothing else.
        """
        return self.stack.format_arn(service="sqs", resource=names.queue(self.deployment, "*"))

    @property
    def services(self) -> list[str]:
        """The ECS services of all APIs, in the cluster that they share and in those of their own."""
        return self._in_clusters("service", "/*")

    @property
    def all_tasks(self) -> list[str]:
        """The tasks of all APIs, wherever they run."""
        return self._in_clusters("task", "/*")

    @property
    def clusters(self) -> list[str]:
        """The cluster that APIs share, and those of their own."""
        return self._in_clusters("cluster", "")

    def _in_clusters(self, resource: str, below: str) -> list[str]:
        shared = names.cluster(self.deployment)
        return [
            self.stack.format_arn(service="ecs", resource=resource, resource_name=f"{cluster}{below}")
            for cluster in (shared, f"{shared}_*")
        ]

    @property
    def all_job_queues(self) -> str:
        """The queues of all jobs of the deployment; no other deployment's name has the underscore in it."""
        return self.stack.format_arn(service="sqs", resource=names.job_queues(self.deployment))

    def job_queues(self, api: str) -> str:
        """The queues of all jobs of one API, which come and go."""
        return self.stack.format_arn(
            service="sqs", resource=f"{names.job_queue_prefix(self.deployment, api)}*"
        )

    def batch_queue(self, part: str) -> str:
        """One of the queues of executions that ended."""
        return self.stack.format_arn(service="sqs", resource=names.batch_queue(self.deployment, part))

    def batch_function(self, step: str) -> str:
        """One of the functions of the state machines."""
        return self.stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=names.batch_function(self.deployment, step),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def state_machine(self, api: str) -> str:
        """The state machine of one batch API."""
        return self.stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=names.state_machine(self.deployment, api),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    @property
    def state_machines(self) -> str:
        """What the ARNs of all state machines begin with, up to the name."""
        return self.stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name="",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def executions(self, api: str) -> list[str]:
        """All executions of it, and of the children of its Distributed Maps; of no longer name's."""
        machine = names.state_machine(self.deployment, api)
        return [
            self.stack.format_arn(
                service="states",
                resource="execution",
                resource_name=name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for name in (f"{machine}:*", f"{machine}/*")
        ]

    @property
    def timers(self) -> str:
        """The timers of all jobs."""
        group = names.batch_schedules(self.deployment)
        return self.stack.format_arn(service="scheduler", resource="schedule", resource_name=f"{group}/*")

    def webhook_queue(self, part: str) -> str:
        """One of the queues of deliveries."""
        return self.stack.format_arn(service="sqs", resource=names.webhook_queue(self.deployment, part))

    @property
    def webhook_secrets(self) -> str:
        """The secrets that webhooks are signed with; AWS adds six characters to each name."""
        return self.stack.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=names.webhook_secret(self.deployment, "*"),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def own_calls(self, api_id: str) -> str:
        """All submissions by the route that callbacks of one API to another take."""
        return self.stack.format_arn(
            service="execute-api",
            resource=api_id,
            resource_name=f"{STAGE_NAME}/POST{own.ROUTE.format(api='*')}",
        )

    def task_definitions(self, api: str) -> str:
        """All revisions of the task definition of one API."""
        family = names.task_family(self.deployment, api)
        return self.stack.format_arn(service="ecs", resource="task-definition", resource_name=f"{family}:*")

    def cluster(self, api: Api) -> str:
        """The cluster that one API's tasks run in."""
        return self.stack.format_arn(
            service="ecs", resource="cluster", resource_name=api.cluster(self.deployment)
        )

    def instances(self, api: Api) -> str:
        """The instances of the cluster that one API's tasks run in."""
        return self.stack.format_arn(
            service="ecs", resource="container-instance", resource_name=f"{api.cluster(self.deployment)}/*"
        )

    @property
    def task_definitions_of_all(self) -> str:
        """What the ARNs of the task definitions of all APIs begin with."""
        return self.stack.format_arn(
            service="ecs",
            resource="task-definition",
            resource_name=names.task_family(self.deployment, ""),
        )

    @property
    def services_of_all(self) -> str:
        """What the ARNs of the services of all APIs begin with, whichever cluster they are in."""
        return self.stack.format_arn(
            service="ecs", resource="service", resource_name=names.cluster(self.deployment)
        )

    @property
    def alarm_topic(self) -> str:
        """The deployment's own topic for alarms."""
        return self.stack.format_arn(service="sns", resource=names.alarm_topic(self.deployment))

    @property
    def task_events(self) -> str:
        """The rule by which Step Functions learns of the ends of tasks; it makes and names it itself."""
        return self.stack.format_arn(
            service="events", resource="rule", resource_name="StepFunctionsGetEventsForECSTaskRule"
        )

    def tasks(self, api: Api) -> str:
        """All tasks of the cluster that one API's tasks run in."""
        return self.stack.format_arn(
            service="ecs", resource="task", resource_name=f"{api.cluster(self.deployment)}/*"
        )

    def parameter(self, name: str) -> str:
        """One SSM parameter, given by its name."""
        return self.stack.format_arn(
            service="ssm", resource="parameter", resource_name=name.removeprefix("/")
        )
