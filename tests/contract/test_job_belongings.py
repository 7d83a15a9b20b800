"""A job's queue and timer, and the queues of callers that its failed batches go to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from batch_lambda import surroundings
from batch_lambda.surroundings import Surroundings
from penstock import ids, names
from penstock.aws.dead_letter_queues import SqsDeadLetterQueues
from penstock.batch.belongings import DeadLetterQueues, DeadLettersRefused, JobQueues, Timers
from penstock.batch.dead_letters import DeadLetter
from penstock.batch.jobs import JobKey
from penstock.ports import DependencyError
from penstock.testing import MemoryDeadLetterQueues, MemoryJobQueues, MemoryTimers

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = JobKey(api="sum", id="63ffffffffffffff")
ROLE = "arn:aws:iam::123456789012:role/timer"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:finish"
#: Far ahead, so that no emulator has it go off during the test.
AT_MS = 4_102_444_800_000


@dataclass(frozen=True)
class Belongings:
    queues: JobQueues
    timers: Timers
    dead_letters: DeadLetterQueues
    #: A queue of a caller's.
    arn: str
    has_queue: Callable[[], bool]
    has_timer: Callable[[], bool]
    #: Ids and bodies of what the caller's queue has.
    received: Callable[[], list[tuple[str, str]]]


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def job(request: pytest.FixtureRequest) -> Belongings:
    if request.param == "memory":
        return _in_memory()
    url = request.getfixturevalue(f"{request.param}_url")
    return _on_aws(url, deployment=f"d{ids.new_request_id()[:8]}")


def _in_memory() -> Belongings:
    arn = "arn:aws:sqs:us-east-1:123456789012:mine.fifo"
    queues, timers, dead_letters = MemoryJobQueues(), MemoryTimers(), MemoryDeadLetterQueues(arn)
    return Belongings(
        queues=queues,
        timers=timers,
        dead_letters=dead_letters,
        arn=arn,
        has_queue=lambda: KEY in queues.urls,
        has_timer=lambda: KEY in timers.due,
        received=lambda: [(letter.id, letter.body) for letter in dead_letters.received[arn]],
    )


def _on_aws(url: str, *, deployment: str) -> Belongings:
    sqs, scheduler = boto3.client("sqs", endpoint_url=url), boto3.client("scheduler", endpoint_url=url)
    dead_letters, mine = (
        sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        for name in (names.dead_letter_queue(deployment, KEY.api), f"{deployment}-mine.fifo")
    )
    scheduler.create_schedule_group(Name=names.batch_schedules(deployment))
    arn = _arn(sqs, dead_letters)
    told = Surroundings(
        deployment=deployment,
        queue_arns=arn.removesuffix(arn.rpartition(":")[2]),
        timer_function_arn=FUNCTION,
        timer_role_arn=ROLE,
    )

    def received() -> list[tuple[str, str]]:
        found = sqs.receive_message(
            QueueUrl=mine,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [(one["Attributes"]["MessageGroupId"], one["Body"]) for one in found.get("Messages", [])]

    def has_timer() -> bool:
        group = names.batch_schedules(deployment)
        listed = scheduler.list_schedules(GroupName=group)["Schedules"]
        return [one["Name"] for one in listed] == [names.job_timer(deployment, KEY.api, KEY.id)]

    return Belongings(
        queues=surroundings.queues(told, sqs),
        timers=surroundings.timers(told, scheduler),
        dead_letters=SqsDeadLetterQueues(lambda _region: sqs),
        arn=_arn(sqs, mine),
        has_queue=lambda: _exists(sqs, names.job_queue(deployment, KEY.api, KEY.id)),
        has_timer=has_timer,
        received=received,
    )


def _arn(sqs: Any, url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _exists(sqs: Any, name: str) -> bool:
    return bool(sqs.list_queues(QueueNamePrefix=name).get("QueueUrls"))


def letter(number: int, *, body: str = "[1]") -> DeadLetter:
    return DeadLetter(id=f"{KEY.id}-0-{number}", body=body, attributes={"penstock_job_id": KEY.id})


def test_a_queue_that_is_made_again_is_the_same(job):
    assert job.queues.create(KEY) == job.queues.create(KEY)
    assert job.has_queue()


@pytest.mark.parametrize("backend", ["moto", pytest.param("emulator", marks=pytest.mark.emulator)])
@pytest.mark.parametrize("key_arn", ["", "arn:aws:kms:us-east-1:123456789012:key/1234"], ids=["sqs", "kms"])
def test_a_jobs_queue_is_encrypted_with_the_key_that_is_told_or_with_sqss_own(backend, key_arn, request):
    sqs = boto3.client("sqs", endpoint_url=request.getfixturevalue(f"{backend}_url"))
    deployment = f"d{ids.new_request_id()[:8]}"
    dead_letters = sqs.create_queue(
        QueueName=names.dead_letter_queue(deployment, KEY.api), Attributes={"FifoQueue": "true"}
    )["QueueUrl"]
    told = Surroundings(
        deployment=deployment,
        queue_arns=_arn(sqs, dead_letters).removesuffix(names.dead_letter_queue(deployment, KEY.api)),
        timer_function_arn=FUNCTION,
        timer_role_arn=ROLE,
        queue_key_arn=key_arn,
    )

    url = surroundings.queues(told, sqs).create(KEY)

    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found.get("KmsMasterKeyId", "") == key_arn
    # moto says so beside a key too.
    assert key_arn or found["SqsManagedSseEnabled"] == "true"


def test_a_queue_that_is_removed_is_gone_and_may_be_removed_again(job):
    job.queues.create(KEY)

    job.queues.delete(KEY)
    job.queues.delete(KEY)

    assert not job.has_queue()


def test_a_timer_that_is_set_again_is_one_timer(job):
    job.timers.set(KEY, at_ms=AT_MS)
    job.timers.set(KEY, at_ms=AT_MS)

    assert job.has_timer()


def test_a_timer_may_be_cleared_any_number_of_times_and_without_being_set(job):
    job.timers.clear(KEY)
    job.timers.set(KEY, at_ms=AT_MS)

    job.timers.clear(KEY)
    job.timers.clear(KEY)

    assert not job.has_timer()


def test_letters_that_are_sent_again_arrive_once(job):
    letters = [letter(number) for number in range(8)]

    job.dead_letters.send(job.arn, letters[:3])
    job.dead_letters.send(job.arn, letters)

    assert sorted(job.received()) == [(one.id, one.body) for one in letters]


def test_letters_of_any_number_and_size_arrive(job):
    # As long as a body may be in a message: no ten of them fit into one call.
    letters = [letter(number, body="x" * 256 * 1024) for number in range(9)]

    job.dead_letters.send(job.arn, letters)

    assert sorted(group for group, _ in job.received()) == [one.id for one in letters]


def test_a_queue_that_is_not_there_refuses_letters_for_good(job):
    with pytest.raises(DeadLettersRefused, match="nowhere"):
        job.dead_letters.send(f"{job.arn.rpartition(':')[0]}:nowhere.fifo", [letter(0)])


def stubbed(service: str) -> tuple[Any, Stubber]:
    client: Any = boto3.client(  # type: ignore[call-overload]  # any of two
        service, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    stub = Stubber(client)
    stub.activate()
    return client, stub


TOLD = Surroundings(
    deployment="shop",
    queue_arns="arn:aws:sqs:eu-west-1:111122223333:",
    timer_function_arn=FUNCTION,
    timer_role_arn=ROLE,
)


def test_a_jobs_queue_is_like_its_apis_would_be():
    sqs, stub = stubbed("sqs")
    stub.add_response(
        "create_queue", {"QueueUrl": "url"}, {"QueueName": ANY, "Attributes": (told := Attributes())}
    )

    assert surroundings.queues(TOLD, sqs).create(KEY) == "url"

    assert told.seen["DeduplicationScope"] == "messageGroup"
    assert told.seen["FifoThroughputLimit"] == "perMessageGroupId"
    assert told.seen["VisibilityTimeout"] == "30"
    assert told.seen["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert told.seen["SqsManagedSseEnabled"] == "true"
    assert json.loads(told.seen["RedrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:penstock-shop-sum-dlq.fifo",
        "maxReceiveCount": "100",
    }
    [statement] = json.loads(told.seen["Policy"])["Statement"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


class Attributes:
    """Equal to whatever it is compared with, which it keeps."""

    __hash__ = None  # type: ignore[assignment]  # nothing keeps it in a set

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, dict)
        self.seen = other
        return True


def test_a_timer_calls_the_finisher_once_and_not_before_its_time():
    scheduler, stub = stubbed("scheduler")
    event = {"step": "timed_out", "api": "sum", "job": KEY.id}
    stub.add_response(
        "create_schedule",
        {"ScheduleArn": "arn:aws:scheduler:eu-west-1:111122223333:schedule/penstock-shop/x"},
        {
            "GroupName": "penstock-shop",
            "Name": names.job_timer("shop", "sum", KEY.id),
            "ScheduleExpression": "at(2023-11-14T22:13:21)",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": FUNCTION, "RoleArn": ROLE, "Input": json.dumps(event)},
        },
    )

    surroundings.timers(TOLD, scheduler).set(KEY, at_ms=1_700_000_000_001)

    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("AccessDenied", DeadLettersRefused),
        ("AWS.SimpleQueueService.NonExistentQueue", DeadLettersRefused),
        ("KmsAccessDenied", DeadLettersRefused),
        ("RequestThrottled", DependencyError),
        ("ServiceUnavailable", DependencyError),
    ],
)
def test_what_passes_is_told_from_what_does_not(code, fault):
    sqs, stub = stubbed("sqs")
    stub.add_client_error("get_queue_url", code)

    with pytest.raises(fault):
        SqsDeadLetterQueues(lambda _region: sqs).send("arn:aws:sqs:eu-west-1:1:mine.fifo", [letter(0)])


def test_letters_that_are_refused_alone_are_told_of():
    sqs, stub = stubbed("sqs")
    stub.add_response("get_queue_url", {"QueueUrl": "url"})
    refused = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
    stub.add_response("send_message_batch", {"Successful": [], "Failed": [refused]})

    with pytest.raises(DependencyError, match="InternalError"):
        SqsDeadLetterQueues(lambda _region: sqs).send("arn:aws:sqs:eu-west-1:1:mine.fifo", [letter(0)])
