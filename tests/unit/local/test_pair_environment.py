from __future__ import annotations

import json

import pytest

from localstack.environment import Endpoint, child_environment
from localstack.pair_environment import dequeuer_environment, server_environment
from localstack.servers import LocalServer
from localstack.testing import task_definition
from tests.unit.local.bench import API, Bench

BASE = {"PATH": "/bin", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1"}


@pytest.fixture
def server(tmp_path) -> LocalServer:
    return LocalServer("echo", ("python",), tmp_path, {"MODEL": "small", "PORT": "1"}, 8080)


def test_a_server_is_told_its_port_in_all_usual_ways(server: LocalServer):
    environment = server_environment(server, port=31000, base=BASE)

    assert {environment[name] for name in ("PENSTOCK_PORT", "CORTEX_PORT", "PORT")} == {"31000"}
    assert environment["MODEL"] == "small"
    assert environment["PATH"] == "/bin"


def test_a_dequeuer_gets_what_the_task_definition_says_and_the_port_of_its_server(server: LocalServer):
    defined = {"PENSTOCK_QUEUE_URL": "http://q", "PENSTOCK_PORT": "8080", "PATH": "/container"}

    environment = dequeuer_environment(defined, server, port=31000, health_port=31001, base=BASE)

    assert environment["PENSTOCK_QUEUE_URL"] == "http://q"
    assert environment["PENSTOCK_PORT"] == "31000"
    assert environment["PATH"] == "/container"


def test_dequeuers_of_one_machine_do_not_fight_for_the_port_of_their_health(server: LocalServer):
    environment = dequeuer_environment(
        {"PENSTOCK_HEALTH_PORT": "15000"}, server, port=31000, health_port=31001, base=BASE
    )

    assert environment["PENSTOCK_HEALTH_PORT"] == "31001"


def test_a_task_definition_cannot_lead_a_dequeuer_to_real_aws(server: LocalServer):
    defined = {"AWS_ENDPOINT_URL": "https://sqs.eu-west-1.amazonaws.com", "AWS_REGION": "eu-west-1"}

    environment = dequeuer_environment(defined, server, port=31000, health_port=31001, base=BASE)

    assert environment["AWS_ENDPOINT_URL"] == BASE["AWS_ENDPOINT_URL"]
    assert environment["AWS_REGION"] == "us-east-1"


def test_only_probes_of_the_container_move_with_it(server: LocalServer):
    probes = [{"kind": "http_get", "port": 8080, "path": "/healthz"}, {"kind": "tcp_socket", "port": 9000}]
    defined = {"PENSTOCK_READINESS_PROBES": json.dumps(probes)}

    environment = dequeuer_environment(defined, server, port=31000, health_port=31001, base=BASE)

    assert json.loads(environment["PENSTOCK_READINESS_PROBES"]) == [
        {"kind": "http_get", "port": 31000, "path": "/healthz"},
        {"kind": "tcp_socket", "port": 9000},
    ]


def test_the_extra_environment_of_a_run_wins_over_the_task_definition(bench: Bench):
    bench.cluster.create_service(API, task_definition(environment={"DRAIN": "100"}))

    bench.agent.poll()

    assert bench.dequeuers[0].spec.environment["DRAIN"] == "1"


def test_a_developers_own_aws_settings_reach_no_process(tmp_path):
    outer = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "HF_HOME": "/models",
        "NO_PROXY": "intra",
    }

    environment = child_environment(Endpoint(4566), tmp_path, outer=outer)

    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["HF_HOME"] == "/models"
    assert environment["NO_PROXY"] == "intra,127.0.0.1,localhost"
