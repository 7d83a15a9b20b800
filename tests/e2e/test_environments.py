"""Two deployments in one account, of which one's name begins with the other's; APIs that leave; the end.

``prod-2`` is kept up by the local stack. ``prod`` is deployed beside it and destroyed.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from typer.testing import CliRunner

from localstack.cdk_cli import CdkCli
from localstack.clients import Clients
from localstack.deploy import Deployment
from localstack.emulator import free_port
from localstack.emulators import EMBEDDED
from localstack.environment import Endpoint, child_environment
from localstack.guard import Guard
from localstack.options import PROJECT, Options
from localstack.processes import GroupSpawner
from localstack.state import State
from localstack.up import LocalStack, running
from penstock import names
from penstock.aws.operator import key_ring
from penstock.cli.main import app
from penstock.cli.surroundings import Surroundings
from penstock.client import ApiProblem, Client
from tests.conftest import missing
from tests.e2e import emulators

pytestmark = [pytest.mark.embedded_only("it takes ECS"), pytest.mark.timeout(600)]

EXAMPLES = PROJECT / "ecs_tasks" / "examples"
AWKWARD = Path(__file__).parent / "awkward"

HEAD = "deployment: {deployment}\nauth: {{mode: {auth}}}\napis:\n"
WORDS = f"""\
  - name: word-count
    kind: AsyncAPI
    pod: {{containers: [{{name: server, image: example/words}}]}}
    local: {{command: python server.py, directory: {EXAMPLES / "word_count"}}}
"""
LEAVING = f"""\
  - name: leaving
    kind: AsyncAPI
    timeout: 90s
    pod: {{containers: [{{name: server, image: example/awkward}}]}}
    local: {{command: python server.py, directory: {AWKWARD}}}
"""
SUMS = f"""\
  - name: sums
    kind: BatchAPI
    pod: {{containers: [{{name: server, image: example/sums}}]}}
    local: {{command: python server.py, directory: {EXAMPLES / "sum_batch"}}}
