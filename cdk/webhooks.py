"""Notices: the stream's consumer, the topic, the two lanes of deliveries and their sender."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import alarms, metrics, permissions, tracing
from cdk.acknowledged import acknowledge
from cdk.alarms import Rule
from cdk.arns import Arns
from cdk.bundle import Bundle
from cdk.function import FunctionSpec, PythonFunction
from cdk.gateway import catalogue
from penstock import names
from penstock.aws import unread
from penstock.metrics import Metric
from penstock.webhooks.hosts import LANE_CALLS, Lane
from penstock.webhooks.schedule import Schedule
from webhook_lambda.images import stream_filters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdk.gateway import FunctionProps
    from cdk.stage import Stage
    from penstock.config import Config

STREAM = "webhook_lambda.stream"
SENDER = "webhook_lambda.sender"

#: SSM parameters that other stacks leave for this one: neither has a name to choose.
STREAM_ARN = "stream-arn"
REST_API_ID = "rest-api-id"

SERVICE = "webhooks"

_DISTRIBUTIONS = ("aws-lambda-powertools", "h11", "jmespath", "typing-extensions")

#: A hundred records, each with a few writes.
_STREAM_SECONDS = 60
#: The name is looked up, the call made, and its outcome written.
_SENDER_SECONDS = 35

#: Tries of one record of the stream before it goes to the failure queue and lets the others pass.
_STREAM_RETRIES = 10
#: Lambda waits longer from try to try, up to a minute: this is long enough for AWS's short outages.
_OLDEST_RECORD_SECONDS = 6 * 3600
#: What the stream holds is read within a second or so.
_LATE_MS = 60_000

#: Receipts of a message that the sender does not get through with; hops are new messages.
_MOST_RECEIVES = 10
_RETENTION = Duration.days(14)


class Webhooks(Construct):
    """Everything between the end of a request and those who are told."""

    def __init__(self, scope: Construct, id_: str, props: FunctionProps, *, stage: Stage) -> None:
        super().__init__(scope, id_)
        self._props = props
        self._stage = stage
        self._deployment = props.config.deployment
        self._arns = Arns(Stack.of(self), self._deployment)
        self._api_id = self._parameter(REST_API_ID)
        self._dead = self._add_queue("Dead", name=names.webhook_queue(self._deployment, "dead"))
        self._unread = self._add_queue("Unread", name=names.webhook_queue(self._deployment, unread.PART))
        acknowledge(
            self._unread, "SQS3", "It is a dead-letter queue itself: Lambda puts there what it gave up."
        )
        topic = self._add_topic()
        stream = self._add_stream(topic)
        lanes = self._add_lanes()
        sender = self._add_sender(lanes)
        self._connect(sender, lanes)
        self._add_alarms(stream, sender)

    def _parameter(self, name: str) -> str:
        return ssm.StringParameter.value_for_string_parameter(self, names.parameter(self._deployment, name))

    def _add_topic(self) -> sns.Topic:
        return sns.Topic(self, "Events", topic_name=names.event_topic(self._deployment), enforce_ssl=True)

    def _add_stream(self, topic: sns.Topic) -> lambda_.Function:
        stream_arn = self._parameter(STREAM_ARN)
        function = self._add_function(
            "Stream",
            name=names.event_function(self._deployment),
            entry=STREAM,
            timeout_seconds=_STREAM_SECONDS,
            rights=permissions.events(
                self._arns,
                stream_arn=stream_arn,
                topic_arn=topic.topic_arn,
                unread_arn=self._unread.queue_arn,
            ),
            environment={"PENSTOCK_TOPIC_ARN": topic.topic_arn},
        )
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "StreamMapping",
            function_name=function.function_name,
            event_source_arn=stream_arn,
            # From the beginning of what the stream still has: nothing may fall between two deployments.
            starting_position="TRIM_HORIZON",
            batch_size=100,
            parallelization_factor=4,
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=_STREAM_RETRIES,
            maximum_record_age_in_seconds=_OLDEST_RECORD_SECONDS,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=self._unread.queue_arn)
            ),
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[
                    lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(pattern))
                    for pattern in stream_filters()
                ]
            ),
        )
        mapping.node.add_dependency(function)
        return function

    def _add_lanes(self) -> dict[Lane, sqs.Queue]:
        return {
            lane: self._add_queue(
                f"{lane.capitalize()}Lane",
                name=names.webhook_queue(self._deployment, lane),
                dead_letters=sqs.DeadLetterQueue(queue=self._dead, max_receive_count=_MOST_RECEIVES),
                # AWS asks for at least the function's time; a message of one that died comes back then.
                visibility=Duration.seconds(2 * _SENDER_SECONDS),
            )
            for lane in Lane
        }

    def _add_sender(self, lanes: Mapping[Lane, sqs.Queue]) -> lambda_.Function:
        waits, traced = self._props.config.callbacks.schedule, self._props.config.tracing
        rights = permissions.sender(
            self._arns, queue_arns=[queue.queue_arn for queue in lanes.values()], api_id=self._api_id
        )
        rights.add_statements(*tracing.rights(self._arns, traced))
        return self._add_function(
            "Sender",
            name=names.webhook_function(self._deployment),
            role_name=names.webhook_role(self._deployment, region=Aws.REGION),
            entry=SENDER,
            timeout_seconds=_SENDER_SECONDS,
            rights=rights,
            environment={
                "PENSTOCK_SCHEDULE": str(Schedule(tuple(int(wait.total_seconds()) for wait in waits))),
                "PENSTOCK_LOOPBACK": str(int(self._stage.loopback_callbacks)),
                **tracing.of_function(traced),
            },
        )

    def _connect(self, sender: lambda_.Function, lanes: Mapping[Lane, sqs.Queue]) -> None:
        for lane, queue in lanes.items():
            mapping = lambda_.CfnEventSourceMapping(
                self,
                f"{lane.capitalize()}Mapping",
                function_name=sender.function_name,
                event_source_arn=queue.queue_arn,
                # One message, one attempt: a receiver that hangs holds up nothing but itself.
                batch_size=1,
                scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                    maximum_concurrency=LANE_CALLS[lane]
                ),
            )
            mapping.node.add_dependency(sender)

    def _add_queue(
        self,
        id_: str,
        *,
        name: str,
        dead_letters: sqs.DeadLetterQueue | None = None,
        visibility: Duration | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            retention_period=_RETENTION,
            visibility_timeout=visibility,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=dead_letters,
        )

    def _add_function(
        self,
        id_: str,
        *,
        name: str,
        entry: str,
        timeout_seconds: int,
        rights: iam.PolicyDocument,
        environment: Mapping[str, str],
        role_name: str | None = None,
    ) -> lambda_.Function:
        spec = FunctionSpec(
            name=name,
            bundle=bundle(self._props.config, entry),
            root=self._props.root,
            build_folder=self._props.build_folder,
            rights=rights,
            policy_name="webhooks",
            role_name=role_name,
            timeout=Duration.seconds(timeout_seconds),
            environment={
                "PENSTOCK_DEPLOYMENT": self._deployment,
                "PENSTOCK_TABLE": names.table(self._deployment),
                "PENSTOCK_BUCKET": self._arns.bucket_name,
                "PENSTOCK_API_URL": self._stage.base_url(
                    self._api_id, self._stage.domain(self._props.config.domain)
                ),
                **environment,
            },
            service=SERVICE,
        )
        return PythonFunction(self, id_, spec).function

    def _add_alarms(self, stream: lambda_.Function, sender: lambda_.Function) -> None:
        for api in self._props.config.apis:
            alarms.add(
                self,
                f"WebhooksExhausted-{api.name}",
                metrics.of_api(Metric.DELIVERIES_EXHAUSTED, self._deployment, api.name),
                Rule(),
                text=(
                    f"Webhooks of {api.name} were given up: penstock webhook list {api.name} --state failed."
                ),
            )
        alarms.add(
            self,
            "EventsLate",
            stream.metric("IteratorAge", statistic="Maximum", period=metrics.FIVE_MINUTES),
            Rule(threshold=_LATE_MS),
            text=f"Events lag behind; they are kept for a day. See /aws/lambda/{stream.function_name}.",
        )
        for id_, queue, text in (
            ("EventsUnread", self._unread, "Ends of requests or jobs could not be made into events"),
            ("AttemptsDead", self._dead, f"Attempts fail before a call: see {sender.function_name}"),
        ):
            waiting = queue.metric_approximate_number_of_messages_visible(
                period=metrics.FIVE_MINUTES, statistic="Maximum"
            )
            alarms.add(self, id_, waiting, Rule(), text=f"{text}. See the queue {queue.queue_name}.")


def bundle(config: Config, entry: str) -> Bundle:
    """What one of the functions consists of."""
    return Bundle(
        entry=entry,
        packages=("webhook_lambda", "penstock"),
        # The function of the stream makes no spans, but its bundle is the same.
        distributions=(*_DISTRIBUTIONS, *tracing.distributions(config.tracing)),
        files={"penstock/catalogue.json": catalogue(config).to_json()},
    )
