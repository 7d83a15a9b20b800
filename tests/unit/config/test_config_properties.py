from __future__ import annotations

import copy
import json
import string
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.config import Config, ConfigError, Problem, load
from penstock.config.schema import SCHEMA_FILE

VALID: dict[str, Any] = {
    "deployment": "demo",
    "auth": {"mode": "api_key", "rate": 5.5, "burst": 10},
    "network": {
        "kind": "nat",
        "availability_zones": 3,
        "cidr": "10.1.0.0/16",
        "nat_gateways": 2,
        "flow_logs": "all",
    },
    "access": {"source_ips": ["203.0.113.0/24"]},
    "domain": {
        "name": "api.example.com",
        "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/0123-ab",
        "hosted_zone_id": "Z0123456789ABC",
        "default_endpoint": False,
    },
    "encryption": {"kms_key": "create"},
    "tracing": {
        "endpoint": "https://otlp.example.com",
        "percent": 50,
        "headers_secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:otlp-AbCdEf",
    },
    "monitoring": {
        "dashboards": False,
        "alarm_emails": ["ops@example.com"],
        "dead_letters": 3,
        "log_retention_days": 90,
        "runbooks": "https://wiki.example.com/runbooks",
    },
    "callbacks": {
        "allow": ["*.example.com"],
        "deny": ["internal.example.com"],
        "http": True,
        "ports": [80, 443],
        "schedule": ["5s", "1d"],
    },
    "apis": [
        {
            "name": "one",
            "kind": "AsyncAPI",
            "capacity": {
                "kind": "fargate",
                "architecture": "arm64",
                "spot_percent": 50,
                "on_demand_base": 1,
            },
            "timeout": "5m",
            "retention": "7d",
            "inline_result_bytes": 10,
            "input_buckets": ["pictures"],
            "webhook": {
                "url": "https://hooks.example.com/",
                "events": ["failed"],
                "inline_result_bytes": 5,
                "chain": ["one"],
            },
            "retries": {
                "attempts": 3,
                "retry_on": ["transport", 429, "5xx"],
                "min_wait": "1s",
                "max_wait": "2m",
            },
            "pod": {
                "port": 8080,
                "max_concurrency": 2,
                "stop_timeout": "2m",
                "ephemeral_storage": "30Gi",
                "dequeuer_image": "penstock/dequeuer:1",
                "prefetch": [{"from": "s3://models/a/", "to": "/mnt/model"}],
                "containers": [
                    {
                        "name": "server",
                        "image": "nginx",
                        "command": ["run"],
                        "args": ["x"],
                        "env": {"A": "b"},
                        "secrets": {"B": "/b"},
                        "compute": {"cpu": "200m", "mem": "512Mi", "gpu": 0},
                        "readiness_probe": {
                            "http_get": {"path": "/", "port": 8080},
                            "initial_delay_seconds": 0,
                            "timeout_seconds": 1,
                            "period_seconds": 1,
                            "success_threshold": 1,
                            "failure_threshold": 3,
                        },
                        "registry_credentials": (
                            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registry-AbCdEf"
                        ),
                        "liveness_probe": {"exec": {"command": ["true"]}},
                    },
                    {
                        "name": "built",
                        "build": ".",
                        "readiness_probe": {"tcp_socket": {"port": 8081}},
                    },
                ],
            },
            "autoscaling": {
                "min_replicas": 1,
                "max_replicas": 2,
                "init_replicas": 1,
                "target_in_flight": 2.5,
                "window": "10s",
                "downscale_stabilization_period": "5m",
                "upscale_stabilization_period": "1m",
                "max_downscale_factor": 0.75,
                "max_upscale_factor": 1.5,
                "downscale_tolerance": 0.05,
                "upscale_tolerance": 0.05,
                "schedules": [
                    {
                        "name": "day",
                        "cron": "0 8 ? * MON-FRI *",
                        "timezone": "Europe/Berlin",
                        "min_replicas": 1,
                        "max_replicas": 4,
                    }
                ],
            },
            "update_strategy": {
                "mode": "rolling",
                "max_surge": "100%",
                "max_unavailable": 0,
                "failure_threshold": 3,
            },
            "networking": {"endpoint": "/one", "forward_headers": ["x-a"]},
            "local": {"command": "run", "directory": ".", "env": {"A": "b"}},
        },
        {
            "name": "jobs",
            "kind": "BatchAPI",
            "timeout": "5m",
            "retention": "7d",
            "input_buckets": ["pictures"],
            "dead_letter_queues": ["arn:aws:sqs:eu-west-1:111122223333:failed.fifo"],
            "webhook": {"url": "/async/one", "events": ["started", "stopped"], "chain": ["one"]},
            "retries": {"attempts": 2},
            "pod": {"containers": [{"name": "server", "image": "nginx"}]},
            "networking": {"endpoint": "/many"},
            "local": {"command": "run"},
        },
    ],
}


