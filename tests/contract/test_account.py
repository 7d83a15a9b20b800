"""The ``Account`` port where CloudFormation does not know what is there; the rest is tried end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from penstock import names
from penstock.aws.account import AwsAccount
from penstock.aws.records import DynamoRecords
from penstock.lifecycle.estate import Crowd, Stack, Work
from tests.contract.conftest import BACKENDS, _client, make_table
from tests.examples import record

if TYPE_CHECKING:
    from collections.abc import Callable

#: The one's name begins with the other's.
OURS, OTHERS = "acct", "acct-2"
BUCKET = "penstock-acct-bucket"


@pytest.fixture(params=BACKENDS[1:])
def aws(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    url = request.getfixturevalue(f"{request.param}_url")
    return lambda service: _client(service, url)


@pytest.fixture
def account(aws) -> AwsAccount:
    return AwsAccount(aws, OURS, auto_scaling=False, clock=lambda: 0.0, sleep=lambda _: None)


def test_a_bucket_is_emptied_of_versions_markers_and_uploads_and_goes(aws, account):
    s3 = aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=BUCKET, Key="a", Body=body)
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.create_multipart_upload(Bucket=BUCKET, Key="b")
    said: list[str] = []

    account.empty_bucket(BUCKET, told=said.append)
    account.delete_bucket(BUCKET)

    assert said == ["    3 objects deleted"]
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=BUCKET)
    account.empty_bucket(BUCKET, told=said.append)
    account.delete_bucket(BUCKET)


def test_a_protected_table_goes_and_may_be_gone(aws, account):
    dynamodb, name = aws("dynamodb"), names.table(f"{OURS}-x")
    make_table(dynamodb, name)
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)

    account.delete_table(name)
    assert name not in dynamodb.list_tables()["TableNames"]
    account.delete_table(name)


def test_what_is_gone_already_is_no_fault(account):
    account.delete_queue("http://127.0.0.1/000000000000/penstock-acct_gone")
    account.delete_log_group("/penstock/acct/gone")
    account.delete_secret("penstock/acct/webhook/gone")
    assert account.crowd("penstock-gone") == Crowd(tasks=0, instances=0)
    assert account.accepting() == frozenset()


def test_an_estate_holds_nothing_of_a_deployment_whose_name_begins_with_its_name(aws, account):
    sqs, logs, secrets = aws("sqs"), aws("logs"), aws("secretsmanager")
    for deployment in (OURS, OTHERS):
        sqs.create_queue(QueueName=names.job_queue(deployment, "sum", "j1"), Attributes={"FifoQueue": "true"})
        logs.create_log_group(logGroupName=names.log_group(deployment, "sum"))
        logs.create_log_group(logGroupName=f"/aws/lambda/{names.gateway_function(deployment)}")
        secrets.create_secret(Name=names.webhook_secret(deployment, "sum"), SecretString="x")
    estate = account.estate()

    assert [url.rpartition("/")[2] for url in estate.queues] == [names.job_queue(OURS, "sum", "j1")]
    assert set(estate.log_groups) == {"/penstock/acct/sum", "/aws/lambda/penstock-acct-gateway"}
    assert estate.secrets == ("penstock/acct/webhook/sum",)
    for url in estate.queues:
        account.delete_queue(url)
    for name in estate.log_groups:
        account.delete_log_group(name)
    for name in estate.secrets:
        account.delete_secret(name)
    left = account.estate()
    assert (left.queues, left.log_groups, left.secrets) == ((), (), ())
    assert logs.describe_log_groups(logGroupNamePrefix="/penstock/acct-2/")["logGroups"] != []


def test_work_is_counted_in_the_queue_among_dead_letters_and_by_records(aws, account):
    dynamodb, sqs = aws("dynamodb"), aws("sqs")
    stack = Stack(name="penstock-acct-api-word-count", part="api-word-count")
    assert account.work(stack).nothing

    make_table(dynamodb, names.table(OURS))
    DynamoRecords(dynamodb, names.table(OURS)).create(record())
    for name in (names.queue(OURS, "word-count"), names.dead_letter_queue(OURS, "word-count")):
        url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        for number in ("1", "2"):
            sqs.send_message(
                QueueUrl=url, MessageBody="x", MessageGroupId=number, MessageDeduplicationId=number
            )
    sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName=names.queue(OURS, "word-count"))["QueueUrl"])

    assert account.work(stack) == Work(visible=1, in_flight=1, dead_letters=2, open=1)
