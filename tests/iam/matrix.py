"""Who may do what with what: for each role, the resources of ``universe`` and the actions on them.

What is not listed is refused. Resources of an API are named by their kind and the API.
"""

from __future__ import annotations

from collections.abc import Iterable

Table = dict[str, set[str]]

ASYNC, BATCH = ("sum", "sum-2"), ("calc", "calc-2")
ALL = (*ASYNC, *BATCH)

#: Of the user's, by API.
_INPUTS = {"sum": "photos", "calc": "films"}


def _do(service: str, *actions: str) -> set[str]:
    return {f"{service}:{action}" for action in actions}


def _each(apis: Iterable[str], table: Table) -> Table:
    """The table, with each resource once for each API."""
    return {f"{kind} {api}": actions for kind, actions in table.items() for api in apis}


def _log(function: str) -> Table:
    return {f"log penstock-shop-{function}": _do("logs", "CreateLogStream", "PutLogEvents")}


#: Which APIs there are, in the parameters of SSM that their stacks keep.
_CATALOGUE: Table = {"catalogue": _do("ssm", "GetParametersByPath")}


def _jobs(*objects: str) -> Table:
    """Objects of jobs, and whether there are any."""
    rights = _do("s3", *objects)
    return {"jobs": rights, "chunks": rights, "listing jobs": _do("s3", "ListBucket")}


