from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from penstock.config import Config, ConfigError, load
from penstock.config.schema import SCHEMA_FILE, json_schema, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = json_schema()
SECTIONS = {name: section for name, section in SCHEMA["$defs"].items() if "properties" in section}
FIELDS = [
    (name, key, field)
    for name, section in [("Config", SCHEMA), *SECTIONS.items()]
    for key, field in section["properties"].items()
]
#: Where a file has each section.
PLACES = {
    "Access": "access",
    "AsyncApi": "apis.0",
    "Auth": "auth",
    "Autoscaling": "apis.0.autoscaling",
    "BatchApi": "apis.1",
    "Callbacks": "callbacks",
    "Compute": "apis.0.pod.containers.0.compute",
    "Container": "apis.0.pod.containers.0",
    "Exec": "apis.0.pod.containers.0.liveness_probe.exec",
    "Domain": "domain",
    "Encryption": "encryption",
    "HttpGet": "apis.0.pod.containers.0.readiness_probe.http_get",
    "JobWebhook": "apis.1.webhook",
    "LivenessProbe": "apis.0.pod.containers.0.liveness_probe",
    "Local": "apis.0.local",
    "Monitoring": "monitoring",
    "Network": "network",
    "Networking": "apis.1.networking",
    "Pod": "apis.0.pod",
    "Prefetch": "apis.0.pod.prefetch",
    "Probe": "apis.0.pod.containers.0.readiness_probe",
    "ReplicaSchedule": "apis.0.autoscaling.schedules",
    "RequestNetworking": "apis.0.networking",
    "RequestWebhook": "apis.0.webhook",
    "Retries": "apis.0.retries",
    "TcpSocket": "apis.0.pod.containers.0.readiness_probe.tcp_socket",
    "Tracing": "tracing",
    "UpdateStrategy": "apis.0.update_strategy",
}

#: Sections of a capacity: what it is with these values in them.
CAPACITIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "Ec2": lambda values: {"kind": "ec2", "instance_types": ["m7i.large"], **values},
    "FargateCapacity": lambda values: values,
    "ManagedInstances": lambda values: {"kind": "managed_instances", **values},
    "Requirements": lambda values: {"kind": "managed_instances", "requirements": values},
    "WarmPool": lambda values: CAPACITIES["Ec2"]({"warm_pool": {"min_size": 1, **values}}),
}

#: Sections that are not valid without one more key.
_NEEDED: dict[str, dict[str, Any]] = {
    "Domain": {"name": "a.example", "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/0"},
    "LivenessProbe": {"tcp_socket": {}},
    "Local": {"command": "x"},
    "Probe": {"tcp_socket": {}},
    "Tracing": {"endpoint": "https://otlp.example.com"},
    "ReplicaSchedule": {"name": "day", "cron": "0 8 ? * MON-FRI *", "min_replicas": 1},
}

#: Sections that are entries of a list which the file need not have.
_LISTED = {"Prefetch", "ReplicaSchedule"}


