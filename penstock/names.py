"""Names of everything that more than one part must find.

Parts meet by these names instead of CloudFormation exports: an export locks the producing
stack for as long as anything imports it. The limits on deployment names (16 characters) and
API names (42) in ``penstock.config`` keep each name below within AWS's own limit.
"""

from __future__ import annotations

import hashlib

PREFIX = "penstock"


def table(deployment: str) -> str:
    """DynamoDB table that holds the records of a deployment."""
    return f"{PREFIX}-{deployment}"


def bucket(deployment: str, *, account: str, region: str) -> str:
    """S3 bucket for payloads and results; bucket names are unique across all of AWS."""
    return f"{PREFIX}-{deployment}-{account}-{region}"


def queue(deployment: str, api: str) -> str:
    """SQS FIFO queue of one API."""
    return f"{PREFIX}-{deployment}-{api}.fifo"


def dead_letter_queue(deployment: str, api: str) -> str:
    """Where SQS puts what was received too often; FIFO as its source is."""
    return f"{PREFIX}-{deployment}-{api}-dlq.fifo"


def job_queue_prefix(deployment: str, api: str) -> str:
    """What the names of all queues of an API's jobs begin with, and no other's.

    A hash stands for the API: its name would not fit into SQS's 80 characters beside the rest, and one
    name may begin with another. No deployment's name has the underscore in it (J12).
    """
    return f"{PREFIX}-{deployment}_{hashlib.sha256(api.encode()).hexdigest()[:8]}_"


def job_queues(deployment: str) -> str:
    """Pattern of the names of all queues of jobs in a deployment, and of no other's (J12)."""
    return f"{PREFIX}-{deployment}_*"


def job_queue(deployment: str, api: str, job_id: str) -> str:
    """SQS FIFO queue of one job, made when it begins and deleted when it has ended."""
    return f"{job_queue_prefix(deployment, api)}{job_id}.fifo"


def job_timer(deployment: str, api: str, job_id: str) -> str:
    """EventBridge schedule of one job's timeout; at most 64 characters."""
    return f"{job_queue_prefix(deployment, api)}{job_id}"


def batch_queue(deployment: str, part: str) -> str:
    """SQS queue of executions that ended before their jobs, or of what failed on its way through it."""
    return f"{PREFIX}-{deployment}-batch-{part}"


def state_machine(deployment: str, api: str) -> str:
    """Step Functions state machine of one batch API; an execution is named as its job."""
    return f"{PREFIX}-{deployment}-{api}"


def batch_function(deployment: str, step: str) -> str:
    """Lambda function of some steps of the state machines: ``plan``, ``enqueue``, ``finish``."""
    return f"{PREFIX}-{deployment}-batch-{step}"


def batch_schedules(deployment: str) -> str:
    """EventBridge Scheduler group of the jobs' timeouts."""
    return f"{PREFIX}-{deployment}"


def log_group(deployment: str, api: str) -> str:
    """CloudWatch log group of one API's containers."""
    return f"/{PREFIX}/{deployment}/{api}"


def log_groups(deployment: str) -> tuple[str, ...]:
    """Patterns of the names of all CloudWatch log groups of a deployment.

    Those of functions also fit another's whose name begins with this one's and a dash.
    """
    return (
        f"/{PREFIX}/{deployment}/*",
        f"/aws/lambda/{PREFIX}-{deployment}-*",
        f"/aws/apigateway/{PREFIX}-{deployment}",
    )


def key_alias(deployment: str) -> str:
    """Alias of the KMS key that a deployment makes for itself."""
    return f"alias/{PREFIX}-{deployment}"


def flow_log_group(deployment: str) -> str:
    """CloudWatch log group of who connected to tasks; no API's, whose name would have no underscore."""
    return f"/{PREFIX}/{deployment}/flow_log"


def cluster(deployment: str) -> str:
    """ECS cluster that the APIs of a deployment share."""
    return f"{PREFIX}-{deployment}"


def cluster_of(deployment: str, api: str, *, own: str | None) -> str:
    """ECS cluster that an API's tasks run in: the shared one, or its own for what they run on.

    Instances and what provides them belong to one cluster, so they come and go with their API; and when it
    moves to another kind of instances, the old ones stay in their cluster until its tasks have moved. No
    name that a user chooses has the underscore in it.
    """
    return f"{cluster(deployment)}_{api}_{own}" if own else cluster(deployment)


def capacity_provider(deployment: str, api: str, part: str) -> str:
    """ECS capacity provider of one API: ``on-demand``, ``spot`` or ``group``."""
    return f"{PREFIX}-{deployment}_{api}-{part}"