#: With what has no place beside the keys above.
INSIDE: dict[str, Any] = {
    "deployment": "demo",
    "network": {
        "kind": "existing",
        "vpc_id": "vpc-01234567",
        "subnet_ids": ["subnet-01234567"],
        "security_group_id": "sg-01234567",
        "assign_public_ip": True,
    },
    "access": {
        "vpc_endpoints": ["vpce-01234567"],
        "accounts": ["111122223333"],
        "principals": ["arn:aws:iam::111122223333:role/caller"],
        "organizations": ["o-a1b2c3d4e5"],
    },
    "monitoring": {"alarm_topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call"},
    "apis": [{"name": "one", "kind": "AsyncAPI", "pod": {"containers": [{"name": "server", "image": "x"}]}}],
}

#: With tasks that do not run on Fargate.
INSTANCES: dict[str, Any] = {
    "deployment": "demo",
    "network": {"kind": "nat"},
    "apis": [
        {
            "name": "group",
            "kind": "AsyncAPI",
            "capacity": {
                "kind": "ec2",
                "instance_types": ["g5.2xlarge"],
                "ami": "ami-01234567",
                "disk": "50Gi",
                "min_instances": 0,
                "max_instances": 5,
                "warm_pool": {"min_size": 1, "state": "stopped", "max_prepared_capacity": 2},
            },
            "pod": {
                "containers": [
                    {"name": "server", "image": "x", "compute": {"mem": "8Gi", "gpu": 1, "shm": "1Gi"}}
                ]
            },
        },
        {
            "name": "managed",
            "kind": "BatchAPI",
            "capacity": {
                "kind": "managed_instances",
                "idle_hold": "5m",
                "requirements": {
                    "vcpus": {"min": 2, "max": 8},
                    "memory": {"min": "4Gi", "max": "64Gi"},
                    "memory_per_vcpu": {"min": "2Gi"},
                    "accelerators": {"min": 1},
                    "accelerator_memory": {"min": "8Gi"},
                    "accelerator_names": ["inferentia"],
                    "accelerator_manufacturers": ["amazon-web-services"],
                    "burstable": False,
                    "local_storage": False,
                },
            },
            "pod": {
                "containers": [{"name": "server", "image": "x", "compute": {"mem": "2Gi", "neuron": True}}]
            },
        },
    ],
}

FILES = {"outside": VALID, "inside": INSIDE, "instances": INSTANCES}


def _places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List every place in nested data, the top excluded."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [found for key, inner in entries for found in ((*place, key), *_places(inner, (*place, key)))]


def _at(data: Any, place: tuple[str | int, ...]) -> Any:
    for part in place:
        data = data[part]
    return data


#: Names of files, and places in them.
PLACES = [(file, place) for file, data in FILES.items() for place in _places(data)]
MAPS = [
    *((file, ()) for file in FILES),
    *(
        (file, place)
        for file, place in PLACES
        if isinstance(_at(FILES[file], place), dict) and place[-1] not in {"env", "secrets"}
    ),
]

# On a busy machine one of a hundred files may take long without being slow.
relaxed = settings(deadline=None)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

#: What is nearly right somewhere: units, limits, other scripts' digits, YAML's special words.
plausible = st.sampled_from(
    [
        *("1s", "0s", "90", "1h30m", "30m1h", "999999999d", "1e9", "-1", "0x10", "0o17", ".inf", ".nan"),
        *("1Gi", "1.5Ti", "1000000Ti", "200m", "0.0001", "½", "٣", "²", "5xx", "4XX", "600"),
        *("true", "no", "null", "~", "b-x", "-x", "x-", "X", "a.b", "a/b", "../x", "/dev/null"),
        *("s3://x", "127.0.0.1", "\u2028", "\0", "x" * 5000),
        *(10**30, -(10**30), 2**31, 2**63, 1e308, float("inf"), float("nan"), -0.0),
    ]
)


@pytest.fixture(scope="module")
def folder():
    with TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").touch()
        yield Path(folder)


