"""What a task has besides its containers: folders, downloads, health checks, registries; and the clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dequeuer.prefetch.__main__ import PrefetchSettings
from dequeuer.settings import BatchSettings, ProbeKind, Settings
from penstock import config, environment
from penstock.scaling.timetable import Bounds
from penstock.simulator import template
from scaling_lambda.settings import from_json
from tests.cdk import templates
from tests.cdk.templates import listed, text

pytestmark = pytest.mark.synth

REGISTRY = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registry-AbCdEf"

CONFIG = f"""\
deployment: shop
apis:
  - name: model
    kind: AsyncAPI
    pod:
      prefetch:
        - {{from: "s3://models/resize/v3/", to: /mnt/model}}
        - {{from: "s3://models/a$b.bin", to: /mnt/bin/}}
      containers:
        - name: server
          image: registry.example.com/team/server:7
          registry_credentials: {REGISTRY}
          liveness_probe: {{http_get: {{path: /alive}}, failure_threshold: 5}}
        - name: cache
          image: "redis:8"
          liveness_probe:
            exec: {{command: [redis-cli, ping]}}
            initial_delay_seconds: 20
            timeout_seconds: 4
            period_seconds: 30
    autoscaling:
      min_replicas: 0
      max_replicas: 10
      init_replicas: 3
      schedules:
        - {{name: day, cron: "0 8 ? * MON-FRI *", timezone: Europe/Berlin, min_replicas: 2, max_replicas: 30}}
        - {{name: night, cron: "0 20 ? * MON-FRI *", timezone: Europe/Berlin, min_replicas: 0}}
  - name: alone
    kind: AsyncAPI
    pod:
      containers: [{{name: server, image: "python:3.13-slim"}}]
  - name: jobs
    kind: BatchAPI
    pod:
      prefetch: [{{from: "s3://models/", to: /mnt/all}}]
      containers:
        - {{name: server, image: "python:3.13-slim", liveness_probe: {{tcp_socket: {{}}}}}}
