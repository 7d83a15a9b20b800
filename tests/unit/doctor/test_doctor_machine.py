"""What the doctor says of the machine that deploys, and what it takes from a configuration."""

from __future__ import annotations

import json

import pytest

from penstock import config
from penstock.doctor import machine, needs
from penstock.doctor.findings import Verdict


def programs(**answers: str):
    """What each program prints, by the first word of its call; all others are not there."""
    return lambda command: answers.get(command[0].rpartition("/")[2])


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 11), Verdict.OK), ((3, 14), Verdict.OK), ((3, 10), Verdict.PROBLEM)],
)
def test_python_must_be_new_enough(version, verdict):
    assert machine.python(version).verdict is verdict


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        ("v24.1.0\n", Verdict.OK),
        ("v20.20.2\n", Verdict.WARNING),
        ("v18.0.0\n", Verdict.PROBLEM),
        ("what?", Verdict.PROBLEM),
        (None, Verdict.PROBLEM),
    ],
)
def test_node_must_be_new_enough(printed, verdict):
    assert machine.node(lambda _: printed).verdict is verdict


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        ("2.1148.1 (build abc)\n", Verdict.OK),
        ("3.0.0 (build abc)\n", Verdict.PROBLEM),
        (None, Verdict.PROBLEM),
    ],
)
def test_the_cdk_command_line_must_be_the_pinned_one(tmp_path, printed, verdict):
    (tmp_path / "package.json").write_text(json.dumps({"devDependencies": {"aws-cdk": "2.1148.1"}}))

    assert machine.cdk(lambda _: printed, tmp_path).verdict is verdict


def test_a_folder_that_is_not_penstocks_is_told_so(tmp_path):
    assert "no package.json" in machine.cdk(programs(), tmp_path).text


def test_docker_or_podman_builds_images_and_must_answer():
    assert machine.engine(programs()).verdict is Verdict.PROBLEM
    assert machine.engine(programs(docker="27.1")).verdict is Verdict.OK
    assert "CDK_DOCKER=podman" in machine.engine(programs(podman="5.0")).text
    asleep = machine.engine(lambda command: "27.1" if "version" in command else None)
    assert (asleep.verdict, asleep.remedy) == (Verdict.PROBLEM, "Start it: `docker info` must work.")
    one_awake = machine.engine(lambda command: None if command == ["docker", "info"] else "5.0")
    assert (one_awake.verdict, one_awake.subject) == (Verdict.OK, "podman")


CONFIG = """\
deployment: shop
apis:
  - name: resize
    kind: AsyncAPI
    input_buckets: [photos]
    autoscaling: {max_replicas: 10}
    pod:
      containers:
        - name: server
          image: python
          compute: {cpu: 1750m}
          secrets:
            TOKEN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf:key::"
            LICENCE: /shop/licence
  - name: sum
    kind: BatchAPI
    pod: {containers: [{name: server, image: python}]}
"""


def test_a_configuration_says_what_it_needs_at_most(tmp_path):
    file = tmp_path / "penstock.yaml"
    file.write_text(CONFIG)
    found = needs.of(config.load(file).model_dump(mode="json"))

    # Ten tasks of two vCPUs with the dequeuer, and a worker of a job.
    assert 20 < found.fargate_vcpus <= 22
    assert found.fargate_spot_vcpus == 0
    assert found.buckets == ("photos",)
    assert found.parameters == ("/shop/licence",)
    assert found.secrets == ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf:key::",)
    assert (found.own_vpc, found.elastic_ips, found.scales) == (True, 0, True)


def test_capacity_network_and_domain_count_as_they_are_written():
    api = {
        "kind": "AsyncAPI",
        "autoscaling": {"max_replicas": 4},
        "pod": {
            "containers": [
                {"compute": {"cpu_millicores": 750}, "registry_credentials": "arn:x:secretsmanager:y"}
            ]
        },
    }
    document = {
        "apis": [
            api | {"capacity": {"kind": "fargate", "spot_percent": 75}},
            api | {"capacity": {"kind": "ec2", "instance_types": ["g5.xlarge"], "spot_percent": 50}},
            api | {"capacity": {"kind": "managed_instances", "instance_types": ["p4d.24xlarge"]}},
        ],
        "network": {"kind": "nat", "nat_gateways": 2},
        "domain": {"certificate_arn": "arn:cert", "hosted_zone_id": "Z1"},
    }
    found = needs.of(document)

    assert (found.fargate_vcpus, found.fargate_spot_vcpus) == (1, 3)
    assert found.families == {"g5", "p4d"}
    assert found.spot_families == {"g5"}
    assert (found.elastic_ips, found.certificate, found.hosted_zone) == (2, "arn:cert", "Z1")
    assert found.secrets == ("arn:x:secretsmanager:y",)
