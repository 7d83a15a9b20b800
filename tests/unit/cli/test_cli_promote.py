from __future__ import annotations

import json

import pytest

from penstock import config
from penstock.image_references import ecr_image
from penstock.promotion.releases import Release, Serving
from penstock.promotion.repository_policy import statement

ACCOUNT, OTHER = "111122223333", "444455556666"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/cdk-assets"
ARN = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/penstock-stage-echo:7"
DIGEST = {tag: "sha256:" + f"{number}" * 64 for number, tag in enumerate(["server", "dequeuer", "sum"])}
SECTION = {
    "name": "echo",
    "kind": "AsyncAPI",
    "timeout": "5m",
    "autoscaling": {"max_replicas": 2},
    "pod": {"containers": [{"name": "server", "env": {"MODE": "fast"}, "compute": {"cpu": "500m"}}]},
}
JOBS = {"name": "sum", "kind": "BatchAPI", "pod": {"containers": [{"name": "server"}]}}
TARGET = """\
deployment: live
auth: {mode: api_key}
apis:
  - name: echo
    autoscaling: {max_replicas: 50}
    local: {command: python server.py}
    pod: {containers: [{name: server, build: ./does/not/matter, env: {LEVEL: "no"}}]}
"""


def release(section, server, *, service="echo", arn=ARN, cluster="penstock-stage"):
    return Release(
        section=section,
        images={"server": server, "dequeuer": f"{REPOSITORY}:dequeuer"},
        cluster=cluster,
        service=service,
        task_definition=arn,
    )


@pytest.fixture
def stage(terminal):
    """An operator who has tried two APIs in the deployment `stage`."""
    echo = release(SECTION, f"{REPOSITORY}:server")
    jobs = release(JOBS, f"{REPOSITORY}:sum", service=None)
    terminal.releases.releases = {"echo": echo, "sum": jobs}
    for tag, digest in DIGEST.items():
        terminal.registry.images["cdk-assets", tag] = digest
    (terminal.folder / "live.yaml").write_text(TARGET)
    return terminal


def promote(terminal, *arguments, yes=True):
    target = terminal.folder / "live.yaml"
    return terminal.run("promote", "--from", "stage", "--to", target, *arguments, *(["--yes"] if yes else []))


def lock(terminal):
    return terminal.folder / "live.lock.yaml"


def test_the_result_names_each_image_by_its_digest_and_has_nothing_to_build(stage):
    result = promote(stage)

    assert result.exit_code == 0
    promoted = config.load(lock(stage))
    images = {api.name: [c.image for c in api.pod.containers] for api in promoted.apis}
    assert images == {
        "echo": [f"{REPOSITORY}@{DIGEST['server']}"],
        "sum": [f"{REPOSITORY}@{DIGEST['sum']}"],
    }
    assert {api.pod.dequeuer_image for api in promoted.apis} == {f"{REPOSITORY}@{DIGEST['dequeuer']}"}
    assert "build" not in lock(stage).read_text()


def test_configuration_is_carried_and_what_the_targets_file_says_wins(stage):
    promote(stage)

    promoted = config.load(lock(stage))
    assert (promoted.deployment, promoted.auth.mode) == ("live", "api_key")
    echo = promoted.async_apis[0]
    assert (echo.timeout.total_seconds(), echo.autoscaling.max_replicas) == (300, 50)
    assert echo.pod.containers[0].env == {"MODE": "fast", "LEVEL": "no"}
    assert echo.pod.containers[0].compute.cpu_millicores == 500
    assert echo.local is None


def test_a_file_that_names_a_deployment_alone_gets_all_apis(stage):
    (stage.folder / "live.yaml").write_text("deployment: live\n")

    assert promote(stage).exit_code == 0
    assert [api.name for api in config.load(lock(stage)).apis] == ["echo", "sum"]


def test_what_has_left_the_source_is_not_carried_though_its_stack_is_still_there(stage):
    stage.releases.takes = frozenset({"echo"})
    result = promote(stage)

    assert [api.name for api in config.load(lock(stage)).apis] == ["echo"]
    assert "sum is not carried: the gateway of stage takes nothing new for it." in result.stderr


def test_the_targets_own_file_is_never_written_by_whatever_path_it_is_named(stage):
    (stage.folder / "link.yaml").symlink_to(stage.folder / "live.yaml")
    result = promote(stage, "--output", stage.folder / "link.yaml")

    assert result.exit_code == 2
    assert (stage.folder / "live.yaml").read_text() == TARGET


def test_what_changes_is_shown_and_nothing_is_written_without_a_yes(stage):
    result = promote(stage, yes=False)

    assert result.exit_code == 2
    assert not lock(stage).exists()
    assert f"+      image: {REPOSITORY}@{DIGEST['server']}" in result.stdout


def test_a_second_promotion_shows_only_what_differs_from_the_first(stage):
    promote(stage)
    stage.registry.images["cdk-assets", "server"] = new = "sha256:" + "9" * 64

    result = promote(stage)

    changed = [
        line for line in result.stdout.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}
    ]
    assert [line[0] for line in changed] == ["-", "+"]
    assert new in changed[1]


