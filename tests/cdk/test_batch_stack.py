from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from dequeuer.settings import BatchSettings
from penstock import environment, keys, names
from penstock.batch.jobs import JobKey
from tests.cdk.templates import listed, text

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

OWN = "<AWS::Region>:<AWS::AccountId>"
BUCKET = "arn:<AWS::Partition>:s3:::penstock-shop-<AWS::AccountId>-<AWS::Region>"
TABLE = f"arn:<AWS::Partition>:dynamodb:{OWN}:table/penstock-shop"
#: Of one API alone.
OWN_QUEUES = f"arn:<AWS::Partition>:sqs:{OWN}:{names.job_queue_prefix('shop', 'convert')}*"
CONVERT = "api-convert"
#: Of all APIs, also those that have left the configuration; no other deployment's names match.
QUEUES = f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop_*"
TIMERS = f"arn:<AWS::Partition>:scheduler:{OWN}:schedule/penstock-shop/*"


def rights(role: dict[str, Any]) -> dict[str, list[str]]:
    """What a role may do, its log aside."""
    found: dict[str, list[str]] = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                if not action.startswith("logs:"):
                    resources = [text(resource) for resource in listed(statement["Resource"])]
                    found.setdefault(action, []).extend(resources)
    return found


def function_role(templates: Templates, step: str) -> dict[str, Any]:
    function = templates.function("batch", f"penstock-shop-batch-{step}")
    logical_id = function["Role"]["Fn::GetAtt"][0]
    role: dict[str, Any] = templates.by_part["batch"]["Resources"][logical_id]["Properties"]
    return role


def leading_keys(role: dict[str, Any]) -> set[str]:
    return {
        key
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "dynamodb:GetItem" in listed(statement["Action"])
        for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }


def test_planning_may_make_queues_and_timers_of_jobs(cloud):
    role = function_role(cloud, "plan")
    [timer_role] = rights(role).pop("iam:PassRole")
    found = rights(role)
    del found["iam:PassRole"]

    assert timer_role.startswith("<BatchTimerRole")
    assert found == {
        "dynamodb:GetItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "dynamodb:Query": [TABLE],
        "s3:GetObject": [f"{BUCKET}/jobs/*"],
        "s3:PutObject": [f"{BUCKET}/jobs/*"],
        "s3:ListBucket": [BUCKET],
        "sqs:CreateQueue": [QUEUES],
        "sqs:SendMessage": [QUEUES],
        "scheduler:CreateSchedule": [TIMERS],
    }
    assert leading_keys(role) == {"JOB#*"}


