"""The images as `cdk deploy` would build them, and the emulator with a deployment that nothing serves yet.

These take minutes and an engine, so they run for `make test-containers` only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from localstack.emulator import free_port
from localstack.options import PROJECT, Options
from localstack.up import LocalStack, running
from penstock.client import Client
from tests.conftest import missing
from tests.containers.assets import Assembly, Asset
from tests.containers.engine import Engine, find
from tests.containers.task import Ground, RunningTask

CONFIG = Path(__file__).with_name("penstock.yaml")
DEPLOYMENT = "ship"
WORD_COUNT, THUMBNAIL, SUM_BATCH = (
    f"penstock-ship-api-{api}" for api in ("word-count", "thumbnail", "sum-batch")
)

#: What was measured, a line each, for the end of the run.
REPORT = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.timeout(300))
            if not config.getoption("--containers"):
                reason = "builds images with a container engine; `make test-containers` runs it"
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash.get(REPORT, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> list[str]:
    return pytestconfig.stash.setdefault(REPORT, [])


@pytest.fixture(scope="session")
def engine() -> Engine:
    engine = find()
    if engine is None:
        missing("neither Docker nor Podman answers; scripts/setup-podman.sh sets Podman up on Debian")
    assert engine is not None
    return engine


@pytest.fixture(scope="session")
def base(pytestconfig: pytest.Config) -> str:
    return str(pytestconfig.getoption("--base-image"))


@pytest.fixture(scope="session")
def assembly(base: str, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The cloud stage, by the command that the docs name."""
    folder = tmp_path_factory.mktemp("assembly")
    pip_conf = folder / "pip.conf"
    pip_conf.write_text(_pip_settings())
    subprocess.run(
        [
            *(str(PROJECT / "node_modules/.bin/cdk"), "synth", "--quiet", "--no-notices"),
            *("--context", "stage=cloud", "--context", f"config={CONFIG}"),
            *("--context", f"base_image={base}", "--context", f"pip_conf={pip_conf}"),
            *("--output", str(folder / "cdk.out")),
        ],
        cwd=PROJECT,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
        timeout=200,
    )
    return Assembly(folder / "cdk.out")


def _pip_settings() -> str:
    """Where this machine's pip finds packages, whether its environment says so or a file."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        # Not folders of this machine, which no container has.
        if name.rpartition(".")[2] in {
            "index-url",
            "extra-index-url",
            "trusted-host",
            "proxy",
            "timeout",
            "cert",
        }:
            settings[name.rpartition(".")[2]] = value.strip("'")
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["[global]", *lines, ""])


@pytest.fixture(scope="session")
def images(engine: Engine, assembly: Assembly) -> dict[str, Asset]:
    """All images, built, by their hash."""
    assets = assembly.assets()
    for asset in assets.values():
        asset.build(engine)
    return assets


@dataclass(frozen=True)
class Yard:
    """A deployment on the emulator, and images to run its tasks from."""

    local: LocalStack
    client: Client
    assembly: Assembly
    ground: Ground
    aws: Callable[[str], Any]

    @contextmanager
    def task(self, api: str, arn: str | None = None, **variables: dict[str, str]) -> Iterator[RunningTask]:
        """Run a task as the cloud stage defines it; it is gone when the block ends.

        The values that AWS fills in come from the definition that was deployed, the latest or the named one.
        """
        name, stack = arn or f"penstock-{DEPLOYMENT}-{api}", f"penstock-{DEPLOYMENT}-api-{api}"
        deployed = self.aws("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]
        environments = {
            container["name"]: {one["name"]: one["value"] for one in container["environment"]}
            for container in deployed["containerDefinitions"]
        }
        task = RunningTask(
            self.ground, self.assembly.containers(stack), self.assembly.images(stack), environments, variables
        )
        with ExitStack() as cleanup:
            task.start(cleanup)
            yield task
            # A poll that is killed may still take the next test's message, and hides it for half a minute.
            task.stop()


@pytest.fixture(scope="session")
def yard(
    engine: Engine,
    base: str,
    assembly: Assembly,
    images: dict[str, Asset],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Yard]:
    assert images
    # No API has a section `local`, so that the local agent runs nothing: the tests are the agent.
    options = Options(state_dir=tmp_path_factory.mktemp("yard") / "local", port=free_port())
    with running(CONFIG, options) as local, Client(local.url) as client:
        port = int(local.aws_endpoint_url.rpartition(":")[2])

        def aws(service: str) -> Any:
            return boto3.client(service, endpoint_url=local.aws_endpoint_url)  # type: ignore[call-overload]

        yield Yard(local, client, assembly, Ground(engine, base, port), aws)
