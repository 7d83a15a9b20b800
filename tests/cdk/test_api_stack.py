from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from cdk import sidecar
from dequeuer.healthcheck import TIMEOUT_SECONDS
from dequeuer.settings import Settings
from penstock import config, environment
from penstock.config.section import RESERVED_PORTS
from tests.cdk.templates import text

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

RESIZE = "api-resize"
ECHO = "api-echo"


def queue(templates: Templates, name: str) -> dict[str, Any]:
    queues = [resource["Properties"] for resource in templates.of_type(RESIZE, "AWS::SQS::Queue")]
    [properties] = [properties for properties in queues if properties["QueueName"] == name]
    return dict(properties)


def test_the_queue_is_a_high_throughput_fifo(cloud):
    requests = queue(cloud, "penstock-shop-resize.fifo")

    assert requests["FifoQueue"] is True
    assert requests["DeduplicationScope"] == "messageGroup"
    assert requests["FifoThroughputLimit"] == "perMessageGroupId"
    assert requests["ContentBasedDeduplication"] is False


def test_the_queue_keeps_and_hides_messages_as_the_life_cycle_says(cloud):
    requests = queue(cloud, "penstock-shop-resize.fifo")

    assert requests["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert requests["ReceiveMessageWaitTimeSeconds"] == 20
    settings = environment.read(Settings, cloud.environment(RESIZE, "dequeuer"))
    assert requests["VisibilityTimeout"] == settings.lease_seconds == 30


def test_what_is_received_a_hundred_times_goes_to_a_fifo_of_its_own(cloud):
    redrive = queue(cloud, "penstock-shop-resize.fifo")["RedrivePolicy"]
    dead_letters = queue(cloud, "penstock-shop-resize-dlq.fifo")

    assert redrive["maxReceiveCount"] == 100
    [target] = [
        logical_id
        for logical_id, resource in cloud.by_part[RESIZE]["Resources"].items()
        if resource.get("Properties") == dead_letters
    ]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [target, "Arn"]}
    assert dead_letters["FifoQueue"] is True
    assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_dead_letter_comes_back_to_the_recorder_as_often_as_it_takes(cloud):
    dead_letters = queue(cloud, "penstock-shop-resize-dlq.fifo")
    functions = [resource["Properties"] for resource in cloud.of_type("recovery", "AWS::Lambda::Function")]
    [recorder] = [one for one in functions if one["FunctionName"] == "penstock-shop-recorder"]

    assert "RedrivePolicy" not in dead_letters
    # What Lambda asks for, so that throttled batches do not come twice.
    assert dead_letters["VisibilityTimeout"] >= 6 * recorder["Timeout"]


def test_dead_letters_go_to_the_recorder_which_answers_for_each_one(cloud):
    source = cloud.properties(RESIZE, "AWS::Lambda::EventSourceMapping")

    queues = cloud.by_part[RESIZE]["Resources"]
    [logical_id, attribute] = source["EventSourceArn"]["Fn::GetAtt"]
    assert (queues[logical_id]["Properties"]["QueueName"], attribute) == (
        "penstock-shop-resize-dlq.fifo",
        "Arn",
    )
    assert source["FunctionName"] == "penstock-shop-recorder"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_alarms_tell_of_malformed_messages_and_of_dead_letters_that_stay(cloud):
    alarms = {
        alarm["Properties"].get("MetricName"): alarm["Properties"]
        for alarm in cloud.of_type(RESIZE, "AWS::CloudWatch::Alarm")
    }
    malformed, old = alarms["MalformedMessage"], alarms["ApproximateAgeOfOldestMessage"]
    assert (malformed["Namespace"], malformed["Threshold"]) == ("Penstock", 1)
    assert {one["Name"]: one["Value"] for one in malformed["Dimensions"]} == {
        "api": "resize",
        "deployment": "shop",
    }
    assert (old["Namespace"], old["Threshold"]) == ("AWS/SQS", 3600)
    assert {malformed["TreatMissingData"], old["TreatMissingData"]} == {"notBreaching"}


def test_both_queues_are_encrypted_and_refuse_calls_without_tls(cloud):
    queues = cloud.of_type(RESIZE, "AWS::SQS::Queue")
    policies = cloud.of_type(RESIZE, "AWS::SQS::QueuePolicy")

    assert [resource["Properties"]["SqsManagedSseEnabled"] for resource in queues] == [True, True]
    assert len(policies) == 2
    for policy in policies:
        [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )


def test_a_deploy_never_resets_what_scaling_has_set(cloud):
    assert "DesiredCount" not in cloud.properties(RESIZE, "AWS::ECS::Service")