def test_enqueuing_may_send_to_the_queues_of_jobs(cloud):
    role = function_role(cloud, "enqueue")

    assert rights(role) == {
        "dynamodb:GetItem": [TABLE],
        "dynamodb:PutItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "s3:GetObject": [f"{BUCKET}/jobs/*"],
        "s3:PutObject": [f"{BUCKET}/jobs/*"],
        "s3:ListBucket": [BUCKET],
        "sqs:SendMessage": [QUEUES],
    }
    assert leading_keys(role) == {"JOB#*"}


def test_enqueuing_has_a_whole_core_and_room_for_the_largest_batch(cloud):
    function = cloud.function("batch", "penstock-shop-batch-enqueue")
    assert function["MemorySize"] >= 1769
    assert function["Timeout"] == 900


def test_finishing_may_end_jobs_and_clean_up(cloud):
    role = function_role(cloud, "finish")
    [ends] = [
        logical_id
        for logical_id, resource in cloud.by_part["batch"]["Resources"].items()
        if resource.get("Properties", {}).get("QueueName") == "penstock-shop-batch-ends"
    ]
    ends = f"<{ends}.Arn>"

    assert rights(role) == {
        "dynamodb:GetItem": [TABLE],
        "dynamodb:PutItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "dynamodb:Query": [TABLE],
        "s3:GetObject": [f"{BUCKET}/jobs/*"],
        "s3:PutObject": [f"{BUCKET}/jobs/*"],
        "s3:ListBucket": [BUCKET],
        "sqs:GetQueueUrl": [QUEUES],
        "sqs:DeleteQueue": [QUEUES],
        "sqs:SendMessage": [QUEUES],
        "sqs:ReceiveMessage": [ends],
        "sqs:DeleteMessage": [ends],
        "sqs:GetQueueAttributes": [ends],
        "sqs:ChangeMessageVisibility": [ends],
        "scheduler:DeleteSchedule": [TIMERS],
        "ssm:GetParametersByPath": [
            f"arn:<AWS::Partition>:ssm:{OWN}:parameter/penstock/shop/apis{below}" for below in ("", "/*")
        ],
    }
    assert leading_keys(role) == {"JOB#*"}


def test_an_api_lets_the_steps_use_the_buckets_and_queues_that_it_names(cloud):
    added = {
        text(policy["Properties"]["Roles"][0]): policy["Properties"]["PolicyDocument"]["Statement"]
        for policy in cloud.of_type(CONVERT, "AWS::IAM::Policy")
    }
    rights_by_step = {
        step: [
            (listed(statement["Action"]), [text(resource) for resource in listed(statement["Resource"])])
            for role, statements in added.items()
            if f"batch{step}" in role
            for statement in statements
        ]
        for step in ("plan", "enqueue", "finish")
    }

    assert rights_by_step == {
        "plan": [(["s3:ListBucket"], ["arn:<AWS::Partition>:s3:::films"])],
        "enqueue": [(["s3:GetObject"], ["arn:<AWS::Partition>:s3:::films/*"])],
        "finish": [
            (
                ["sqs:GetQueueUrl", "sqs:SendMessage"],
                ["arn:aws:sqs:eu-west-1:111122223333:failed.fifo"],
            )
        ],
    }


def test_a_state_machine_may_call_its_functions_and_run_its_own_apis_tasks(cloud):
    role = cloud.role(CONVERT, "jobs")
    functions = [
        f"arn:<AWS::Partition>:lambda:{OWN}:function:penstock-shop-batch-{step}"
        for step in ("plan", "enqueue", "finish")
    ]
    tasks = f"arn:<AWS::Partition>:ecs:{OWN}:task/penstock-shop/*"
    rule = f"arn:<AWS::Partition>:events:{OWN}:rule/StepFunctionsGetEventsForECSTaskRule"
    machine = f"arn:<AWS::Partition>:states:{OWN}:stateMachine:penstock-shop-convert"
    executions = [
        f"arn:<AWS::Partition>:states:{OWN}:execution:penstock-shop-convert:*",
        f"arn:<AWS::Partition>:states:{OWN}:execution:penstock-shop-convert/*",
    ]
    found = rights(role)
    passed = found.pop("iam:PassRole")

    assert found == {
        "lambda:InvokeFunction": functions,
        "s3:GetObject": [f"{BUCKET}/jobs/convert/*/{lines}.jsonl" for lines in ("chunks", "lanes")],
        "ecs:RunTask": [f"arn:<AWS::Partition>:ecs:{OWN}:task-definition/penstock-shop-convert:*"],
        "ecs:DescribeTasks": [tasks],
        "ecs:StopTask": [tasks],
        "ecs:TagResource": [tasks],
        "events:PutTargets": [rule],
        "events:PutRule": [rule],
        "events:DescribeRule": [rule],
        "states:StartExecution": [machine],
        "states:DescribeExecution": executions,
        "states:StopExecution": executions,
    }
    task = cloud.properties(CONVERT, "AWS::ECS::TaskDefinition")
    assert set(passed) == {text(task["TaskRoleArn"]), text(task["ExecutionRoleArn"])}


def test_roles_are_lent_to_the_service_they_are_for_and_to_no_other(cloud):
    lent = {
        (part, statement["Condition"]["StringEquals"]["iam:PassedToService"])
        for part, statement in cloud.statements()
        if "iam:PassRole" in listed(statement["Action"])
    }

    assert lent == {(CONVERT, "ecs-tasks.amazonaws.com"), ("batch", "scheduler.amazonaws.com")}