def _outcome(folder: Path, content: bytes) -> Config | tuple[Problem, ...]:
    path = folder / "penstock.yaml"
    path.write_bytes(content)
    try:
        return load(path)
    except ConfigError as error:
        problems, report = error.problems, str(error)
    assert problems
    # One line for each problem: a message with a line break in it would hide where it belongs.
    assert len(report.splitlines()) == len(problems)
    assert all(problem.line >= 1 for problem in problems)
    return problems


@relaxed
@given(content=st.binary(max_size=200))
def test_any_bytes_give_a_configuration_or_problems(folder, content):
    _outcome(folder, content)


@relaxed
@given(content=st.text(alphabet=string.printable + "äé\u2028", max_size=200))
@example("%TAG ! tag:x,2000:\n---\n!a b")
@example("? a\n: b\n? [c]\n: d")
@example("a: &a\n  b: *a\n")
@example('"\\x"')
@example("!<%ff> a")
@example("%YAML 3.1\n---\na")
def test_any_text_gives_a_configuration_or_problems(folder, content):
    _outcome(folder, content.encode())


@relaxed
@given(damaged=st.sampled_from(PLACES), value=anything)
def test_any_value_anywhere_gives_a_configuration_or_problems(folder, damaged, value):
    file, place = damaged
    data = copy.deepcopy(FILES[file])
    _at(data, place[:-1])[place[-1]] = value
    _outcome(folder, yaml.safe_dump(data, allow_unicode=True).encode())


@relaxed
@given(
    file=st.sampled_from([*FILES]),
    changes=st.lists(st.tuples(st.sampled_from(PLACES), plausible | anything), min_size=2, max_size=6),
)
def test_any_number_of_wrong_values_gives_a_configuration_or_problems(folder, file, changes):
    data = copy.deepcopy(FILES[file])
    for (_, place), value in changes:
        # A change before may have put something else where this one wants to go, or it is another file's.
        with suppress(LookupError, TypeError):
            _at(data, place[:-1])[place[-1]] = value
    _outcome(folder, yaml.safe_dump(data, allow_unicode=True).encode())


@relaxed
@given(
    names=st.lists(st.sampled_from(["one", "two", "b-3", "x" * 43]), max_size=5),
    endpoints=st.lists(st.sampled_from(["/one", "two", "", "a/b"]), min_size=5, max_size=5),
)
def test_apis_that_collide_give_a_configuration_or_problems(folder, names, endpoints):
    api = VALID["apis"][0]
    apis = [
        {**api, "name": name, "networking": {"endpoint": endpoint}}
        for name, endpoint in zip(names, endpoints, strict=False)
    ]
    outcome = _outcome(folder, yaml.safe_dump({**VALID, "apis": apis}).encode())
    if isinstance(outcome, Config):
        assert (
            len({api.name for api in outcome.apis})
            == len({api.endpoint for api in outcome.apis})
            == len(apis)
        )


@relaxed
@given(
    file=st.sampled_from([*FILES]),
    cut=st.integers(min_value=0),
    pasted=st.text(alphabet="{}[]:,-&*!|>'\"%@` \n\tab0", max_size=5),
)
def test_any_damage_to_a_valid_file_gives_a_configuration_or_problems(folder, file, cut, pasted):
    text = yaml.safe_dump(FILES[file])
    cut %= len(text)
    _outcome(folder, (text[:cut] + pasted + text[cut + len(pasted) :]).encode())


@relaxed
@given(
    damaged=st.sampled_from(MAPS),
    key=st.text(alphabet=string.ascii_letters + "_-", min_size=1, max_size=20),
)
def test_an_unknown_key_is_always_reported_with_its_line(folder, damaged, key):
    file, place = damaged
    key = f"{key}_unknown"
    data = copy.deepcopy(FILES[file])
    _at(data, place)[key] = "here"
    text = yaml.safe_dump(data)

    problems = _outcome(folder, text.encode())

    line = next(number for number, line in enumerate(text.splitlines(), start=1) if f"{key}: here" in line)
    assert isinstance(problems, tuple)
    assert [(problem.line, problem.path.endswith(key)) for problem in problems] == [(line, True)]


def test_the_files_these_tests_damage_have_every_key_there_is():
    """So that a new key is damaged like the others."""
    schema = json.loads(SCHEMA_FILE.read_text())
    sections = [schema, *schema["$defs"].values()]
    there_are = {key for section in sections for key in section.get("properties", {})}
    assert there_are - {part for _, place in PLACES for part in place} == set()


@pytest.mark.parametrize("file", FILES)
def test_the_files_these_tests_damage_are_valid(folder, file):
    assert isinstance(_outcome(folder, yaml.safe_dump(FILES[file]).encode()), Config)