"""

MODEL, JOBS = "api-model", "api-jobs"
MODELS = "arn:<AWS::Partition>:s3:::models"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    (folder / "penstock.yaml").write_text(CONFIG)
    return templates.synthesise(config.load(folder / "penstock.yaml"), "cloud", folder, with_assets=True)


def test_containers_share_a_folder_if_there_are_several_or_something_is_prefetched(cloud):
    for part, container in ((MODEL, "server"), (MODEL, "cache"), (JOBS, "server")):
        assert {"SourceVolume": "mnt", "ContainerPath": "/mnt", "ReadOnly": False} in cloud.container(
            part, container
        )["MountPoints"]
        assert cloud.environment(part, container)["PENSTOCK_MNT"] == "/mnt"
    assert cloud.properties(MODEL, "AWS::ECS::TaskDefinition")["Volumes"] == [{"Name": "mnt"}]
    assert cloud.properties(JOBS, "AWS::ECS::TaskDefinition")["Volumes"] == [
        {"Name": "mnt"},
        {"Name": "spec"},
    ]


def test_a_container_that_is_alone_has_no_folder_to_share(cloud):
    assert "Volumes" not in cloud.properties("api-alone", "AWS::ECS::TaskDefinition")
    assert "MountPoints" not in cloud.container("api-alone", "server")
    assert "PENSTOCK_MNT" not in cloud.environment("api-alone", "server")


def test_the_dequeuer_shares_nothing_and_its_root_stays_read_only(cloud):
    dequeuer = cloud.container(MODEL, "dequeuer")

    assert "MountPoints" not in dequeuer
    assert dequeuer["ReadonlyRootFilesystem"] is True


@pytest.mark.parametrize("part", [MODEL, JOBS])
def test_what_is_prefetched_is_there_before_any_of_the_users_containers_starts(cloud, part):
    prefetch = cloud.container(part, "prefetch")

    assert prefetch["EntryPoint"] == ["python3", "-m", "dequeuer.prefetch"]
    assert prefetch["Image"] == cloud.container(part, "dequeuer")["Image"]
    assert prefetch["Essential"] is False
    assert prefetch["ReadonlyRootFilesystem"] is True
    assert prefetch["MountPoints"] == [{"SourceVolume": "mnt", "ContainerPath": "/mnt", "ReadOnly": False}]
    # ECS would give the others up after this time, however large the model is.
    assert "StartTimeout" not in prefetch
    awaited = {"ContainerName": "prefetch", "Condition": "SUCCESS"}
    assert awaited in cloud.container(part, "server")["DependsOn"]
    assert "DependsOn" not in prefetch


def test_the_downloading_container_understands_its_environment(cloud):
    settings = environment.read(PrefetchSettings, cloud.environment(MODEL, "prefetch"))

    assert (settings.api, str(settings.mnt)) == ("model", "/mnt")
    assert [(each.bucket, each.key, each.path) for each in settings.prefetch.entries] == [
        ("models", "resize/v3/", "model"),
        ("models", "a$b.bin", "bin/"),
    ]


@pytest.mark.parametrize(
    ("part", "objects", "prefixes"),
    [
        (MODEL, ["/resize/v3/*", "/a${$}b.bin"], ["resize/v3/", "a${$}b.bin"]),
        (JOBS, ["/*"], [""]),
    ],
)
def test_a_task_may_read_and_list_exactly_what_it_prefetches(cloud, part, objects, prefixes):
    document = cloud.role(part, "prefetch")["Policies"]
    [policy] = [each["PolicyDocument"] for each in document if each["PolicyName"] == "prefetch"]
    by_action: dict[str, list[Any]] = {}
    for statement in policy["Statement"]:
        by_action.setdefault(statement["Action"], []).append(statement)

    assert by_action.keys() == {"s3:GetObject", "s3:ListBucket"}
    resources = [text(each) for one in by_action["s3:GetObject"] for each in listed(one["Resource"])]
    assert sorted(resources) == sorted(f"{MODELS}{key}" for key in objects)
    for statement in by_action["s3:ListBucket"]:
        assert text(statement["Resource"]) == MODELS
    listed_prefixes = [
        prefix
        for statement in by_action["s3:ListBucket"]
        for prefix in listed(statement["Condition"]["StringEquals"]["s3:prefix"])
    ]
    assert sorted(listed_prefixes) == sorted(prefixes)


def test_a_command_is_ecss_to_run_and_a_call_is_the_dequeuers(cloud):
    assert cloud.container(MODEL, "cache")["HealthCheck"] == {
        "Command": ["CMD", "redis-cli", "ping"],
        "Interval": 30,
        "Timeout": 4,
        "Retries": 3,
        "StartPeriod": 20,
    }
    assert "HealthCheck" not in cloud.container(MODEL, "server")

    [probe] = environment.read(Settings, cloud.environment(MODEL, "dequeuer")).liveness_probes.probes
    assert (probe.kind, probe.port, probe.path) == (ProbeKind.HTTP_GET, 8080, "/alive")
    assert (probe.failure_threshold, probe.timeout_seconds) == (5, 2)


def test_a_jobs_dequeuer_asks_too(cloud):
    variables = cloud.environment(JOBS, "dequeuer") | {"PENSTOCK_JOB_ID": "j"}
    [probe] = environment.read(BatchSettings, variables).liveness_probes.probes

    assert (probe.kind, probe.port) == (ProbeKind.TCP_SOCKET, 8080)


def test_every_container_of_the_users_is_essential(cloud):
    for container in ("server", "cache", "dequeuer"):
        assert cloud.container(MODEL, container)["Essential"] is True


def test_a_private_registry_is_opened_with_its_secret_by_those_who_start_the_task_alone(cloud):
    assert cloud.container(MODEL, "server")["RepositoryCredentials"] == {"CredentialsParameter": REGISTRY}
    assert "RepositoryCredentials" not in cloud.container(MODEL, "cache")
    readers = {
        policy["PolicyName"]: listed(statement["Resource"])
        for _, role in cloud.roles()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if REGISTRY in listed(statement["Resource"])
    }
    assert readers == {"start": [REGISTRY]}


def test_schedules_become_scheduled_actions_that_set_both_bounds(cloud):
    target = cloud.properties(MODEL, "AWS::ApplicationAutoScaling::ScalableTarget")

    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 10)
    assert target["ScheduledActions"] == [
        {
            "ScheduledActionName": "day",
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 30},
        },
        {
            "ScheduledActionName": "night",
            "Schedule": "cron(0 20 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 0, "MaxCapacity": 10},
        },
    ]
    assert "ScheduledActions" not in cloud.properties(
        "api-alone", "AWS::ApplicationAutoScaling::ScalableTarget"
    )


def test_the_simulator_reads_the_schedules_from_the_template(cloud):
    deployed = template.read(cloud.by_part[MODEL])

    # A Monday in Berlin, in winter.
    assert deployed.timetable.at(datetime(2030, 1, 7, 6, 59, tzinfo=UTC)) == Bounds(0, 10)
    assert deployed.timetable.at(datetime(2030, 1, 7, 7, 0, tzinfo=UTC)) == Bounds(2, 30)
    assert deployed.timetable.at(datetime(2030, 1, 7, 19, 0, tzinfo=UTC)) == Bounds(0, 10)


def test_what_is_decided_may_use_the_widest_bounds_of_all_schedules(cloud):
    [file] = cloud.folder.glob("cdk.out/asset.*/scaling_lambda/policies.json")
    model, alone = from_json(file.read_text())

    assert (model.policy.min_replicas, model.policy.max_replicas) == (0, 30)
    assert max(template.read(cloud.by_part[MODEL]).policies[0].sizes) == 30
    assert (alone.policy.min_replicas, alone.policy.max_replicas) == (1, 100)


def test_the_first_number_of_tasks_is_asked_for_and_stands_in_no_template(cloud):
    [file] = cloud.folder.glob("cdk.out/asset.*/scaling_lambda/policies.json")

    assert [(api.name, api.init_replicas) for api in from_json(file.read_text())] == [
        ("model", 3),
        ("alone", 1),
    ]
    for part in cloud.by_part:
        assert '"DesiredCount":' not in json.dumps(cloud.by_part[part])