_RECORD = _do("dynamodb", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem")
_RECEIVE = _do("sqs", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_SEND = _do("sqs", "GetQueueUrl", "SendMessage")
_LIST = _do("s3", "ListBucket")
_READ = _do("s3", "GetObject")

_DEPTH = _do("sqs", "GetQueueUrl", "GetQueueAttributes")

#: How much is in queues, by the deployment's prefix, as APIs come and go. It is the beginning of the other
#: deployment's as well: figures can be seen there, and no message (docs/threat-model.md).
_FIGURES: Table = {
    **_each(ALL, {"queue": _DEPTH, "dead letters": _DEPTH}),
    **_each(("shop-2 sum", "shop-2 calc"), {"queue": _DEPTH, "dead letters": _DEPTH, "job queue": _DEPTH}),
}

GATEWAY: Table = {
    # All records, whichever API's, and of API keys none. Requests and jobs are asked for by their names.
    **_each(ALL, dict.fromkeys(("REQ", "BATCH", "IDEM", "SCALING"), _RECORD)),
    **_each(ALL, {"JOB": _RECORD | _do("dynamodb", "Query")}),
    **dict.fromkeys(("HOOK", "HOST", "CALLS", "ENDPOINT", "CALL", "whole table"), _RECORD),
    **dict.fromkeys(("index listing", "index open"), _do("dynamodb", "Query")),
    **_each(ALL, {"payloads": _do("s3", "PutObject", "AbortMultipartUpload", "GetObject", "DeleteObject")}),
    **_each(ALL, {"results": _do("s3", "GetObject", "DeleteObject")}),
    **_each(ALL, {"listing payloads": _LIST, "listing results": _LIST}),
    **_each(ALL, _jobs("GetObject", "PutObject")),
    **_FIGURES,
    **_each(ASYNC, {"queue": _SEND | _do("sqs", "GetQueueAttributes")}),
    **_each(ALL, {"service": _do("ecs", "DescribeServices"), "definition": _do("ecs", "ListTasks")}),
    **dict.fromkeys(("task", "task tagged by hand"), _do("ecs", "DescribeTasks")),
    **_each(BATCH, {"machine": _do("states", "StartExecution")}),
    **dict.fromkeys(("webhook queue first", "webhook queue later"), _SEND),
    "objects of photos": _READ,
    "objects of films": _READ,
    "bucket films": _LIST,
    **_CATALOGUE,
    **_log("gateway"),
}

AUTHORIZER: Table = {"KEY": _do("dynamodb", "GetItem"), **_CATALOGUE, **_log("authorizer")}

SWEEPER: Table = {
    "index open": _do("dynamodb", "Query"),
    **_each(ALL, {"REQ": _do("dynamodb", "BatchGetItem", "UpdateItem")}),
    **_CATALOGUE,
    **_log("sweeper"),
}

RECORDER: Table = {
    **_each(ALL, {"dead letters": _RECEIVE, "malformed": _do("s3", "PutObject")}),
    **_each(ALL, {"REQ": _do("dynamodb", "GetItem", "UpdateItem")}),
    **_each(
        ALL,
        {
            "JOB": _do("dynamodb", "GetItem", "Query", "PutItem", "UpdateItem"),
            "BATCH": _do("dynamodb", "PutItem", "UpdateItem"),
            "jobs": _do("s3", "PutObject"),
            "chunks": _do("s3", "PutObject"),
            "job queue": _do("sqs", "SendMessage"),
        },
    ),
    **_CATALOGUE,
    **_log("recorder"),
}

PUBLISHER: Table = {
    **_FIGURES,
    **_each(ALL, {"service": _do("ecs", "DescribeServices")}),
    "index open": _do("dynamodb", "Query"),
    **_each(ALL, {"REQ": _do("dynamodb", "BatchGetItem")}),
    **_each(ALL, {"SCALING": _do("dynamodb", "BatchGetItem", "PutItem")}),
    "metrics of ours": _do("cloudwatch", "PutMetricData"),
    **_CATALOGUE,
    **_log("scaling"),
}

EVENTS: Table = {
    "stream": _do("dynamodb", "DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
    "HOOK": _do("dynamodb", "PutItem"),
    **_each(ALL, {"results": _READ, "listing results": _LIST}),
    **dict.fromkeys(("webhook queue first", "webhook queue unread"), _SEND),
    "topic": _do("sns", "Publish"),
    **_CATALOGUE,
    **_log("events"),
}

SENDER: Table = {
    **dict.fromkeys(
        ("HOOK", "HOST", "CALLS", "ENDPOINT"),
        _do("dynamodb", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
    ),
    **dict.fromkeys(("webhook queue first", "webhook queue later"), _RECEIVE | _SEND),
    **_each(ALL, {"webhook secret": _do("secretsmanager", "GetSecretValue")}),
    **_each(ALL, {"results": _READ, "listing results": _LIST}),
    "chain": _do("execute-api", "Invoke"),
    **_CATALOGUE,
    **_log("webhooks"),
}

PLAN: Table = {
    **_each(ALL, {"JOB": _do("dynamodb", "GetItem", "UpdateItem", "Query")}),
    **_each(ALL, _jobs("GetObject", "PutObject")),
    "bucket films": _LIST,
    **_each(ALL, {"job queue": _do("sqs", "CreateQueue", "SendMessage")}),
    **_each(ALL, {"timer": _do("scheduler", "CreateSchedule")}),
    "BatchTimerRole to scheduler": _do("iam", "PassRole"),
    **_log("batch-plan"),
}

ENQUEUE: Table = {
    **_each(ALL, {"JOB": _do("dynamodb", "GetItem", "PutItem", "UpdateItem")}),
    **_each(ALL, _jobs("GetObject", "PutObject")),
    "objects of films": _READ,
    **_each(ALL, {"job queue": _do("sqs", "SendMessage")}),
    **_log("batch-enqueue"),
}

FINISH: Table = {
    **_each(ALL, {"JOB": _do("dynamodb", "GetItem", "PutItem", "UpdateItem", "Query")}),
    **_each(ALL, _jobs("GetObject", "PutObject")),
    **_each(ALL, {"job queue": _do("sqs", "GetQueueUrl", "DeleteQueue", "SendMessage")}),
    "batch queue ends": _RECEIVE | _do("sqs", "ChangeMessageVisibility"),
    **_each(ALL, {"timer": _do("scheduler", "DeleteSchedule")}),
    **_CATALOGUE,
    **_log("batch-finish"),
}

TIMER: Table = {"step finish": _do("lambda", "InvokeFunction")}


def _worker(api: str) -> Table:
    mine = {
        "queue": _do("sqs", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"),
        "dead letters": _do("sqs", "SendMessage"),
        "REQ": _do("dynamodb", "UpdateItem"),
        "payloads": _do("s3", "GetObject", "DeleteObject"),
        "listing payloads": _LIST,
        "results": _do("s3", "PutObject", "DeleteObject", "AbortMultipartUpload"),
    }
    protection = _do("ecs", "UpdateTaskProtection")
    # ECS has no narrower resource for a task that does not exist yet: any of the cluster's.
    return {**_each([api], mine), **_inputs(api), "task": protection, "task tagged by hand": protection}


def _job_worker(api: str) -> Table:
    items = _do("dynamodb", "GetItem", "PutItem", "UpdateItem", "Query")
    mine = {
        "job queue": _do("sqs", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage", "SendMessage"),
        "dead letters": _do("sqs", "SendMessage"),
        "JOB": items,
        "BATCH": items,
        **_jobs("GetObject", "PutObject", "AbortMultipartUpload"),
    }
    return {**_each([api], mine), **_inputs(api)}


def _inputs(api: str) -> Table:
    return {f"objects of {_INPUTS[api]}": _READ} if api in _INPUTS else {}


def _start(api: str) -> Table:
    token = _do("ecr", "GetAuthorizationToken")
    pull = token | _do("ecr", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
    table = {
        # The token of ECR has no resource.
        **dict.fromkeys(("another image", "metrics of ours", "metrics of AWS"), token),
        "image of the dequeuer": pull,
        "image": pull if api == "sum" else token,
        f"log {api}": _do("logs", "CreateLogStream", "PutLogEvents"),
    }
    return table | (
        {"secret of the container": _do("secretsmanager", "GetSecretValue")} if api == "sum" else {}
    )


def _machine(api: str) -> Table:
    tasks = _do("ecs", "DescribeTasks", "StopTask")
    mine = {
        "chunks": _READ,
        "machine": _do("states", "StartExecution"),
        "execution": _do("states", "DescribeExecution", "StopExecution"),
        "definition": _do("ecs", "RunTask"),
    }
    return {
        **_each([api], mine),
        **dict.fromkeys(("step plan", "step enqueue", "step finish"), _do("lambda", "InvokeFunction")),
        "task": tasks | _do("ecs", "TagResource"),
        "task tagged by hand": tasks,
        "rule of ECS": _do("events", "PutTargets", "PutRule", "DescribeRule"),
        **dict.fromkeys(
            ("JobsTaskRole to ecs-tasks", "JobsTaskExecutionRole to ecs-tasks"), _do("iam", "PassRole")
        ),
    }


MATRIX: dict[str, Table] = {
    "gateway/GatewayFunctionRole": GATEWAY,
    "gateway/KeysFunctionRole": AUTHORIZER,
    # Has AWS's own policy for writing access logs, and none of ours.
    "gateway/FrontDoorApiCloudWatchRole": {},
    "recovery/RecoverySweeperRole": SWEEPER,
    "recovery/RecoveryRecorderRole": RECORDER,
    "scaling/PublisherFunctionRole": PUBLISHER,
    "webhooks/WebhooksStreamRole": EVENTS,
    "webhooks/WebhooksSenderRole": SENDER,
    "batch/BatchPlanRole": PLAN,
    "batch/BatchEnqueueRole": ENQUEUE,
    "batch/BatchFinishRole": FINISH,
    "batch/BatchTimerRole": TIMER,
    "recovery/RecoveryStopsRole": _log("stops"),
    "network/NetworkFlowLogRole": {
        "log of the network": _do("logs", "CreateLogStream", "PutLogEvents", "DescribeLogStreams")
    },
    **{f"api-{api}/ApiTaskRole": _worker(api) for api in ASYNC},
    **{f"api-{api}/JobsTaskRole": _job_worker(api) for api in BATCH},
    **{f"api-{api}/ApiTaskExecutionRole": _start(api) for api in ASYNC},
    **{f"api-{api}/JobsTaskExecutionRole": _start(api) for api in BATCH},
    **{f"api-{api}/JobsMachineRole": _machine(api) for api in BATCH},
}
