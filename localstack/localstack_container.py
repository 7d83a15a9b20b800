"""LocalStack as a container: ``docker compose up`` is a child process like the embedded emulator."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localstack import docker
from localstack.errors import EmulatorFailed, Interrupted
from localstack.logs import tail
from localstack.processes import ProcessSpec

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from localstack.environment import Endpoint
    from localstack.processes import GroupProcess, GroupSpawner

#: The one that docker-compose.yml publishes, and that links lead to (``links`` in cdk/stage.py).
PORT = 4566
COMPOSE_FILE = "localstack/docker-compose.yml"
#: The first time, the image of about 1 GB is pulled.
READY_WITHIN_SECONDS = 900.0
#: More than the compose file's stop_grace_period.
STOP_WITHIN_SECONDS = 40.0
_REMOVED_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Compose:
    """How ``docker compose`` is called."""

    docker: str
    project: Path
    environment: Mapping[str, str]
    log: Path

    def spec(self, *words: str) -> ProcessSpec:
        """One command on the project's compose file."""
        file = str(self.project / COMPOSE_FILE)
        return ProcessSpec(
            command=(self.docker, "compose", "--project-name", "penstock-localstack", "--file", file, *words),
            directory=self.project,
            environment=self.environment,
            log=self.log,
        )


class LocalStackContainer:
    """A running LocalStack. It keeps nothing: each start begins with an empty one."""

    def __init__(
        self, process: GroupProcess, compose: Compose, *, endpoint: Endpoint, spawn: GroupSpawner
    ) -> None:
        self._process = process
        self._compose = compose
        self._endpoint = endpoint
        self._spawn = spawn

    @property
    def pid(self) -> int:
        """Pid of ``docker``, and number of its process group."""
        return self._process.pid

    def check(self) -> None:
        """Raise EmulatorFailed if it has ended."""
        code = self._process.exit_code()
        if code is not None:
            raise EmulatorFailed(f"LocalStack ended with exit code {code}\n{tail(self._compose.log)}")

    def wait_until_ready(
        self, *, interrupt: threading.Event, within_seconds: float = READY_WITHIN_SECONDS
    ) -> None:
        """Return once it answers and its init hook has run; else raise EmulatorFailed, or Interrupted."""
        deadline = time.monotonic() + within_seconds
        while not _ready(self._endpoint):
            self.check()
            if time.monotonic() >= deadline:
                raise EmulatorFailed(
                    f"LocalStack was not ready within {within_seconds:.0f} s\n{tail(self._compose.log)}"
                )
            if interrupt.wait(0.2):
                raise Interrupted("stopped while LocalStack was starting")

    def stop(self, *, within_seconds: float = STOP_WITHIN_SECONDS) -> None:
        """End it with the containers of its functions, and remove what compose has made."""
        # Only docker itself: it passes the signal on, and takes a second one for impatience.
        self._process.terminate_leader()
        if not self._process.wait(within_seconds=within_seconds):
            self._process.kill()
        removal = self._spawn(self._compose.spec("down", "--volumes", "--remove-orphans"))
        if not removal.wait(within_seconds=_REMOVED_WITHIN_SECONDS):
            removal.kill()


def start_localstack(
    project: Path,
    spawn: GroupSpawner,
    *,
    endpoint: Endpoint,
    environment: Mapping[str, str],
    log: Path,
    input_buckets: frozenset[str],
) -> LocalStackContainer:
    """Start LocalStack; raise DockerMissing if that is impossible here."""
    program = docker.find(environment)
    variables = {**environment, "PENSTOCK_INPUT_BUCKETS": " ".join(sorted(input_buckets))}
    compose = Compose(program, project, variables, log)
    log.unlink(missing_ok=True)
    # A container that an earlier run left behind would hold what was deployed then.
    process = spawn(compose.spec("up", "--force-recreate", "--remove-orphans", "--no-color"))
    return LocalStackContainer(process, compose, endpoint=endpoint, spawn=spawn)


def _ready(endpoint: Endpoint) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint.url}/_localstack/init/ready", timeout=2) as answer:
            told = json.load(answer)
    except OSError:
        return False
    failed = [script["name"] for script in told["scripts"] if script["state"] == "ERROR"]
    if failed:
        raise EmulatorFailed(f"LocalStack's init hook {', '.join(failed)} failed; its log says why")
    return bool(told["completed"])
