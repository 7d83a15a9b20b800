"""The AWS clients, and how much trying again each of their calls may do.

A call is made again after connection errors, timeouts, 500, 502, 503, 504 and whatever means
throttling (``ThrottlingException``, ``ProvisionedThroughputExceededException``,
``RequestThrottled``, S3's ``SlowDown``), with pauses drawn at random from 0 to 1, 2, 4 and 8 s
(botocore's standard mode). At the worst it hangs each time, to connect and then to answer:

=========  =====  =======================  ==============================
client     tries  hanging                  with all pauses at the longest
=========  =====  =======================  ==============================
dynamodb   5      5 x (2 + 2) s            35 s
s3         5      5 x (2 + 20) s           125 s
sqs        3      3 x (2 + poll + 10) s    99 s with long polls of 20 s
=========  =====  =======================  ==============================

Each client also has a quota for all its calls together: 500, of which a repetition takes 5, one
after a timeout 10, and from which a success gives back 1, or what its own repetitions took last.
So an outage costs 100 repetitions a client; after them every call is made once. What comes then
is the breaker's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

    from dequeuer.settings import WorkerSettings

TRIES = 5
#: Fewer, as a receive is never cancelled: it must be over before ECS kills a stopping task.
QUEUE_TRIES = 3
CONNECT_SECONDS = 2

#: A hung connection to the table must be given up long before the lease is over.
TABLE_READ_SECONDS = 2
#: S3 may think for a while before it completes a large upload.
BUCKET_READ_SECONDS = 20
#: Beyond the long poll, which must not look like a dead connection.
QUEUE_READ_SECONDS = 10


async def clients(
    settings: WorkerSettings, stack: AsyncExitStack
) -> tuple[DynamoDBClient, SQSClient, S3Client]:
    """Open the clients of the table, the queue and the bucket for as long as the stack."""
    session = get_session()

    def config(*, read_seconds: float, tries: int = TRIES) -> AioConfig:
        return AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": tries},
            max_pool_connections=2 * settings.max_concurrency + 8,
        )

    table = config(read_seconds=TABLE_READ_SECONDS)
    queue = config(read_seconds=settings.poll_seconds + QUEUE_READ_SECONDS, tries=QUEUE_TRIES)
    bucket = config(read_seconds=BUCKET_READ_SECONDS).merge(AioConfig(signature_version="s3v4"))
    return (
        await stack.enter_async_context(session.create_client("dynamodb", config=table)),
        await stack.enter_async_context(session.create_client("sqs", config=queue)),
        await stack.enter_async_context(session.create_client("s3", config=bucket)),
    )
