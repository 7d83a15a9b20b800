"""One task as an ECS agent runs it: containers in one network, started and ended in their order."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.aws.emulator import ACCESS_KEY, SECRET_KEY
from tests.containers.engine import Container, Engine, start
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.containers.assets import Asset

RELAY = Path(__file__).with_name("relay.py")
DEQUEUER = "dequeuer"

#: What ECS takes where a definition says nothing.
DEFAULT_STOP_SECONDS = 30

#: No image may need a shell: in place of each there is something that cannot be executed.
SHELLS = ("/bin/sh", "/bin/bash")


@dataclass(frozen=True)
class Ground:
    """What all tasks of a test session run on."""

    engine: Engine
    #: Image of the container that holds a task's network.
    base: str
    emulator_port: int


@dataclass
class RunningTask:
    """A task; the block that it was started in ends it."""

    ground: Ground
    #: Of the containers, in the template's words.
    definitions: Sequence[Mapping[str, Any]]
    images: Mapping[str, Asset]
    #: What the template does not hold but AWS would fill in, by container.
    environments: Mapping[str, Mapping[str, str]]
    #: What RunTask overrides, and what a test changes: variables by container.
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)

    def start(self, cleanup: ExitStack) -> None:
        """Start all containers, each when those that it depends on have got as far as it says."""
        network = self._network(cleanup)
        waiting = list(self.definitions)
        while waiting:
            ready = [one for one in waiting if self._may_start(one)]
            assert ready, f"containers wait for each other: {[one['name'] for one in waiting]}"
            for one in ready:
                container = start(self.ground.engine, self._arguments(one, network))
                cleanup.callback(container.remove)
                self.containers[one["Name"]] = container
                waiting.remove(one)

    def stop(self) -> None:
        """End all containers, each after those that depend on it, with the time that it is given."""
        left = {one["Name"]: one for one in self.definitions}
        while left:
            needed = {name for one in left.values() for name in _depends_on(one)}
            for name in [name for name in left if name not in needed]:
                self.containers[name].stop(
                    within_seconds=left.pop(name).get("StopTimeout", DEFAULT_STOP_SECONDS)
                )

    def health(self) -> subprocess.CompletedProcess[str]:
        """Run the health check of the task definition as ECS does: in the container, without a shell."""
        [check] = [one["HealthCheck"]["Command"] for one in self.definitions if one["Name"] == DEQUEUER]
        assert check[0] == "CMD"
        return self.containers[DEQUEUER].execute(*check[1:])

    def _may_start(self, definition: Mapping[str, Any]) -> bool:
        for name, condition in _depends_on(definition).items():
            if name not in self.containers:
                return False
            if condition == "SUCCESS":
                code = self.containers[name].exit_code(within_seconds=60)
                assert code == 0, self.containers[name].log()
            else:
                assert condition == "START"
        return True

    def _network(self, cleanup: ExitStack) -> str:
        """A network with no way out but to the emulator, where the task definition says that it is."""
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        there, address = "/relay/socket", f"127.0.0.1:{self.ground.emulator_port}"
        relay = subprocess.Popen([sys.executable, str(RELAY), str(folder / "socket"), address])
        cleanup.callback(relay.wait)
        cleanup.callback(relay.terminate)
        holder = start(
            self.ground.engine,
            [
                *("--network", "none", "--volume", f"{folder}:/relay", "--volume", f"{RELAY}:/relay.py:ro"),
                *("--entrypoint", "python3", self.ground.base, "/relay.py", address, there),
            ],
        )
        cleanup.callback(holder.remove)
        eventually((folder / "socket").exists, within_seconds=20, what="the relay listens")
        return holder.id

    def _arguments(self, definition: Mapping[str, Any], network: str) -> list[str]:
        """The words for one container; what ECS sets by itself is in `_environment`."""
        name = definition["Name"]
        arguments = ["--network", f"container:{network}", "--cap-drop", "ALL"]
        for key, value in self._environment(name).items():
            arguments += ["--env", f"{key}={value}"]
        if definition.get("LinuxParameters", {}).get("InitProcessEnabled"):
            arguments.append("--init")
        if definition.get("ReadonlyRootFilesystem"):
            # Podman would put writable folders over some places of the root; ECS does not.
            arguments += ["--read-only", *(["--read-only-tmpfs=false"] if self._podman else [])]
        if "User" in definition:
            arguments += ["--user", definition["User"]]
        for mount in definition.get("MountPoints", []):
            mode = "ro" if mount.get("ReadOnly") else "rw"
            arguments += [
                "--volume",
                f"{network[:12]}-{mount['SourceVolume']}:{mount['ContainerPath']}:{mode}",
            ]
        for shell in SHELLS:
            arguments += ["--volume", f"/dev/null:{shell}:ro"]
        return [*arguments, *_command(definition, self.images[name].tag)]

    def _environment(self, name: str) -> dict[str, str]:
        aws = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ground.emulator_port}",
            # In the place of the task role's.
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        return {**self.environments[name], **aws, **self.variables.get(name, {})}

    @property
    def _podman(self) -> bool:
        return self.ground.engine.is_podman


def _depends_on(definition: Mapping[str, Any]) -> dict[str, str]:
    return {one["ContainerName"]: one["Condition"] for one in definition.get("DependsOn", [])}


def _command(definition: Mapping[str, Any], image: str) -> Sequence[str]:
    """ENTRYPOINT and CMD as far as the definition replaces them; the engines' option takes one word only."""
    entry_point, command = definition.get("EntryPoint") or [], definition.get("Command") or []
    if not entry_point:
        return [image, *command]
    return ["--entrypoint", entry_point[0], image, *entry_point[1:], *command]
