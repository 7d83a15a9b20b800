"""What happens to an API's dead letters: they go to the recorder, and alarms tell of the odd ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import alarms, metrics, permissions
from cdk.alarms import Rule
from cdk.function import AddedRights
from penstock import names
from penstock.metrics import Metric

if TYPE_CHECKING:
    from aws_cdk import aws_sqs as sqs

#: The recorder empties the queue at once, but for requests whose worker is still alive.
_OLD = Duration.hours(1)


class DeadLetters(Construct):
    """The recorder's event source for one API, and two alarms."""

    def __init__(self, scope: Construct, id_: str, *, deployment: str, api: str, queue: sqs.Queue) -> None:
        super().__init__(scope, id_)
        rights = AddedRights(
            self,
            "Recorder",
            deployment=deployment,
            function_name=names.recorder_function(deployment),
            statements=[permissions.take_dead_letters(queue.queue_arn)],
        )
        source = lambda_.CfnEventSourceMapping(
            self,
            "Source",
            function_name=names.recorder_function(deployment),
            event_source_arn=queue.queue_arn,
            batch_size=10,
            function_response_types=["ReportBatchItemFailures"],
        )
        # Lambda tries to receive before it says that the mapping is there.
        source.add_dependency(rights.policy)
        alarms.add(
            self,
            "Malformed",
            metrics.of_api(Metric.MALFORMED_MESSAGE, deployment, api),
            Rule(),
            text=(
                f"Messages came into the queue of API {api} that Penstock did not write. "
                f"They are kept in the bucket under malformed/{api}/."
            ),
        )
        alarms.add(
            self,
            "DeadLettersStay",
            queue.metric_approximate_age_of_oldest_message(period=metrics.FIVE_MINUTES, statistic="Maximum"),
            Rule(threshold=_OLD.to_seconds()),
            text=(
                f"Dead letters of API {api} are not recorded. "
                f"See the log group /aws/lambda/{names.recorder_function(deployment)}."
            ),
        )
