"""The local stack as a whole, as a context and as a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from localstack import Options, running
from localstack.emulator import free_port
from localstack.emulators import EMBEDDED, LOCALSTACK
from localstack.errors import EmulatorFailed, PortFixed
from localstack.processes import left_behind
from tests.local.project import API, cdk_calls, make_project
from tests.local.sites import PROJECT
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.emulator


@pytest.fixture
def config(tmp_path) -> Iterator[Path]:
    yield make_project(tmp_path)
    assert left_behind(tmp_path / "local") == []


def options(config: Path, **changes) -> Options:
    project = config.parent
    return Options(state_dir=project / "local", project=project, **({"port": free_port()} | changes))


def command(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "localstack", *words, "--state-dir", str(config.parent / "local")]


def down(config: Path) -> str:
    return subprocess.run(
        command(config, "down"), cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout


@contextmanager
def up(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run ``up`` as its own process until it is ready."""
    words = command(config, "up", "--config", str(config), "--project", str(config.parent))
    process = subprocess.Popen(
        [*words, "--port", str(free_port())],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    endpoint = config.parent / "endpoint.json"
    with process:
        try:
            eventually(
                lambda: endpoint.exists() or process.poll() is not None, within_seconds=60, what="it is ready"
            )
            yield process
        finally:
            process.kill()


def test_a_stack_has_a_url_on_loopback_and_a_pair_per_task(config: Path):
    with running(config, options(config, dequeuer_environment={"EXTRA": "short drain"})) as local:
        [pair] = local.pairs(API)
        eventually(
            lambda: "short drain" in pair.dequeuer_log.read_text(),
            within_seconds=10,
            what="the dequeuer starts",
        )
        found = json.loads(local.state.endpoint.read_text())
        local.check()

    assert local.url.startswith(f"{local.aws_endpoint_url}/restapis/")
    assert local.url.endswith("/live/_user_request_")
    assert found == {
        "url": local.url,
        "deployment": "test",
        "stage": "local",
        "aws_endpoint_url": local.aws_endpoint_url,
        "pid": os.getpid(),
    }
    assert not local.state.endpoint.exists()


#: What LocalStack gets, on the embedded emulator.
WITHOUT_ECS = replace(LOCALSTACK, start=EMBEDDED.start, port=None)


def test_without_ecs_each_api_has_one_pair_as_its_deployed_description_says(config: Path):
    with running(config, options(config, emulator=WITHOUT_ECS)) as local:
        [pair] = local.pairs(API)
        eventually(
            lambda: "extra as described" in pair.dequeuer_log.read_text(),
            within_seconds=10,
            what="the dequeuer starts with the described environment",
        )

        os.kill(pair.dequeuer_pid, signal.SIGKILL)

        def replaced() -> bool:
            pairs = local.pairs(API)
            return len(pairs) == 1 and pairs[0].task_arn != pair.task_arn

        eventually(replaced, within_seconds=20, what="another pair in its place")


def test_localstack_has_one_port(config: Path):
    with (
        pytest.raises(PortFixed, match="4566"),
        running(config, options(config, emulator=LOCALSTACK, port=4000)),
    ):
        pass


def test_localstack_without_docker_is_told_with_the_remedy_and_leaves_nothing(config: Path):
    words = command(config, "up", "--emulator", "localstack", "--config", str(config))
    done = subprocess.run(
        words, cwd=PROJECT, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "no `docker` on PATH" in done.stdout
    assert "https://docs.docker.com/engine/install/" in done.stdout
    assert "make local" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (config.parent / "endpoint.json").exists()


def test_a_second_start_deploys_only_what_has_changed(config: Path):
    port = free_port()
    with running(config, options(config, port=port)) as local:
        first_task = local.pairs(API)[0].task_arn
    with running(config, options(config, port=port)) as local:
        [pair] = local.pairs(API)
    assert cdk_calls(config.parent) == ["bootstrap", "deploy"]
    assert pair.task_arn != first_task

    config.write_text(config.read_text() + "# changed\n")
    with running(config, options(config, port=port)):
        pass
    assert cdk_calls(config.parent) == ["bootstrap", "deploy", "deploy"]

    with running(config, options(config, port=port, fresh=True)):
        pass
    assert cdk_calls(config.parent) == ["bootstrap", "deploy", "deploy", "bootstrap", "deploy"]


def test_a_stack_whose_emulator_dies_says_so(config: Path):
    with running(config, options(config)) as local:
        os.kill(local.emulator.pid, signal.SIGKILL)

        with pytest.raises(EmulatorFailed, match="exit code -9"):
            eventually(local.check, within_seconds=10, what="an error")


def test_sigterm_ends_the_command_without_a_traceback(config: Path):
    with up(config) as process:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Ready" in output
    assert "Stopping" in output
    assert "Traceback" not in output
    assert not (config.parent / "endpoint.json").exists()


def test_a_second_ctrl_c_waits_for_nothing(config: Path):
    # Given a server that takes no SIGTERM
    (config.parent / "stubborn").touch()
    with up(config) as process:
        [log] = (config.parent / "local" / "logs" / API).glob("*-server.log")
        eventually(lambda: "serving" in log.read_text(), within_seconds=10, what="the server starts")

        # When Ctrl-C is pressed, and again because it takes so long
        process.send_signal(signal.SIGINT)
        lines = iter(process.stdout or ())
        assert any("Stopping" in line for line in lines)
        process.send_signal(signal.SIGINT)

        # Then all is over at once
        assert process.wait(timeout=10) == 130


def test_down_stops_a_stack_and_says_when_there_is_none(config: Path):
    with up(config) as process:
        first = down(config)
        assert process.wait(timeout=10) == 0

    assert first == "Stopped\n"
    assert down(config) == "No local stack was running\n"


def test_down_cleans_up_after_a_stack_that_was_killed(config: Path):
    with up(config) as process:
        process.kill()
        process.wait()
        down(config)

    eventually(lambda: not left_behind(config.parent / "local"), within_seconds=5, what="all processes end")
    assert not (config.parent / "endpoint.json").exists()


def test_a_second_stack_on_the_same_state_is_refused(config: Path):
    with up(config) as process, up(config) as second:
        output, _ = second.communicate(timeout=30)
        assert second.returncode == 1
        assert f"in use by pid {process.pid}" in output
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_a_wrong_configuration_is_told_without_a_traceback(config: Path):
    config.write_text("deployment: test\napis: []\n")

    with up(config) as process:
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "must list at least one API" in output
    assert "Traceback" not in output
