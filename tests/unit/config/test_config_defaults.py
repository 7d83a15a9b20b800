from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from penstock.batch.jobs import TERMINAL
from penstock.config import AuthMode, load
from penstock.kinds import Kind
from penstock.scaling.decision import ScalingPolicy
from penstock.sizes import Size

CONTAINER = {"name": "server", "image": "x"}


def test_a_file_with_only_what_is_required_has_the_documented_defaults(change):
    config = load(change("deployment", "demo"))

    api = config.async_apis[0]
    assert (config.deployment, api.name, api.endpoint, api.kind) == ("demo", "one", "one", Kind.ASYNC)
    assert (api.timeout, api.retention) == (timedelta(minutes=10), timedelta(days=7))
    assert api.inline_result_bytes == 262_144
    assert api.networking.forward_headers == ()
    assert api.local is None
    assert (api.pod.port, api.pod.max_concurrency) == (8080, 1)
    container = api.pod.containers[0]
    assert (container.image, container.build, container.command, container.args) == (
        "python:3.12-slim",
        None,
        (),
        (),
    )
    assert (container.env, container.secrets, container.readiness_probe) == ({}, {}, None)
    assert (container.compute.cpu_millicores, container.compute.mem_mib, container.compute.gpu) == (
        200,
        None,
        0,
    )


def test_an_api_for_jobs_has_the_same_defaults_where_it_has_the_same_keys(change):
    config = load(change("deployment", "demo"))

    [one], [jobs] = config.async_apis, config.batch_apis
    assert (jobs.name, jobs.endpoint, jobs.kind) == ("jobs", "jobs", Kind.BATCH)
    assert (jobs.timeout, jobs.retention, jobs.retries) == (one.timeout, one.retention, one.retries)
    assert (jobs.input_buckets, jobs.dead_letter_queues, jobs.local) == ((), (), None)


def test_a_webhook_is_told_of_all_ends_of_jobs_and_not_of_their_start(change):
    [jobs] = load(change("deployment", "demo")).batch_apis

    assert set(jobs.webhook.events) == TERMINAL


def test_calls_are_signed_unless_something_else_is_written(change):
    assert load(change("deployment", "demo")).auth.mode is AuthMode.IAM

    keyed = load(change("auth", {"mode": "api_key"})).auth
    assert (keyed.mode, keyed.rate, keyed.burst) == (AuthMode.API_KEY, 50, 100)


def test_autoscaling_follows_the_queue_at_once_and_goes_back_after_five_minutes(change):
    scaling = load(change("deployment", "demo")).apis[0].autoscaling

    assert (scaling.min_replicas, scaling.max_replicas, scaling.init_replicas) == (1, 100, 1)
    assert scaling.target_in_flight == 1
    assert scaling.window == timedelta(seconds=10)
    assert scaling.downscale_stabilization_period == timedelta(minutes=5)
    assert scaling.upscale_stabilization_period == timedelta()
    assert (scaling.max_downscale_factor, scaling.max_upscale_factor) == (0.25, 100)
    assert (scaling.downscale_tolerance, scaling.upscale_tolerance) == (0.05, 0.05)
    assert scaling.policy(max_concurrency=1) == ScalingPolicy()


def test_target_in_flight_follows_max_concurrency_unless_given(write):
    shared = "apis: [{name: one, kind: AsyncAPI, pod: {max_concurrency: 8, containers: [{name: a, image: x}]}"

    followed = load(write(f"deployment: demo\n{shared}, autoscaling: {{min_replicas: 2}}}}]"))
    given = load(write(f"deployment: demo\n{shared}, autoscaling: {{target_in_flight: 2.5}}}}]"))

    assert followed.apis[0].autoscaling.target_in_flight == 8
    assert given.apis[0].autoscaling.target_in_flight == 2.5


