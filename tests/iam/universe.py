"""Everything that roles of a deployment might reach for: their own, other APIs', other deployments'.

Names are chosen to be mistaken: ``sum`` begins ``sum-2``, ``calc`` begins ``calc-2``, and the deployment
``shop`` begins ``shop-2``.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock import keys, names
from tests.iam.evaluation import Call
from tests.iam.roles import ACCOUNT, REGION, REST_API, STREAM, arn

DEPLOYMENT, OTHER = "shop", "shop-2"
#: Two APIs for requests and two for jobs.
CONFIG = """\
deployment: shop
auth: {mode: api_key}
apis:
  - name: sum
    kind: AsyncAPI
    input_buckets: [photos]
    webhook: {url: "https://hooks.example.com/sums", chain: [sum-2]}
    pod:
      containers:
        - name: server
          image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/sum:1
          secrets: {TOKEN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf:key::"}
  - name: sum-2
    kind: AsyncAPI
    pod: {containers: [{name: server, image: "python:3.14-slim"}]}
  - name: calc
    kind: BatchAPI
    input_buckets: [films]
    pod: {containers: [{name: server, image: "python:3.14-slim"}]}
  - name: calc-2
    kind: BatchAPI
    pod: {containers: [{name: server, image: "python:3.14-slim"}]}
"""

#: Owners of what belongs to an API: of this deployment, and of the other.
_APIS = [(DEPLOYMENT, api) for api in ("sum", "sum-2", "calc", "calc-2")] + [(OTHER, "sum"), (OTHER, "calc")]


def calls(actions: set[str]) -> Iterator[tuple[str, Call]]:
    """Each action on each resource of its service, under the resource's name here."""
    for label, resource, context in _resources():
        service = resource.split(":")[2] if resource.startswith("arn:") else ""
        for action in sorted(actions):
            if service in {action.split(":")[0], ""}:
                yield label, Call(action, resource, context)


def _resources() -> Iterator[tuple[str, str, dict[str, str | list[str]]]]:
    for deployment, api in _APIS:
        owner = api if deployment == DEPLOYMENT else f"{deployment} {api}"
        yield from _of_api(deployment, api, owner)
    for deployment in (DEPLOYMENT, OTHER):
        mark = "" if deployment == DEPLOYMENT else f" of {deployment}"
        yield from _of_deployment(deployment, mark)
    yield from _elsewhere()


def _of_api(deployment: str, api: str, owner: str) -> Iterator[tuple[str, str, dict[str, str | list[str]]]]:
    table = arn("dynamodb", f"table/{names.table(deployment)}")
    bucket = f"arn:aws:s3:::{names.bucket(deployment, account=ACCOUNT, region=REGION)}"
    for kind in ("REQ", "JOB", "BATCH", "IDEM", "SCALING"):
        yield f"{kind} {owner}", table, {"dynamodb:LeadingKeys": [f"{kind}#{api}#1"]}
    yield f"queue {owner}", arn("sqs", names.queue(deployment, api)), {}
    yield f"dead letters {owner}", arn("sqs", names.dead_letter_queue(deployment, api)), {}
    yield f"job queue {owner}", arn("sqs", names.job_queue(deployment, api, "j1")), {}
    for prefix in (keys.PAYLOADS, keys.RESULTS, keys.JOBS, keys.MALFORMED):
        yield f"{prefix} {owner}", f"{bucket}/{prefix}/{api}/1/x", {}
        yield f"listing {prefix} {owner}", bucket, {"s3:prefix": f"{prefix}/{api}/1/"}
    yield f"chunks {owner}", f"{bucket}/{keys.JOBS}/{api}/1/chunks.jsonl", {}
    yield f"machine {owner}", arn("states", f"stateMachine:{names.state_machine(deployment, api)}"), {}
    for form in (":1", "/2:3"):
        name = f"execution:{names.state_machine(deployment, api)}{form}"
        yield f"execution {owner}", arn("states", name), {}
    cluster = names.cluster(deployment)
    yield f"service {owner}", arn("ecs", f"service/{cluster}/{names.service(api)}"), {}
    yield (
        f"definition {owner}",
        arn("ecs", f"task-definition/{names.task_family(deployment, api)}:7"),
        {"ecs:cluster": arn("ecs", f"cluster/{cluster}")},
    )
    timer = f"schedule/{names.batch_schedules(deployment)}/{names.job_timer(deployment, api, 'j1')}"
    yield f"timer {owner}", arn("scheduler", timer), {}
    yield f"log {owner}", arn("logs", f"log-group:{names.log_group(deployment, api)}:log-stream:1"), {}
    secret = names.webhook_secret(deployment, api)
    yield f"webhook secret {owner}", arn("secretsmanager", f"secret:{secret}-a1B2c3"), {}


def _of_deployment(deployment: str, mark: str) -> Iterator[tuple[str, str, dict[str, str | list[str]]]]:
    table = arn("dynamodb", f"table/{names.table(deployment)}")
    bucket = f"arn:aws:s3:::{names.bucket(deployment, account=ACCOUNT, region=REGION)}"
    yield f"whole table{mark}", table, {}
    for kind in ("KEY", "HOOK", "HOST", "CALLS", "ENDPOINT", "CALL"):
        yield f"{kind}{mark}", table, {"dynamodb:LeadingKeys": [f"{kind}#1"]}
    # One call that names a request and a key beside it.
    yield f"REQ sum with KEY{mark}", table, {"dynamodb:LeadingKeys": ["REQ#sum#1", "KEY#1"]}
    for index in (keys.LISTING_INDEX, keys.OPEN_INDEX):
        yield f"index {index}{mark}", f"{table}/index/{index}", {"dynamodb:LeadingKeys": ["sum#1"]}
    yield f"stream{mark}", STREAM.replace("penstock-shop", names.table(deployment)), {}
    yield f"listing all{mark}", bucket, {}
    yield f"bucket root{mark}", f"{bucket}/other/1", {}
    for part in ("first", "later", "unread", "dead"):
        yield f"webhook queue {part}{mark}", arn("sqs", names.webhook_queue(deployment, part)), {}
    for part in ("ends", "ends-dead"):
        yield f"batch queue {part}{mark}", arn("sqs", names.batch_queue(deployment, part)), {}
    yield f"topic{mark}", arn("sns", names.event_topic(deployment)), {}
    for step in ("plan", "enqueue", "finish"):
        yield f"step {step}{mark}", arn("lambda", f"function:{names.batch_function(deployment, step)}"), {}
    yield f"gateway{mark}", arn("lambda", f"function:{names.gateway_function(deployment)}"), {}
    for function in _functions(deployment):
        yield f"log {function}{mark}", arn("logs", f"log-group:/aws/lambda/{function}:log-stream:1"), {}
    cluster = names.cluster(deployment)
    yield f"cluster{mark}", arn("ecs", f"cluster/{cluster}"), {}
    yield f"task{mark}", arn("ecs", f"task/{cluster}/1"), {"ecs:CreateAction": "RunTask"}
    yield f"task tagged by hand{mark}", arn("ecs", f"task/{cluster}/1"), {}
    catalogue = f"parameter{names.api_parameters(deployment)}"
    yield f"catalogue{mark}", arn("ssm", catalogue), {}
    yield f"catalogue{mark}", arn("ssm", f"{catalogue}/sum"), {}
    network = f"log-group:{names.flow_log_group(deployment)}:log-stream:1"
    yield f"log of the network{mark}", arn("logs", network), {}
    yield f"parameter{mark}", arn("ssm", f"parameter{names.parameter(deployment, 'vpc-id')}"), {}


def _functions(deployment: str) -> list[str]:
    return [
        names.gateway_function(deployment),
        names.authorizer_function(deployment),
        names.sweeper_function(deployment),
        names.recorder_function(deployment),
        names.stops_function(deployment),
        names.scaling_function(deployment),
        names.event_function(deployment),
        names.webhook_function(deployment),
        *(names.batch_function(deployment, step) for step in ("plan", "enqueue", "finish")),
    ]


def _elsewhere() -> Iterator[tuple[str, str, dict[str, str | list[str]]]]:
    for bucket in ("photos", "films", "strange"):
        yield f"objects of {bucket}", f"arn:aws:s3:::{bucket}/1", {}
        yield f"bucket {bucket}", f"arn:aws:s3:::{bucket}", {}
    yield (
        "definition sum elsewhere",
        arn("ecs", "task-definition/penstock-shop-calc:7"),
        {"ecs:cluster": arn("ecs", "cluster/other")},
    )
    yield (
        "queue sum of another account",
        f"arn:aws:sqs:{REGION}:999988887777:{names.queue(DEPLOYMENT, 'sum')}",
        {},
    )
    yield (
        "table of another account",
        f"arn:aws:dynamodb:{REGION}:999988887777:table/penstock-shop",
        {"dynamodb:LeadingKeys": ["REQ#sum#1"]},
    )
    yield (
        "sibling's bucket in another account",
        (f"arn:aws:s3:::{names.bucket(DEPLOYMENT, account='999988887777', region=REGION)}/payloads/sum/1/x"),
        {},
    )
    yield "secret of the container", arn("secretsmanager", "secret:token-AbCdEf"), {}
    yield "another secret", arn("secretsmanager", "secret:token-2-AbCdEf"), {}
    assets = f"cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION}"
    yield "image of the dequeuer", arn("ecr", f"repository/{assets}"), {}
    yield "image", arn("ecr", "repository/team/sum"), {}
    yield "another image", arn("ecr", "repository/team/sum-2"), {}
    yield "chain", arn("execute-api", f"{REST_API}/live/POST/chain/sum"), {}
    yield "submission", arn("execute-api", f"{REST_API}/live/POST/async/sum"), {}
    yield "rule of ECS", arn("events", "rule/StepFunctionsGetEventsForECSTaskRule"), {}
    yield "another rule", arn("events", "rule/other"), {}
    for role in ("BatchTimerRole", "JobsTaskRole", "JobsTaskExecutionRole", "Admin"):
        for service in ("ecs-tasks", "scheduler", "lambda"):
            context: dict[str, str | list[str]] = {"iam:PassedToService": f"{service}.amazonaws.com"}
            yield f"{role} to {service}", f"arn:aws:iam::{ACCOUNT}:role/{role}", context
    yield "metrics of ours", "*", {"cloudwatch:namespace": "Penstock/Scaling"}
    yield "metrics of AWS", "*", {"cloudwatch:namespace": "AWS/SQS"}
