"""The real ``penstock promote`` and ``penstock rollback`` on a running deployment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from localstack.options import PROJECT
from penstock import config, names
from penstock.records import Status
from tests.e2e.conftest import CONFIG, DEPLOYMENT
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.embedded_only("its free edition has no ECS")

API = "word-count"
FAMILY = names.task_family(DEPLOYMENT, API)


def penstock(stack: Stack, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # In a folder whose endpoint file names the running stack.
    place = folder / ".penstock"
    if not place.exists():
        place.symlink_to(stack.local.state.endpoint.parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-c", "from penstock.cli.main import main; main()", *arguments, "--yes"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def promoted(stack: Stack, folder: Path) -> subprocess.CompletedProcess[str]:
    target = folder / "live.yaml"
    # One of the APIs runs on instances, which need a way out.
    target.write_text(
        "deployment: live\nnetwork: {kind: nat}\napis: [{name: word-count, pod: {max_concurrency: 9}}]\n"
    )
    # Images of the local stage are only named.
    return penstock(stack, folder, "promote", "--from", DEPLOYMENT, "--to", str(target), "--allow-tags")


def service(stack: Stack) -> dict[str, Any]:
    ecs = stack.aws("ecs")
    [found] = ecs.describe_services(cluster=names.cluster(DEPLOYMENT), services=[API])["services"]
    return dict(found)


def deploy_another(stack: Stack, mark: str) -> str:
    """As a deploy that changes a variable: the next revision runs, and the one before is deregistered."""
    ecs, before = stack.aws("ecs"), service(stack)["taskDefinition"]
    definition = ecs.describe_task_definition(taskDefinition=before)["taskDefinition"]
    containers = definition["containerDefinitions"]
    for container in containers:
        # The emulator keeps what is inside of them in the template's words, which nobody can register.
        for nested in ("dependsOn", "healthCheck", "linuxParameters", "logConfiguration"):
            container.pop(nested, None)
    [dequeuer] = [one for one in containers if one["name"] == "dequeuer"]
    dequeuer["environment"] = [one for one in dequeuer["environment"] if one["name"] != "MARK"]
    dequeuer["environment"].append({"name": "MARK", "value": mark})
    made = ecs.register_task_definition(
        family=FAMILY, containerDefinitions=containers, taskRoleArn=definition["taskRoleArn"]
    )["taskDefinition"]
    arn = str(made["taskDefinitionArn"])
    ecs.update_service(cluster=names.cluster(DEPLOYMENT), service=API, taskDefinition=arn)
    ecs.deregister_task_definition(taskDefinition=before)
    return arn


def runs(stack: Stack, arn: str) -> bool:
    """Whether one pair runs, and of that revision."""
    pairs = [pair for pair in stack.local.pairs(API) if pair.state.value == "running"]
    described = stack.aws("ecs").describe_tasks(
        cluster=names.cluster(DEPLOYMENT), tasks=[pair.task_arn for pair in pairs]
    )["tasks"]
    return [task["taskDefinitionArn"] for task in described] == [arn]


def test_what_a_deployment_runs_becomes_the_configuration_of_another(stack, tmp_path):
    ended = promoted(stack, tmp_path)

    assert ended.returncode == 0, ended.stderr
    there, here = config.load(tmp_path / "live.lock.yaml"), config.load(CONFIG)
    assert there.deployment == "live"
    assert {api.name for api in there.apis} == {api.name for api in here.apis}
    [word_count] = [api for api in there.apis if api.name == API]
    assert (word_count.timeout.total_seconds(), word_count.pod.max_concurrency) == (60, 9)


def test_a_rollback_runs_what_ran_before_and_a_request_that_runs_ends_in_its_attempt(stack, tmp_path):
    before, after = deploy_another(stack, "before"), deploy_another(stack, "after")
    wanted = service(stack)["desiredCount"]
    eventually(lambda: runs(stack, after), within_seconds=60, what="the next revision runs")
    request_id = stack.submit(API, b"one two", query={"delay": "4"})
    stack.until(API, request_id, Status.IN_PROGRESS)

    ended = penstock(stack, tmp_path, "rollback", API, "--config", str(CONFIG))

    assert ended.returncode == 0, ended.stderr
    copy = service(stack)["taskDefinition"]
    assert ended.stdout.strip() == copy.rpartition("/")[2]
    state = stack.finished(API, request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 1)
    eventually(lambda: runs(stack, copy), within_seconds=60, what="what ran before runs again")
    assert service(stack)["desiredCount"] == wanted
    copied, original = (
        stack.aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        for arn in (copy, before)
    )
    assert copied["containerDefinitions"] == original["containerDefinitions"]
    assert stack.finished(API, stack.submit(API, b"three")).status == Status.COMPLETED

    refused = promoted(stack, tmp_path)
    assert refused.returncode == 3
    assert "it was rolled back" in refused.stderr