def test_a_worker_of_jobs_may_touch_its_own_api_only(cloud):
    role = cloud.role(CONVERT, "worker")

    assert rights(role) == {
        "sqs:ReceiveMessage": [OWN_QUEUES],
        "sqs:ChangeMessageVisibility": [OWN_QUEUES],
        "sqs:DeleteMessage": [OWN_QUEUES],
        "sqs:SendMessage": [OWN_QUEUES, f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-convert-dlq.fifo"],
        "dynamodb:GetItem": [TABLE],
        "dynamodb:PutItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "dynamodb:Query": [TABLE],
        "s3:GetObject": [f"{BUCKET}/jobs/convert/*", "arn:<AWS::Partition>:s3:::films/*"],
        "s3:PutObject": [f"{BUCKET}/jobs/convert/*"],
        "s3:AbortMultipartUpload": [f"{BUCKET}/jobs/convert/*"],
        "s3:ListBucket": [BUCKET],
    }
    assert leading_keys(role) == {"JOB#convert#*", "BATCH#convert#*"}


@pytest.mark.parametrize("other", ["con", "convert-2", "convert-convert"])
def test_an_api_whose_name_begins_like_anothers_has_no_right_to_what_is_the_others(cloud, other):
    key = JobKey(api=other, id="63ffffffffffffff")
    foreign = {
        f"arn:<AWS::Partition>:sqs:{OWN}:{names.job_queue('shop', other, key.id)}",
        f"arn:<AWS::Partition>:sqs:{OWN}:{names.dead_letter_queue('shop', other)}",
        f"{BUCKET}/{keys.job_object(key, 'spec.json')}",
        f"{BUCKET}/{keys.job_object(key, 'lanes.jsonl')}",
        f"arn:<AWS::Partition>:ecs:{OWN}:task-definition/{names.task_family('shop', other)}:1",
        f"arn:<AWS::Partition>:states:{OWN}:stateMachine:{names.state_machine('shop', other)}",
        f"arn:<AWS::Partition>:states:{OWN}:execution:{names.state_machine('shop', other)}:{key.id}",
        keys.job_item(key)["pk"],
        keys.batch_item(key, "0-0")["pk"],
    }
    worker, machine = cloud.role(CONVERT, "worker"), cloud.role(CONVERT, "jobs")
    patterns = leading_keys(worker) | {
        resource for role in (worker, machine) for found in rights(role).values() for resource in found
    }

    assert len(patterns) > 10
    matched = {name for name in foreign for pattern in patterns if fnmatch.fnmatchcase(name, pattern)}
    assert matched == set()


def test_a_worker_of_jobs_is_told_what_it_needs_and_gets_its_job_when_it_is_run(cloud):
    told = cloud.environment(CONVERT, "dequeuer")
    assert "PENSTOCK_QUEUE_URL" not in told

    settings = environment.read(BatchSettings, told | {"PENSTOCK_JOB_ID": "63ffffffffffffff"})

    assert (settings.api, settings.max_concurrency, settings.timeout_seconds) == ("convert", 3, 3600)
    # Within this time a worker of a stopped job leaves, however empty its queue (J11).
    assert settings.poll_seconds == 5


def test_users_containers_start_when_the_jobs_spec_is_written_where_they_are_told(cloud):
    properties = cloud.properties(CONVERT, "AWS::ECS::TaskDefinition")
    spec, server = cloud.container(CONVERT, "spec"), cloud.container(CONVERT, "server")

    assert properties["Volumes"] == [{"Name": "spec"}]
    assert spec["EntryPoint"] == ["python3", "-m", "dequeuer.job_spec"]
    assert spec["Image"] == cloud.container(CONVERT, "dequeuer")["Image"]
    assert spec["Essential"] is False
    assert spec["MountPoints"] == [
        {"SourceVolume": "spec", "ContainerPath": "/cortex/spec", "ReadOnly": False}
    ]
    assert server["MountPoints"] == [
        {"SourceVolume": "spec", "ContainerPath": "/cortex/spec", "ReadOnly": True}
    ]
    assert server["DependsOn"] == [{"ContainerName": "spec", "Condition": "SUCCESS"}]
    for container in ("spec", "server"):
        assert cloud.environment(CONVERT, container)["PENSTOCK_JOB_SPEC"] == "/cortex/spec/job.json"


def test_a_task_for_requests_has_nothing_of_jobs(cloud):
    properties = cloud.properties("api-echo", "AWS::ECS::TaskDefinition")

    assert "Volumes" not in properties
    assert [container["Name"] for container in properties["ContainerDefinitions"]] == ["server", "dequeuer"]
    for container in properties["ContainerDefinitions"]:
        assert "MountPoints" not in container


def test_a_batch_api_has_no_service_and_no_queue_but_the_one_for_dead_letters(cloud):
    assert cloud.of_type(CONVERT, "AWS::ECS::Service") == []
    queue = cloud.properties(CONVERT, "AWS::SQS::Queue")
    assert queue["QueueName"] == "penstock-shop-convert-dlq.fifo"
    mapping = cloud.properties(CONVERT, "AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionName"] == "penstock-shop-recorder"


def test_an_execution_that_ends_early_is_told_to_the_finisher(cloud):
    rule = cloud.properties(CONVERT, "AWS::Events::Rule")

    pattern = rule["EventPattern"]
    assert pattern["detail"]["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]
    assert [text(arn) for arn in pattern["detail"]["stateMachineArn"]] == [
        f"arn:<AWS::Partition>:states:{OWN}:stateMachine:penstock-shop-convert"
    ]
    assert [text(target["Arn"]) for target in rule["Targets"]] == [
        f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-batch-ends"
    ]


def test_only_rules_of_the_deployment_may_tell_the_finisher_of_executions(cloud):
    statements = [
        statement
        for policy in cloud.of_type("batch", "AWS::SQS::QueuePolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    [statement] = statements
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    rules = text(statement["Condition"]["ArnLike"]["aws:SourceArn"])
    assert rules == f"arn:<AWS::Partition>:events:{OWN}:rule/penstock-shop-*"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_ends_of_executions_are_taken_one_by_one_and_kept_when_they_cannot_be_dealt_with(cloud):
    queues = {
        resource["Properties"]["QueueName"]: resource["Properties"]
        for resource in cloud.of_type("batch", "AWS::SQS::Queue")
    }
    ends = queues["penstock-shop-batch-ends"]
    mapping = cloud.properties("batch", "AWS::Lambda::EventSourceMapping")
    function = cloud.function("batch", "penstock-shop-batch-finish")

    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert ends["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert ends["RedrivePolicy"]["maxReceiveCount"] == 100
    assert queues.keys() == {"penstock-shop-batch-ends", "penstock-shop-batch-ends-dead"}


def test_operators_are_told_of_executions_that_fail_and_of_jobs_that_do_not_end(cloud):
    failed = [
        alarm["Properties"]
        for alarm in cloud.of_type(CONVERT, "AWS::CloudWatch::Alarm")
        if alarm["Properties"].get("MetricName") == "ExecutionsFailed"
    ]
    [unfinished] = [
        alarm
        for alarm in cloud.of_type("batch", "AWS::CloudWatch::Alarm")
        if alarm["Properties"]["Namespace"] == "AWS/SQS"
    ]

    assert [alarm["Namespace"] for alarm in failed] == ["AWS/States"]
    assert "penstock-shop-batch-ends-dead" not in failed[0]["AlarmDescription"]
    [dimension] = unfinished["Properties"]["Dimensions"]
    assert dimension["Name"] == "QueueName"


def test_a_timer_may_call_the_finisher_alone(cloud):
    role = cloud.role("batch", "timer")

    assert rights(role) == {
        "lambda:InvokeFunction": [f"arn:<AWS::Partition>:lambda:{OWN}:function:penstock-shop-batch-finish"]
    }
    assert cloud.properties("batch", "AWS::Scheduler::ScheduleGroup")["Name"] == "penstock-shop"
    told = cloud.function("batch", "penstock-shop-batch-plan")["Environment"]["Variables"]
    assert text(told["PENSTOCK_TIMER_FUNCTION_ARN"]) in rights(role)["lambda:InvokeFunction"]


def test_names_of_what_is_made_for_a_job_fit_even_for_the_longest_names():
    deployment, api, job = "d" * 16, "a" * 42, "6" * 16

    assert len(names.job_queue(deployment, api, job)) <= 80
    assert len(names.job_timer(deployment, api, job)) <= 64
    assert len(names.state_machine(deployment, api)) <= 80
    assert len(names.batch_function(deployment, "enqueue")) <= 64
    assert len(names.batch_queue(deployment, "ends-dead")) <= 80


def test_what_jobs_leave_in_the_bucket_expires_when_no_job_can_refer_to_it(cloud):
    rules = cloud.properties("data", "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}

    # The longest retention is 30 days, and the longest job lasts 14.
    assert days["jobs/"] == 45


def test_a_deployment_without_batch_apis_has_nothing_of_them(open_to_all):
    assert "batch" not in open_to_all.by_part