def test_the_committed_schema_is_that_of_the_models(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_schema_that_differs_fails_the_check_with_the_remedy(tmp_path, capsys):
    file = tmp_path / "schema.json"

    assert main(["--check", "--file", str(file)]) == 1
    assert "python -m penstock.config.schema --write" in capsys.readouterr().err

    assert main(["--write", "--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    assert json.loads(file.read_text()) == json.loads(SCHEMA_FILE.read_text())


def test_every_field_and_section_is_described():
    undescribed = [
        (name, key) for name, key, field in FIELDS if not field.get("description") and "$ref" not in field
    ]
    assert undescribed == []
    assert all(section["description"] for section in SECTIONS.values())


def test_no_field_of_the_schema_may_be_null():
    assert "null" not in [value for _, _, field in FIELDS for value in _values(field)]


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [found for inner in value.values() for found in _values(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _values(inner)]
    return [value]


@pytest.mark.parametrize(
    ("section", "key", "default"),
    [
        (name, key, field["default"])
        for name, key, field in FIELDS
        if "default" in field and name not in CAPACITIES
    ],
)
def test_a_default_in_the_schema_means_the_same_as_leaving_the_key_out(change, section, key, default):
    base = PLACES[section]
    needed: dict[str, Any] = _NEEDED.get(section, {})
    present = {} if section in _LISTED else _present(change, base)
    given, without = (
        load(change(base, [values] if section in _LISTED else values))
        for values in ({**present, **needed, key: default}, {**present, **needed})
    )
    assert given == without


@pytest.mark.parametrize(
    ("section", "key", "default"),
    [
        (name, key, field["default"])
        for name, key, field in FIELDS
        if "default" in field and name in CAPACITIES
    ],
)
def test_a_default_of_a_capacity_means_the_same_too(write, section, key, default):
    def loaded(values: dict[str, Any]) -> Config:
        container = {"name": "server", "image": "x", "compute": {"mem": "1Gi"}}
        pod = {"containers": [container]}
        api = {"name": "one", "kind": "AsyncAPI", "pod": pod, "capacity": CAPACITIES[section](values)}
        return load(write(yaml.safe_dump({"deployment": "demo", "network": {"kind": "nat"}, "apis": [api]})))

    assert loaded({key: default}) == loaded({})


def _present(change: Any, place: str) -> dict[str, Any]:
    value: Any = yaml.safe_load(change("deployment", "demo").read_text())
    for part in place.split("."):
        value = value[int(part)] if part.isdigit() else value.get(part, {})
    return dict(value)


@pytest.mark.parametrize(
    ("place", "value", "valid"),
    [
        ("apis.0.timeout", "1h30m", True),
        ("apis.0.timeout", 90, True),
        ("apis.0.timeout", "soon", False),
        ("apis.0.timeout", None, False),
        ("apis.0.pod.containers.0.compute.cpu", "200m", True),
        ("apis.0.pod.containers.0.compute.cpu", 0.5, True),
        ("apis.0.pod.containers.0.compute.mem", "1.5Gi", True),
        ("apis.0.pod.containers.0.compute.mem", 512, False),
        ("apis.0.pod.containers.0.env.A", "1", True),
        ("apis.0.pod.containers.0.env.A", 1, False),
        ("apis.0.pod.containers.0.build", ".", False),  # beside an image
        ("apis.0.pod.port", 8888, False),
        ("apis.0.local", {"command": "python server.py"}, True),
        ("apis.0.local", {"command": ["python", "server.py"]}, True),
        ("apis.0.networking.endpoint", "/x", True),
        ("apis.0.capacity", {"spot_percent": 50}, True),
        ("apis.0.capacity", {"kind": "fargate", "architecture": "arm64"}, True),
        ("apis.0.capacity", {"kind": "ec2"}, False),
        ("apis.0.capacity", {"kind": "lambda"}, False),
        ("apis.0.capacity", {"instance_types": ["m7i.large"]}, False),
        ("apis.0.pod.ephemeral_storage", 50, False),
        ("apis.0.kind", "BatchAPI", True),
        ("apis.0.kind", "TaskAPI", False),
        ("apis.0.update_strategy.max_surge", "100%", True),
        ("apis.0.update_strategy.max_surge", "101%", False),
        ("apis.0.update_strategy.mode", "blue_green", False),
        ("apis.1.autoscaling", {}, False),
        ("apis.1.networking.forward_headers", [], False),
        ("apis.1.dead_letter_queues", ["arn:aws:sqs:eu-west-1:123456789012:failed.fifo"], True),
        ("apis.1.dead_letter_queues", ["arn:aws:sqs:eu-west-1:123456789012:failed"], False),
        ("apis.1.webhook.events", ["started"], True),
        ("apis.1.webhook.events", ["completed"], False),
        ("apis.0.pod.prefetch", [{"from": "s3://models/a/", "to": "/mnt/a"}], True),
        ("apis.0.pod.prefetch", [{"from": "https://models/a", "to": "/mnt/a"}], False),
        ("apis.0.pod.prefetch", [{"from": "s3://models/a/", "to": "/srv/a"}], False),
        ("apis.0.pod.containers.0.liveness_probe", {"exec": {"command": ["true"]}}, True),
        ("apis.0.pod.containers.0.liveness_probe", {"exec": {"command": []}}, False),
        ("apis.0.pod.containers.0.readiness_probe", {"exec": {"command": ["true"]}}, False),
        ("access.accounts", ["111122223333"], True),
        ("access.accounts", [111122223333], False),
        ("access.source_ips", [], False),
        ("encryption.kms_key", "create", True),
        ("encryption.kms_key", "alias/mine", False),
        ("network.kind", "nat", True),
        ("network.kind", "private", False),
        ("extra", 1, False),
    ],
)
def test_editors_judge_a_file_as_the_loader_does(change, tmp_path, place, value, valid):
    jsonschema: Any = pytest.importorskip("jsonschema", reason="comes with moto, not with Penstock")
    (tmp_path / "Dockerfile").touch()
    path = change(place, value)

    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text())))

    assert (not errors) is valid
    assert _loads(path) is valid


def _loads(path: Path) -> bool:
    try:
        load(path)
    except ConfigError:
        return False
    return True
