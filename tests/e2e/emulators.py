"""What the end-to-end tests can run on; `--emulator` chooses."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from localstack import docker
from localstack.emulator import EmulatorSettings, start_emulator
from localstack.emulators import EMBEDDED, LOCALSTACK, EmulatorKind, TaskCredentials
from localstack.errors import DockerMissing
from localstack.task_credentials import RoleCredentials
from penstock import names
from penstock.aws.emulator import REGION
from tests.iam import enforcing_emulator

if TYPE_CHECKING:
    import pytest

    from localstack.clients import Clients
    from localstack.emulators import RunningEmulator, Site
    from localstack.up import LocalStack

#: What the tests ask for, by the names of pytest-localstack.
SERVICES = ("apigateway", "cloudformation", "dynamodb", "lambda", "logs", "s3", "sqs", "ssm")


def _start_enforcing(decisions: Path, site: Site) -> RunningEmulator:
    decisions.mkdir(parents=True, exist_ok=True)
    settings = EmulatorSettings(
        site.project / ".venv-emulator" / "bin" / "python",
        site.endpoint,
        site.state,
        process=Path(enforcing_emulator.__file__),
        variables={
            "AUTH": "true",
            enforcing_emulator.RECORD_VARIABLE: str(decisions / f"{uuid4().hex}.jsonl"),
        },
    )
    return start_emulator(settings, site.spawn, outer=os.environ)


def _own_credentials(clients: Clients) -> TaskCredentials:
    return RoleCredentials(clients.sts())


def kind(config: pytest.Config) -> EmulatorKind:
    """What the stacks of this run are on."""
    return {
        "embedded": EMBEDDED,
        # The same, which lets each role do what it may and nothing else.
        "enforcing": replace(
            EMBEDDED, start=partial(_start_enforcing, decisions(config)), credentials=_own_credentials
        ),
        "localstack": LOCALSTACK,
        # Stage, pairs and pytest-localstack as for LocalStack: all of it that can be tried without Docker.
        "stand-in": replace(LOCALSTACK, name="embedded", start=EMBEDDED.start, port=None),
    }[config.getoption("--emulator")]


def decisions(config: pytest.Config) -> Path:
    """Where emulators that enforce IAM note what they decide, a file each."""
    return Path(config.getoption("--decisions")).absolute()


def why_skipped(chosen: str) -> str | None:
    """Why the chosen emulator cannot run here. Also in CI, as no setting of the build could change it."""
    if chosen != "localstack":
        return None
    try:
        docker.find(os.environ)
    except DockerMissing as error:
        where = "; CI runs where Docker cannot be had" if os.environ.get("CI") == "true" else ""
        return f"{error.what}{where}"
    return None


def connection(chosen: str, local: LocalStack) -> Callable[[str], Any]:
    """What makes clients for the stack's emulator."""
    if chosen in {"embedded", "enforcing"}:
        return lambda service: boto3.client(service, endpoint_url=local.aws_endpoint_url)  # type: ignore[call-overload]
    # Imported here: it brings the Docker library along, which other runs need not wait for.
    from pytest_localstack.session import RunningSession  # noqa: PLC0415

    port = int(local.aws_endpoint_url.rpartition(":")[2])
    session = RunningSession("127.0.0.1", services=dict.fromkeys(SERVICES, port), region_name=REGION)
    session.start()
    if chosen == "stand-in":
        _link_to_the_stand_in(session.boto3.client("lambda"), local.deployment)
    return session.boto3.client


def _link_to_the_stand_in(client: Any, deployment: str) -> None:
    """The stage's links lead to a name that is LocalStack's alone."""
    function = names.gateway_function(deployment)
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    del variables["AWS_ENDPOINT_URL_S3"]
    client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
