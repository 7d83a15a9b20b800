"""The queue of one API, and where SQS puts what was received too often."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.recovery import RECORDER_SECONDS
from penstock import names, queues

_RETENTION = Duration.seconds(queues.RETENTION_SECONDS)


class Queues(Construct):
    """A high-throughput FIFO queue with its dead-letter queue."""

    def __init__(self, scope: Construct, id_: str, *, deployment: str, api: str) -> None:
        super().__init__(scope, id_)
        self.dead_letters = dead_letter_queue(self, "DeadLetters", deployment=deployment, api=api)
        self.requests = sqs.Queue(
            self,
            "Requests",
            queue_name=names.queue(deployment, api),
            fifo=True,
            content_based_deduplication=False,
            # Both, else the whole queue is limited to 300 calls a second.
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(queues.VISIBILITY_SECONDS),
            receive_message_wait_time=Duration.seconds(queues.POLL_SECONDS),
            retention_period=_RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=queues.MOST_RECEIVES
            ),
        )


def dead_letter_queue(scope: Construct, id_: str, *, deployment: str, api: str) -> sqs.Queue:
    """Where SQS puts what was received too often from the queue of an API, or of one of its jobs."""
    return sqs.Queue(
        scope,
        id_,
        queue_name=names.dead_letter_queue(deployment, api),
        fifo=True,
        content_based_deduplication=False,
        # What the recorder cannot deal with yet comes back to it after this long, any number of
        # times. Six times its timeout, as Lambda asks for: batches that are throttled wait hidden.
        visibility_timeout=Duration.seconds(6 * RECORDER_SECONDS),
        retention_period=_RETENTION,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
