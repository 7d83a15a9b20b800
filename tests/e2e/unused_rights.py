"""Rights that runs of ``make test-iam`` may leave unused, and why they are needed all the same.

Some depend on timing, so a right may stand here and be used.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unused:
    """Rights of some roles with one reason."""

    roles: tuple[str, ...]
    rights: tuple[str, ...]
    reason: str


_TASKS = ("ApiTaskRole", "JobsTaskRole")

_FUNCTIONS = (
    "GatewayFunctionRole",
    "PublisherFunctionRole",
    "RecoverySweeperRole",
    "RecoveryRecorderRole",
    "RecoveryStopsRole",
    "BatchPlanRole",
    "BatchEnqueueRole",
    "BatchFinishRole",
    "WebhooksStreamRole",
    "WebhooksSenderRole",
)

UNUSED = (
    Unused(
        (*_FUNCTIONS, "ApiTaskExecutionRole", "JobsTaskExecutionRole"),
        ("logs:CreateLogStream on log", "logs:PutLogEvents on log"),
        "Lambda and ECS write logs with the role; the emulator keeps them without.",
    ),
    Unused(
        ("RecoveryRecorderRole",),
        tuple(
            f"sqs:{action} on dead letters"
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        "Lambda receives on the function's behalf; the emulator does so without its role.",
    ),
    Unused(
        ("BatchFinishRole",),
        tuple(
            f"sqs:{action} on batch queue"
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        "As above.",
    ),
    Unused(
        ("WebhooksSenderRole",),
        tuple(
            f"sqs:{action} on webhook queue"
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        "As above.",
    ),
    Unused(
        ("WebhooksStreamRole",),
        tuple(
            f"dynamodb:{action} on stream"
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        ),
        "As above, of the stream.",
    ),
    Unused(
        ("BatchTimerRole",),
        ("lambda:InvokeFunction on function",),
        "EventBridge Scheduler calls with this role; the emulator does so without.",
    ),
    Unused(
        ("BatchPlanRole",),
        ("iam:PassRole on role",),
        "The timer's role is lent to the Scheduler; the emulator asks for no right to lend.",
    ),
    Unused(
        ("JobsMachineRole",),
        (
            "lambda:InvokeFunction on function",
            "s3:GetObject on ours",
            "ecs:RunTask on task definition",
            "ecs:DescribeTasks on task",
            "ecs:StopTask on task",
            "ecs:TagResource on task",
            "iam:PassRole on role",
            "events:PutTargets on rule",
            "events:PutRule on rule",
            "events:DescribeRule on rule",
            "states:StartExecution on state machine",
            "states:DescribeExecution on execution",
            "states:StopExecution on execution",
        ),
        "Step Functions acts with this role; the emulator does so without.",
    ),
    Unused(
        ("ApiTaskRole",),
        ("ecs:UpdateTaskProtection on task",),
        "The ECS agent asks on the dequeuer's behalf; the local agent keeps the protection itself.",
    ),
    Unused(
        ("WebhooksSenderRole",),
        ("execute-api:Invoke on API",),
        "On the emulator nobody signs: callbacks from one API to another go without.",
    ),
    Unused(
        (
            *_TASKS,
            "GatewayFunctionRole",
            "BatchPlanRole",
            "BatchEnqueueRole",
            "BatchFinishRole",
            "WebhooksStreamRole",
            "WebhooksSenderRole",
        ),
        ("s3:ListBucket on ours",),
        "Used when an object is not there: without it S3 would say that reading is denied, not that it is "
        "gone.",
    ),
    Unused(
        (*_TASKS, "GatewayFunctionRole"),
        ("s3:AbortMultipartUpload on ours",),
        "Only after a large upload that failed.",
    ),
    Unused(
        ("JobsTaskRole",),
        ("s3:GetObject on bucket of the user's",),
        "The user's container reads there, which is given the names of objects.",
    ),
    Unused(
        ("JobsTaskRole",),
        ("sqs:SendMessage on dead letters",),
        "Only for a message that is no batch.",
    ),
    Unused(
        ("RecoveryRecorderRole",),
        (
            "dynamodb:GetItem on JOB",
            "dynamodb:Query on JOB",
            "dynamodb:PutItem on BATCH, JOB",
            "dynamodb:UpdateItem on BATCH, JOB",
            "sqs:SendMessage on job queue",
        ),
        "Dead letters of batches, which take several lost workers.",
    ),
    Unused(
        ("BatchFinishRole",),
        ("dynamodb:PutItem on JOB", "sqs:SendMessage on job queue"),
        "A lane's deaths are noted, and a job whose last worker died is told that it is complete.",
    ),
    Unused(
        ("BatchPlanRole",),
        ("sqs:SendMessage on job queue",),
        "Only when the last batch ends before its job is sealed.",
    ),
    Unused(
        ("RecoveryRecorderRole", "WebhooksSenderRole", "WebhooksStreamRole"),
        ("ssm:GetParametersByPath on parameter",),
        "Asked for APIs that have left the configuration, once a minute at most.",
    ),
)