def task_family(deployment: str, api: str) -> str:
    """ECS task definition family of one API."""
    return f"{PREFIX}-{deployment}-{api}"


def service(api: str) -> str:
    """ECS service of one API within its cluster."""
    return api


def gateway_function(deployment: str) -> str:
    """Lambda function behind the HTTPS front door."""
    return f"{PREFIX}-{deployment}-gateway"


def sweeper_function(deployment: str) -> str:
    """Lambda function that ends requests which no worker ends (R13)."""
    return f"{PREFIX}-{deployment}-sweeper"


def recorder_function(deployment: str) -> str:
    """Lambda function that reads the dead-letter queues of all APIs (R14)."""
    return f"{PREFIX}-{deployment}-recorder"


def stops_function(deployment: str) -> str:
    """Lambda function that counts tasks that stopped."""
    return f"{PREFIX}-{deployment}-stops"


def scaling_function(deployment: str) -> str:
    """Lambda function that publishes what scaling acts on."""
    return f"{PREFIX}-{deployment}-scaling"


def authorizer_function(deployment: str) -> str:
    """Lambda function that looks API keys up."""
    return f"{PREFIX}-{deployment}-authorizer"


def usage_plan(deployment: str) -> str:
    """API Gateway's usage plan, which limits the calls of each API key."""
    return f"{PREFIX}-{deployment}"


def api_key(deployment: str, name: str) -> str:
    """API Gateway's entry of an API key; no deployment's name has the underscore in it."""
    return f"{PREFIX}-{deployment}_{name}"


def event_function(deployment: str) -> str:
    """Lambda function that turns ends of requests into events."""
    return f"{PREFIX}-{deployment}-events"


def webhook_function(deployment: str) -> str:
    """Lambda function that makes the calls of deliveries."""
    return f"{PREFIX}-{deployment}-webhooks"


def webhook_role(deployment: str, *, region: str) -> str:
    """IAM role that makes the calls, whose calls of our own API are told by this name.

    CloudFormation's own names will not do: it cuts the stack's name in them to 25 characters. Roles
    belong to the account, so regions have one each.
    """
    return f"{PREFIX}-{deployment}-webhooks-{region}"


def webhook_queue(deployment: str, part: str) -> str:
    """SQS queue of one lane of deliveries, or of what failed; no API's, since those end in ``.fifo``."""
    return f"{PREFIX}-{deployment}-webhooks-{part}"


def event_topic(deployment: str) -> str:
    """SNS topic that all events are published to."""
    return f"{PREFIX}-{deployment}-events"


def webhook_secret(deployment: str, api: str) -> str:
    """Secrets Manager secret that an API's webhooks are signed with."""
    return f"{PREFIX}/{deployment}/webhook/{api}"


def alarm_topic(deployment: str) -> str:
    """SNS topic that alarms tell, unless the user has one."""
    return f"{PREFIX}-{deployment}-alarms"


def dashboard(deployment: str, api: str | None = None) -> str:
    """CloudWatch dashboard of one API, or of all; no deployment's name has the underscore in it."""
    return f"{PREFIX}-{deployment}" if api is None else f"{PREFIX}-{deployment}_{api}"


def rest_api(deployment: str) -> str:
    """API Gateway's REST API in front of the gateway."""
    return f"{PREFIX}-{deployment}"


def parameter(deployment: str, name: str) -> str:
    """SSM parameter through which one stack tells others what has no name to choose."""
    return f"/{PREFIX}/{deployment}/{name}"


def api_parameters(deployment: str) -> str:
    """Path of the SSM parameters in which the stack of each API says what it is."""
    return parameter(deployment, "apis")


def api_parameter(deployment: str, api: str) -> str:
    """SSM parameter in which the stack of one API says what it is."""
    return f"{api_parameters(deployment)}/{api}"


def accepting_parameter(deployment: str) -> str:
    """SSM parameter that lists the APIs which the deployed gateway takes something new for."""
    return parameter(deployment, "accepting")


def task_parameter(deployment: str, api: str) -> str:
    """SSM parameter that describes the task of one API where there is no ECS to ask."""
    return parameter(deployment, f"task/{api}")


def releases(deployment: str) -> str:
    """Path of the SSM parameters that say what each API was last deployed of."""
    return parameter(deployment, "release")


def release(deployment: str, api: str) -> str:
    """SSM parameter that says what one API was last deployed of."""
    return f"{releases(deployment)}/{api}"


def stack(deployment: str, part: str) -> str:
    """CloudFormation stack of one part: ``data``, ``network``, ``recovery``, ``gateway``, ``api-<name>``."""
    return f"{PREFIX}-{deployment}-{part}"