def test_nothing_new_is_nothing_written(stage):
    promote(stage)
    before = lock(stage).stat().st_mtime_ns

    result = promote(stage, yes=False)

    assert (result.exit_code, result.stdout) == (0, "")
    assert lock(stage).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("serving", "said"),
    [
        (Serving(ARN[:-1] + "6", "COMPLETED"), "rolled back"),
        (Serving(ARN, "IN_PROGRESS"), "still being rolled out"),
        (Serving(ARN, "FAILED"), "failed"),
        (None, "gone"),
    ],
    ids=["another revision", "in progress", "failed", "no service"],
)
def test_what_does_not_run_as_it_was_deployed_is_not_promoted(stage, serving, said):
    stage.releases.running["echo"] = serving

    result = promote(stage)

    assert result.exit_code == 3
    assert said in result.stderr
    assert not lock(stage).exists()


def test_a_tag_of_a_registry_that_cannot_be_asked_is_refused_unless_it_is_allowed(stage):
    stage.releases.releases["echo"] = release(SECTION, "python:3.13-slim")

    refused, allowed = promote(stage), promote(stage, "--allow-tags")

    assert refused.exit_code == 3
    assert "python:3.13-slim is a tag" in refused.stderr
    assert allowed.exit_code == 0
    assert "image: python:3.13-slim\n" in lock(stage).read_text()


def test_an_image_that_the_repository_has_lost_is_told_by_its_name(stage):
    del stage.registry.images["cdk-assets", "sum"]

    result = promote(stage)

    assert result.exit_code == 3
    assert f"{REPOSITORY}:sum" in result.stderr


def test_another_account_must_be_allowed_to_pull_and_the_command_says_how(stage):
    stage.registry.policies["cdk-assets"] = json.dumps(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Sid": "kept",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "ecr:BatchGetImage",
                }
            ]
        }
    )

    refused = promote(stage, "--account", OTHER)

    assert refused.exit_code == 3
    assert f"the account {OTHER} may not pull" in refused.stderr
    command = next(
        line for line in refused.stderr.splitlines() if line.startswith("aws ecr set-repository-policy")
    )
    stage.registry.policies["cdk-assets"] = command.partition("--policy-text ")[2].strip("'")
    assert "kept" in stage.registry.policies["cdk-assets"]
    assert promote(stage, "--account", OTHER).exit_code == 0


def test_values_that_name_the_sources_account_are_pointed_at(stage):
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:token-AbCdEf"
    pod = {"containers": [{"name": "server", "secrets": {"TOKEN": secret}}]}
    stage.releases.releases["echo"] = release(SECTION | {"pod": pod}, f"{REPOSITORY}:server")
    stage.registry.policies["cdk-assets"] = json.dumps({"Statement": [statement(OTHER)]})

    result = promote(stage, "--account", OTHER)

    assert "apis[echo].pod.containers[server].secrets.TOKEN names the source's account" in result.stderr
    assert "image names" not in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("deployment: [", 2, "is not YAML"),
        ("deployment: live\napis: [{name: other}]", 3, "lists the API other"),
        ("deployment: live\napis: [{name: echo}, {name: echo}]", 3, "twice"),
        ("deployment: live\napis: 3", 3, "must be a list of maps"),
        ("deployment: live\napis: [{name: echo, pod: 3}]", 3, "must be a list of maps"),
        ("deployment: live\napis: [{name: echo, pod: {containers: [{name: x}]}}]", 3, "a container x"),
        ("deployment: live\napis: [{name: echo, timeout: soon}]", 2, "apis[0].timeout"),
        ("apis: []", 2, "deployment"),
        ("deployment: live\nauht: {}", 2, "auth"),
    ],
    ids=["no yaml", "unknown api", "api twice", "no list", "no pod", "unknown container", "bad value",
         "no deployment", "unknown key"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_with_its_cause_and_nothing_is_written(stage, text, code, said):
    (stage.folder / "live.yaml").write_text(text)

    result = promote(stage)

    assert result.exit_code == code
    assert said in result.stderr
    assert not lock(stage).exists()


def test_a_deployment_without_releases_is_told_from_one_that_has_them(stage):
    stage.releases.releases = {}

    result = promote(stage)

    assert result.exit_code == 3
    assert "no API of stage says" in result.stderr


def test_the_targets_own_file_is_never_written_over(stage):
    result = promote(stage, "--output", stage.folder / "live.yaml")

    assert result.exit_code == 2
    assert (stage.folder / "live.yaml").read_text() == TARGET


def test_a_release_is_read_as_it_was_written_and_hides_references_from_cloudformation():
    env = {"A": "{{resolve:secretsmanager:x}}", "B": '"{{"'}
    pod = {"containers": [{"name": "server", "env": env}]}
    written = release(SECTION | {"pod": pod}, "x")

    text = json.dumps(written.members())

    assert "{{" not in text
    assert Release.from_json(text) == written
    assert ecr_image(f"{REPOSITORY}:server") is not None
