"""The embedded emulator as our child process."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from localstack.emulator import EmulatorSettings, start_emulator
from localstack.errors import EmulatorFailed, SetupMissing
from localstack.executions import abort_all
from localstack.processes import left_behind
from penstock.aws.emulator import ACCESS_KEY, REGION, SECRET_KEY
from tests.waiting import eventually

if TYPE_CHECKING:
    from typing import Any

    from tests.local.sites import Site

pytestmark = pytest.mark.emulator


def client(site: Site, service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=site.endpoint.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )


def listening_addresses(port: int) -> set[str]:
    """IPv4 and IPv6 addresses on which something listens, as the kernel writes them."""
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = "0A"
    return {
        row[1].split(":")[0] for row in rows if row[3] == listening and int(row[1].split(":")[1], 16) == port
    }


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def program(site: Site, script: str) -> Path:
    """Return what stands in for the emulator's interpreter."""
    file = site.state.root / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_it_listens_on_loopback_only(site: Site):
    with site.emulator():
        assert listening_addresses(site.endpoint.port) == {"0100007F"}


def test_lambda_code_sees_the_emulator_and_not_the_developers_shell(site: Site, monkeypatch):
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    functions = client(site, "lambda")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("MY_TOKEN", "secret")
    with site.emulator():
        functions.create_function(
            FunctionName="f",
            Runtime="python3.11",
            Handler="index.handler",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": zipped(source)},
        )
        answer = functions.invoke(FunctionName="f")["Payload"].read().decode()
        # The worker is a process of its own, and the fixture proves that it has ended.
        assert len(left_behind(site.state.root)) > 2

    assert site.endpoint.url in answer
    assert "production" not in answer
    assert "MY_TOKEN" not in answer


def test_what_was_stored_is_there_after_a_stop(site: Site):
    with site.emulator():
        client(site, "sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    with site.emulator():
        urls = client(site, "sqs").list_queues()["QueueUrls"]

    assert urls == [f"{site.endpoint.url}/000000000000/q.fifo"]


def test_a_restart_keeps_the_port_hidden_messages_and_the_deduplication_window(site: Site):
    with site.emulator() as emulator:
        before, sqs = emulator.pid, client(site, "sqs")
        queue = sqs.create_queue(
            QueueName="q.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"}
        )["QueueUrl"]

        def send(number: str) -> None:
            sqs.send_message(
                QueueUrl=queue, MessageBody=number, MessageGroupId=number, MessageDeduplicationId=number
            )

        def received() -> list[str]:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            return [message["Body"] for message in answer.get("Messages", [])]

        send("1")
        assert received() == ["1"]
        emulator.restart(interrupt=threading.Event())
        assert emulator.pid != before
        send("1")
        send("2")
        assert received() == ["2"]


def test_a_restart_keeps_records_and_forgets_the_events_of_their_stream(site: Site):
    with site.emulator() as emulator:
        dynamodb, streams = client(site, "dynamodb"), client(site, "dynamodbstreams")
        stream = dynamodb.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]["LatestStreamArn"]

        def events() -> list[str]:
            described = streams.describe_stream(StreamArn=stream)["StreamDescription"]
            iterator = streams.get_shard_iterator(
                StreamArn=stream,
                ShardId=described["Shards"][0]["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            found = streams.get_records(ShardIterator=iterator)["Records"]
            return [event["dynamodb"]["Keys"]["pk"]["S"] for event in found]

        dynamodb.put_item(TableName="table", Item={"pk": {"S": "before"}})
        assert events() == ["before"]
        emulator.restart(interrupt=threading.Event())
        dynamodb.put_item(TableName="table", Item={"pk": {"S": "after"}})
        assert events() == ["after"]
        assert dynamodb.scan(TableName="table")["Count"] == 2


def test_a_restart_is_refused_if_the_state_could_not_be_saved(site: Site):
    stubborn = program(site, "trap '' TERM; echo ignoring; while true; do sleep 1; done")
    emulator = start_emulator(
        EmulatorSettings(stubborn, site.endpoint, site.state), site.spawn, outer=os.environ
    )
    eventually(
        lambda: "ignoring" in site.state.logs.joinpath("emulator.log").read_text(),
        within_seconds=10,
        what="the program runs",
    )
    with pytest.raises(EmulatorFailed, match="too long to save"):
        emulator.restart(interrupt=threading.Event(), within_seconds=0.2)
    emulator.stop(within_seconds=0.2)


WAITING = {
    "StartAt": "Wait",
    "States": {
        "Wait": {
            "Type": "Task",
            "Resource": "arn:aws:states:::ecs:runTask.sync",
            "Parameters": {"Cluster": "here", "TaskDefinition": "endless"},
            "End": True,
        }
    },
}


def test_it_saves_and_ends_while_an_execution_waits_for_a_task(site: Site):
    ecs, states = site.clients.ecs(), site.clients.stepfunctions()
    with site.emulator() as emulator:
        # Given an execution whose task runs for as long as anybody lets it
        ecs.create_cluster(clusterName="here")
        ecs.register_task_definition(
            family="endless", containerDefinitions=[{"name": "server", "image": "x"}]
        )
        machine = states.create_state_machine(
            name="waiting", definition=json.dumps(WAITING), roleArn="arn:aws:iam::000000000000:role/x"
        )["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        eventually(
            lambda: ecs.list_tasks(cluster="here")["taskArns"], within_seconds=20, what="the task runs"
        )

        # When the emulator is told to end
        abort_all(states)
        emulator.stop(within_seconds=20)

        # Then it does, with all saved,
        assert not (site.state.root / "unsaved").exists()

    # and the execution has not just been forgotten.
    with site.emulator():
        assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_an_emulator_that_dies_shows_the_end_of_its_log(site: Site):
    settings = EmulatorSettings(program(site, "echo port in use; exit 7"), site.endpoint, site.state)
    emulator = start_emulator(settings, site.spawn, outer=os.environ)

    with pytest.raises(EmulatorFailed, match=r"exit code 7[\s\S]*port in use"):
        emulator.wait_until_ready(interrupt=threading.Event())


def test_an_emulator_that_never_answers_is_given_up(site: Site):
    settings = EmulatorSettings(program(site, "echo thinking; exec sleep 1000"), site.endpoint, site.state)
    emulator = start_emulator(settings, site.spawn, outer=os.environ)

    with pytest.raises(EmulatorFailed, match=r"did not answer within[\s\S]*thinking"):
        emulator.wait_until_ready(interrupt=threading.Event(), within_seconds=0.5)
    emulator.stop()


def test_a_missing_emulator_names_the_remedy(site: Site, tmp_path):
    settings = EmulatorSettings(tmp_path / "python", site.endpoint, site.state)
    with pytest.raises(SetupMissing, match="make setup"):
        start_emulator(settings, site.spawn, outer=os.environ)