def test_a_bad_image_rolls_back_and_a_good_one_replaces_without_a_gap(cloud):
    deployment = cloud.properties(RESIZE, "AWS::ECS::Service")["DeploymentConfiguration"]

    assert deployment == {
        "MinimumHealthyPercent": 100,
        "MaximumPercent": 200,
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        "EarlySuccessCriteria": {
            "Enable": True,
            "HealthyPercent": 100,
            "SourceServiceRevisionCleanup": "DEFERRED",
        },
    }


def test_replacing_has_no_task_too_many_and_gives_up_after_as_many_failures_as_it_may(cloud):
    deployment = cloud.properties(ECHO, "AWS::ECS::Service")["DeploymentConfiguration"]

    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (0, 100)
    assert deployment["DeploymentCircuitBreaker"] == {
        "Enable": True,
        "Rollback": True,
        "ThresholdConfiguration": {"Type": "COUNT", "Value": 2},
    }


def test_a_task_gives_back_what_still_runs_before_its_stop_timeout_ends(cloud):
    for api, stop_seconds in ((RESIZE, 120), (ECHO, 45)):
        containers = cloud.properties(api, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
        assert {container["StopTimeout"] for container in containers} == {stop_seconds}
        assert cloud.environment(api, "dequeuer")["PENSTOCK_DRAIN_SECONDS"] == str(stop_seconds - 20)


def test_the_service_runs_in_the_published_network(cloud):
    service = cloud.properties(RESIZE, "AWS::ECS::Service")
    parameters = cloud.by_part[RESIZE]["Parameters"]
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]

    assert (service["ServiceName"], service["Cluster"]) == ("resize", "penstock-shop")
    assert service["EnableExecuteCommand"] is False
    assert service["PropagateTags"] == "SERVICE"
    assert "LoadBalancers" not in service
    assert network["AssignPublicIp"] == "ENABLED"
    assert parameters[network["Subnets"]["Ref"]]["Default"] == "/penstock/shop/subnet-ids"
    [group] = network["SecurityGroups"]
    assert parameters[group["Ref"]]["Default"] == "/penstock/shop/security-group-id"


def test_the_task_holds_all_containers_and_the_dequeuer(cloud):
    task = cloud.properties(RESIZE, "AWS::ECS::TaskDefinition")

    assert task["Family"] == "penstock-shop-resize"
    assert task["RuntimePlatform"] == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
    # 512 + 103 + 128 units, and 1024 + 256 MiB; the cache takes what is left of the memory.
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")
    assert sum(container["Cpu"] for container in task["ContainerDefinitions"]) <= 1024
    assert [container["Name"] for container in task["ContainerDefinitions"]] == [
        "server",
        "cache",
        "dequeuer",
    ]


def test_every_container_has_until_the_spot_limit_to_stop_and_gets_the_signal(cloud):
    for container in cloud.properties(RESIZE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]:
        assert container["StopTimeout"] == 120
        assert container["LinuxParameters"] == {"InitProcessEnabled": True}
        assert container["Essential"] is True


def test_a_dequeuer_on_instances_may_drain_for_hours_but_no_server_stops_for_so_long(tmp_path):
    file = tmp_path / "penstock.yaml"
    file.write_text(
        "deployment: shop\n"
        "network: {kind: nat}\n"
        "apis:\n"
        "  - name: film\n"
        "    kind: AsyncAPI\n"
        "    capacity: {kind: ec2, instance_types: [m7i.xlarge]}\n"
        "    pod:\n"
        "      stop_timeout: 3h\n"
        "      containers: [{name: server, image: film, compute: {cpu: 1, mem: 1Gi}}]\n"
    )
    [api] = config.load(file).apis

    assert sidecar.stop_seconds(api) == 3 * 3600
    assert sidecar.container_stop_seconds(api) == 120


def test_the_dequeuer_starts_last_and_so_stops_first(cloud):
    depends_on = cloud.container(RESIZE, "dequeuer")["DependsOn"]

    assert {(entry["ContainerName"], entry["Condition"]) for entry in depends_on} == {
        ("server", "START"),
        ("cache", "START"),
    }


def test_ecs_asks_the_dequeuer_whether_it_lives_with_what_its_image_has(cloud):
    check = cloud.container(RESIZE, "dequeuer")["HealthCheck"]

    assert check["Command"] == ["CMD", "python3", "-m", "dequeuer.healthcheck"]
    assert find_spec("dequeuer.healthcheck") is not None
    # It must have given up before ECS gives it up, or the reason is lost.
    assert TIMEOUT_SECONDS < check["Timeout"] < check["Interval"]


def test_health_is_told_on_a_port_that_no_server_may_take(cloud):
    settings = environment.read(Settings, cloud.environment(RESIZE, "dequeuer"))

    assert settings.health_port in RESERVED_PORTS
    assert settings.health_host == "127.0.0.1"


def test_the_dequeuer_cannot_write_to_its_image_and_is_not_root(cloud):
    dequeuer = cloud.container(RESIZE, "dequeuer")

    assert dequeuer["ReadonlyRootFilesystem"] is True
    assert dequeuer["User"].split(":")[0] not in {"", "0", "root"}


