"""The processes of a bench: the stand-in, a container, and real dequeuers."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx

from bench.standin.client import StandinClient
from localstack.emulator import free_port
from localstack.environment import Endpoint, child_environment
from localstack.guard import Guard
from localstack.options import PROJECT
from localstack.processes import GroupProcess, GroupSpawner, ProcessSpec
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEPLOYMENT = "bench"
BUCKET = "bench"
TABLE = names.table(DEPLOYMENT)

#: What the dequeuer's image sets for its memory.
IMAGE_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "1048576"}

_START_SECONDS = 20
_STOP_SECONDS = 30


class NotStarted(Exception):
    """A process of the bench does not answer; the end of its log is in the message."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything a bench works with. Ends with the bench, however that ends."""

    standin: StandinClient
    standin_process: GroupProcess
    container_port: int
    environment: Mapping[str, str]
    folder: Path
    _spawn: GroupSpawner

    def arrivals(self) -> dict[str, float]:
        """When requests arrived at the container since this was last asked, by id."""
        answer = httpx.get(f"http://127.0.0.1:{self.container_port}/_arrivals", trust_env=False)
        return dict(answer.raise_for_status().json())

    def webhooks_received(self) -> tuple[dict[str, int], int]:
        """Calls at the container since this was last asked, by webhook-id, and how many got no answer."""
        answer = httpx.get(f"http://127.0.0.1:{self.container_port}/_webhooks", trust_env=False)
        told = answer.raise_for_status().json()
        return dict(told["received"]), int(told["lost"])

    @contextmanager
    def dequeuer(self, api: str, *, max_concurrency: int) -> Iterator[GroupProcess]:
        """A dequeuer of its own process, as a task starts it, with the defaults of the settings."""
        settings = {
            "PENSTOCK_DEPLOYMENT": DEPLOYMENT,
            "PENSTOCK_API": api,
            "PENSTOCK_TABLE": TABLE,
            "PENSTOCK_BUCKET": BUCKET,
            "PENSTOCK_QUEUE_URL": f"{self.standin.url}/000000000000/{queue(api)}",
            "PENSTOCK_DEAD_LETTER_URL": f"{self.standin.url}/000000000000/dlq.fifo",
            "PENSTOCK_PORT": str(self.container_port),
            "PENSTOCK_MAX_CONCURRENCY": str(max_concurrency),
            "PENSTOCK_TIMEOUT_SECONDS": "3600",
            "PENSTOCK_RETENTION_SECONDS": "86400",
            # Many run on one machine.
            "PENSTOCK_HEALTH_PORT": "0",
        }
        environment = {**self.environment, **IMAGE_ENVIRONMENT, **settings}
        command = (sys.executable, "-m", "dequeuer")
        process = self._spawn(ProcessSpec(command, PROJECT, environment, self.folder / f"dequeuer-{api}.log"))
        try:
            yield process
        finally:
            process.terminate()
            # A long poll of 20 s may be running, and SIGTERM waits for it.
            if not process.wait(within_seconds=0.2):
                process.kill()
                process.wait(within_seconds=_STOP_SECONDS)


def queue(api: str) -> str:
    """Name of an API's queue."""
    return names.queue(DEPLOYMENT, api)


@contextmanager
def rig() -> Iterator[Rig]:
    """Start stand-in and container; end them and whatever they left behind."""
    endpoint, container_port = Endpoint(free_port()), free_port()
    with TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        environment = child_environment(endpoint, folder, outer=os.environ)
        with Guard(environment=environment) as guard:
            spawn = GroupSpawner(guard)
            servers = [
                _server(spawn, "bench.standin", endpoint.port, environment, folder),
                _server(spawn, "bench.container", container_port, environment, folder),
            ]
            try:
                for path, port in (("_bench", endpoint.port), ("_arrivals", container_port)):
                    _until_answering(f"http://127.0.0.1:{port}/{path}", folder)
                with closing(StandinClient(endpoint.url)) as standin:
                    yield Rig(standin, servers[0], container_port, environment, folder, spawn)
            finally:
                for server in servers:
                    server.kill()
                    server.wait(within_seconds=_STOP_SECONDS)


def _server(
    spawn: GroupSpawner, module: str, port: int, environment: Mapping[str, str], folder: Path
) -> GroupProcess:
    command = (sys.executable, "-m", module, "--port", str(port))
    return spawn(ProcessSpec(command, PROJECT, environment, folder / f"{module}.log"))


def _until_answering(url: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    logs = "\n".join(log.read_text()[-2000:] for log in folder.glob("*.log"))
    raise NotStarted(f"{url} does not answer:\n{logs}")