"""


@dataclass
class Account:
    """One emulator with two deployments."""

    folder: Path
    local: LocalStack
    client: Client
    cdk: Callable[[str], CdkCli]
    said: list[str] = field(default_factory=list)

    @property
    def aws(self) -> Callable[[str], Any]:
        return lambda service: boto3.client(service, endpoint_url=self.local.aws_endpoint_url)  # type: ignore[call-overload]  # any service

    def configure(self, deployment: str, *apis: str, auth: str = "none") -> Path:
        file = self.folder / f"{deployment}.yaml"
        file.write_text(HEAD.format(deployment=deployment, auth=auth) + "".join(apis))
        return file

    def deploy(self, deployment: str, *apis: str, auth: str = "none") -> None:
        self.cdk(deployment).deploy(config=self.configure(deployment, *apis, auth=auth))

    def penstock(self, deployment: str, *arguments: str, typed: str = "") -> tuple[int, str]:
        """Run the command as its operator would, and tell its exit code and all that it says."""
        folder = self.folder / f"at-{deployment}"
        (folder / ".penstock").mkdir(parents=True, exist_ok=True)
        (folder / ".penstock" / "endpoint.json").write_text(
            json.dumps(
                {"url": "http://x", "deployment": deployment, "aws_endpoint_url": self.local.aws_endpoint_url}
            )
        )
        ended = CliRunner().invoke(
            app,
            [*arguments, "--config", str(self.folder / f"{deployment}.yaml")],
            obj=Surroundings(folder=folder),
            input=typed,
        )
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.output

    def names(self) -> dict[str, list[str]]:
        """Names of all that is in the account, by kind."""
        aws = self.aws
        return {
            "stacks": [s["StackName"] for s in aws("cloudformation").describe_stacks()["Stacks"]],
            "tables": aws("dynamodb").list_tables()["TableNames"],
            "buckets": [b["Name"] for b in aws("s3").list_buckets()["Buckets"]],
            "queues": aws("sqs").list_queues().get("QueueUrls", []),
            "functions": [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]],
            "topics": [t["TopicArn"] for t in aws("sns").list_topics()["Topics"]],
            "machines": [m["name"] for m in aws("stepfunctions").list_state_machines()["stateMachines"]],
            "clusters": aws("ecs").list_clusters()["clusterArns"],
            "logs": [g["logGroupName"] for g in aws("logs").describe_log_groups()["logGroups"]],
            "secrets": [s["Name"] for s in aws("secretsmanager").list_secrets()["SecretList"]],
            "parameters": [
                p["Name"]
                for page in aws("ssm").get_paginator("describe_parameters").paginate()
                for p in page["Parameters"]
            ],
            "rest apis": [a["name"] for a in aws("apigateway").get_rest_apis()["items"]],
            "keys": [k["name"] for k in aws("apigateway").get_api_keys()["items"]],
            "alarms": [a["AlarmName"] for a in aws("cloudwatch").describe_alarms()["MetricAlarms"]],
            "rules": [r["Name"] for r in aws("events").list_rules()["Rules"]],
            "groups": [g["Name"] for g in aws("scheduler").list_schedule_groups()["ScheduleGroups"]],
        }

    def belonging_to(self, deployment: str, *, but: str) -> dict[str, list[str]]:
        """Those that have the deployment's name in them, and not the other's that begins with it."""
        ours = (f"penstock-{deployment}", f"penstock/{deployment}")
        others = (f"penstock-{but}", f"penstock/{but}")

        def mine(name: str) -> bool:
            return any(one in name for one in ours) and not any(one in name for one in others)

        found = {kind: [name for name in listed if mine(name)] for kind, listed in self.names().items()}
        return {kind: listed for kind, listed in found.items() if listed}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Account]:
    for needed in (".venv-emulator/bin/python", "node_modules/.bin/cdk"):
        if not (PROJECT / needed).exists():
            missing(f"{needed} is not installed; run `make setup`")
    folder = tmp_path_factory.mktemp("environments")
    first = folder / "prod-2.yaml"
    first.write_text(HEAD.format(deployment="prod-2", auth="none") + WORDS + LEAVING)
    options = Options(emulator=emulators.kind(pytestconfig), state_dir=folder / "local", port=free_port())
    with ExitStack() as cleanup:
        local = cleanup.enter_context(running(first, options))
        endpoint = Endpoint(int(local.aws_endpoint_url.rpartition(":")[2]))

        def cdk(deployment: str) -> CdkCli:
            state = State(folder / f"cdk-{deployment}")
            state.create()
            environment = child_environment(endpoint, state.root, outer=os.environ)
            spawn = GroupSpawner(cleanup.enter_context(Guard(environment=environment)))
            return CdkCli(PROJECT, state, environment, spawn, threading.Event(), EMBEDDED.stage)

        client = cleanup.enter_context(Client(local.url))
        yield Account(folder, local, client, cdk)


def url_of(account: Account, deployment: str) -> str:
    endpoint = Endpoint(int(account.local.aws_endpoint_url.rpartition(":")[2]))
    return Deployment(deployment, Clients(endpoint)).base_url(endpoint)


def test_an_api_that_leaves_finishes_its_work_and_goes_when_it_has(account):
    slow = [
        account.client.submit("leaving", b"x", query=[("do", "describe"), ("delay", "25")]).id
        for _ in range(2)
    ]
    account.configure("prod-2", WORDS)
    code, said = account.penstock("prod-2", "prune", "--yes")
    assert (code, "deploy the configuration first" in said) == (1, True), said

    account.deploy("prod-2", WORDS)
    slow.append(account.client.get("leaving", slow[0]).id)
    with pytest.raises(ApiProblem) as refused:
        account.client.submit("leaving", b"x")
    assert refused.value.code == "api_removed"
    if account.client.get("leaving", slow[1]).status != "completed":
        code, said = account.penstock("prod-2", "prune", "--yes")
        assert (code, "leaving stays" in said) == (1, True), said
        # Whichever of it is left by the time that somebody looks.
        assert re.search("open requests|being worked on|in the queue", said)

    for request_id in slow:
        state = account.client.wait("leaving", request_id, timeout_seconds=120)
        assert state.status == "completed"
    code, said = account.penstock("prod-2", "prune", "--yes", "--wait")

    assert code == 0, said
    assert "penstock-prod-2-api-leaving" not in account.names()["stacks"]
    assert "penstock-prod-2-api-word-count" in account.names()["stacks"]
    code, said = account.penstock("prod-2", "prune", "--yes")
    assert (code, "nothing to do" in said) == (0, True)


def test_one_deployment_is_destroyed_and_the_other_beside_it_works_on(account):
    account.deploy("prod", WORDS, SUMS, auth="api_key")
    both = account.names()
    ring = key_ring("prod", emulator_url=account.local.aws_endpoint_url)
    _, secret = ring.create("ci", apis=["word-count", "sums"])
    own = {"X-Api-Key": secret}
    with httpx.Client(base_url=url_of(account, "prod"), timeout=60, trust_env=False, headers=own) as http:
        assert http.post("/async/word-count", content=b"two words").status_code == 202
        job = {"workers": 1, "item_list": {"items": [1, 2, 3], "batch_size": 1}}
        assert http.post("/batch/sums", json=job).status_code in {200, 201, 202}
    account.aws("secretsmanager").create_secret(
        Name=names.webhook_secret("prod", "word-count"), SecretString="whsec_x"
    )
    before = account.belonging_to("prod-2", but="prod-2-")

    code, said = account.penstock("prod", "destroy", "--data", typed="prod-2\n")
    assert (code, "nothing was changed" in said) == (2, True)
    assert account.names()["stacks"] == [*both["stacks"]]
    code, said = account.penstock("prod", "destroy", "--data", "--yes")

    assert code == 0, said
    assert account.belonging_to("prod", but="prod-2") == {}, said
    assert account.belonging_to("prod-2", but="prod-2-") == before
    request_id = account.client.submit("word-count", b"it still works", content_type="text/plain").id
    assert account.client.wait("word-count", request_id, timeout_seconds=60).result["words"] == 3
    code, said = account.penstock("prod", "destroy", "--data", "--yes")
    assert (code, "Nothing is there of prod" in said) == (0, True)


def test_the_doctor_sees_the_account_and_never_fails_itself(account):
    account.configure("prod-2", WORDS)
    code, said = account.penstock("prod-2", "doctor")

    assert code in {0, 1}
    assert "ok       credentials: arn:aws:iam::000000000000:" in said, said
    assert "ok       bootstrap: version" in said
    assert "Traceback" not in said