def test_init_replicas_follow_min_replicas_unless_given(accepted):
    assert accepted("apis.0.autoscaling", {"min_replicas": 3}).apis[0].autoscaling.init_replicas == 3
    scaling = accepted("apis.0.autoscaling", {"min_replicas": 0, "init_replicas": 2}).apis[0].autoscaling
    assert (scaling.min_replicas, scaling.init_replicas) == (0, 2)


@pytest.mark.parametrize("kind", ["http_get", "tcp_socket"])
def test_a_probe_asks_the_port_of_the_pod_unless_it_names_one(accepted, kind):
    def port(target: dict[str, int]) -> object:
        container = {**CONTAINER, "readiness_probe": {kind: target}}
        api = accepted("apis.0.pod", {"port": 9000, "containers": [container]}).apis[0]
        return getattr(api.pod.containers[0].readiness_probe, kind).port

    assert port({}) == 9000
    assert port({"port": 8080}) == 8080


def test_a_probe_has_the_defaults_of_kubernetes(accepted):
    containers = [{**CONTAINER, "readiness_probe": {"http_get": {}}}]
    probe = accepted("apis.0.pod.containers", containers).apis[0].pod.containers[0].readiness_probe

    assert probe.http_get.path == "/"
    assert probe.tcp_socket is None
    assert (probe.initial_delay_seconds, probe.timeout_seconds, probe.period_seconds) == (0, 1, 10)
    assert (probe.success_threshold, probe.failure_threshold) == (1, 3)


def test_a_pod_knows_what_its_containers_need_together(accepted):
    containers = [
        {"name": "a", "image": "x", "compute": {"cpu": 1, "mem": "1Gi"}},
        {"name": "b", "image": "x", "compute": {"cpu": "250m"}},
    ]
    pod = accepted("apis.0.pod.containers", containers).apis[0].pod

    # 1.25 vCPU and the dequeuer's eighth; 1 GiB and the dequeuer's 256 MiB.
    assert pod.needs == Size(cpu_units=1280 + 128, memory_mib=1024 + 256)


@pytest.mark.parametrize("endpoint", ["other", "/other"])
def test_the_endpoint_replaces_the_name_in_urls(accepted, endpoint):
    assert accepted("apis.0.networking.endpoint", endpoint).apis[0].endpoint == "other"


def test_headers_are_kept_in_lower_case(accepted):
    networking = accepted("apis.0.networking.forward_headers", ["X-Tenant", "accept"]).apis[0].networking
    assert networking.forward_headers == ("x-tenant", "accept")


@pytest.mark.parametrize("command", ['python "my server.py"', ["python", "my server.py"]])
def test_a_local_command_may_be_one_text_or_words(accepted, command):
    local = accepted("apis.0.local", {"command": command}).apis[0].local
    assert local.command == ("python", "my server.py")


def test_folders_become_absolute_from_where_the_file_is(accepted, tmp_path):
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "Dockerfile").touch()
    local = {"command": "x", "directory": "server"}
    container = {"name": "a", "build": "server"}
    api = {"name": "one", "kind": "AsyncAPI", "pod": {"containers": [container]}, "local": local}

    api = accepted("apis.0", api).apis[0]

    assert api.pod.containers[0].build == tmp_path / "server"
    assert api.local.directory == tmp_path / "server"


def test_a_local_server_starts_beside_the_file_unless_told_otherwise(accepted, tmp_path):
    assert accepted("apis.0.local", {"command": "x"}).apis[0].local.directory == tmp_path


def test_a_relative_path_to_the_file_is_relative_to_the_working_folder(change, tmp_path, monkeypatch):
    change("apis.0.local", {"command": "x"})
    monkeypatch.chdir(tmp_path)
    local = load(Path("penstock.yaml")).apis[0].local
    assert local is not None
    assert local.directory == tmp_path


def test_a_configuration_never_changes(change):
    config = load(change("deployment", "demo"))
    with pytest.raises(ValidationError):
        config.deployment = "other"  # type: ignore[misc]  # what mypy refuses must fail at run time too