def test_a_slow_log_service_cannot_halt_a_container(cloud):
    for container in cloud.properties(RESIZE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]:
        assert container["LogConfiguration"]["Options"]["mode"] == "non-blocking"


def test_logs_do_not_stay_for_ever(cloud):
    for part in cloud.by_part:
        for group in cloud.of_type(part, "AWS::Logs::LogGroup"):
            assert group["Properties"]["RetentionInDays"] == 30


def test_the_dequeuer_understands_its_environment(cloud):
    settings = environment.read(Settings, cloud.environment(RESIZE, "dequeuer"))

    assert (settings.api, settings.table) == ("resize", "penstock-shop")
    assert settings.bucket == "penstock-shop-<AWS::AccountId>-<AWS::Region>"
    assert (settings.port, settings.max_concurrency, settings.poll_seconds) == (9000, 4, 20)
    assert (settings.timeout_seconds, settings.retention_seconds) == (7200, 30 * 24 * 3600)
    ready, cache = settings.readiness_probes.probes
    assert (ready.kind, ready.port, ready.path) == ("http_get", 9000, "/ready")
    assert (ready.period_seconds, ready.failure_threshold) == (3, 5)
    assert (cache.kind, cache.port) == ("tcp_socket", 6379)


def test_every_variable_of_the_dequeuer_is_one_it_reads(cloud):
    known = {f"PENSTOCK_{name.upper()}" for name in Settings.__dataclass_fields__}

    assert cloud.environment(RESIZE, "dequeuer").keys() <= known | {"AWS_DEFAULT_REGION"}


def test_the_dequeuer_takes_from_the_queue_of_its_own_stack(cloud):
    [pair] = [
        pair
        for pair in cloud.container(RESIZE, "dequeuer")["Environment"]
        if pair["Name"] == "PENSTOCK_QUEUE_URL"
    ]

    referenced = cloud.by_part[RESIZE]["Resources"][pair["Value"]["Ref"]]
    assert referenced["Properties"]["QueueName"] == "penstock-shop-resize.fifo"


def test_the_dequeuer_moves_what_is_no_request_to_the_dead_letters_of_its_own_stack(cloud):
    [pair] = [
        pair
        for pair in cloud.container(RESIZE, "dequeuer")["Environment"]
        if pair["Name"] == "PENSTOCK_DEAD_LETTER_URL"
    ]

    referenced = cloud.by_part[RESIZE]["Resources"][pair["Value"]["Ref"]]
    assert referenced["Properties"]["QueueName"] == "penstock-shop-resize-dlq.fifo"


def test_a_container_without_a_probe_leaves_the_list_empty(cloud):
    assert json.loads(cloud.environment("api-echo", "dequeuer")["PENSTOCK_READINESS_PROBES"]) == []


def test_command_and_args_mean_what_they_mean_in_kubernetes(cloud):
    server, echo = cloud.container(RESIZE, "server"), cloud.container("api-echo", "server")

    assert (server["EntryPoint"], server["Command"]) == (["python"], ["-m", "server"])
    assert "EntryPoint" not in echo
    assert "Command" not in echo


def test_user_containers_learn_their_port_and_get_their_variables(cloud):
    assert cloud.environment(RESIZE, "server") == {
        "MODE": "fast",
        "PENSTOCK_PORT": "9000",
        "CORTEX_PORT": "9000",
        "PENSTOCK_MNT": "/mnt",
    }


def test_secrets_are_references_for_ecs_to_resolve(cloud):
    secrets = {entry["Name"]: entry["ValueFrom"] for entry in cloud.container(RESIZE, "server")["Secrets"]}

    assert secrets == {
        "TOKEN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf:key::",
        "SHARED": "arn:aws:ssm:eu-west-1:111122223333:parameter/shared",
        "LICENCE": "/shop/licence",
    }


def test_images_come_from_a_build_or_from_where_the_config_says(cloud):
    built = text(cloud.container(RESIZE, "server")["Image"])

    assert "cdk-hnb659fds-container-assets" in built
    assert cloud.container(RESIZE, "cache")["Image"].endswith("/team/cache:7")
    assert cloud.container("api-echo", "server")["Image"] == "python:3.13-slim"


def test_the_dequeuers_image_is_built_from_its_sources_alone(cloud):
    [build] = [
        folder.parents[2] for folder in cloud.folder.glob("cdk.out/asset.*/ecs_tasks/dequeuer/Dockerfile")
    ]

    assert {path.name for path in build.iterdir()} <= {"penstock", "dequeuer", "ecs_tasks", ".dockerignore"}
    assert (build / "ecs_tasks/dequeuer/requirements.txt").exists()
    assert not list(build.rglob("*.pyc"))
