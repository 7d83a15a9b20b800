"""Docker or Podman by its command line: both understand the same words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class EngineFailed(AssertionError):
    """A command of the engine failed; the text holds what it said."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    program: str

    def run(self, *arguments: str, directory: Path | None = None, within_seconds: float = 300) -> str:
        """Run one command and return what it printed."""
        ended = self.tried(*arguments, directory=directory, within_seconds=within_seconds)
        if ended.returncode != 0:
            raise EngineFailed(f"{self.program} {' '.join(arguments)}\n{ended.stdout}{ended.stderr}")
        return ended.stdout.strip()

    def tried(
        self, *arguments: str, directory: Path | None = None, within_seconds: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run one command that may fail."""
        # Not the fake variables of the tests: an engine reads settings of its own from the environment.
        return subprocess.run(
            [self.program, *arguments],
            cwd=directory,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            capture_output=True,
            text=True,
            timeout=within_seconds,
            check=False,
        )

    @property
    def is_podman(self) -> bool:
        return "podman" in self.tried("--version").stdout.lower()

    def image(self, reference: str) -> dict[str, Any]:
        """What the engine knows of an image."""
        [described] = json.loads(self.run("image", "inspect", reference))
        assert isinstance(described, dict)
        return described

    def python(self, image: str, program: str, *options: str) -> str:
        """Run a piece of Python in an image and return what it printed."""
        return self.run(
            "run", "--rm", "--network", "none", *options, "--entrypoint", "python3", image, "-c", program
        )


@dataclass(frozen=True)
class Container:
    """A container that was started and not removed."""

    engine: Engine
    id: str

    def state(self) -> dict[str, Any]:
        [described] = json.loads(self.engine.run("container", "inspect", self.id))
        state = described["State"]
        assert isinstance(state, dict)
        return state

    @property
    def running(self) -> bool:
        return bool(self.state()["Running"])

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.engine.tried("exec", self.id, *command)

    def stop(self, *, within_seconds: int) -> None:
        """SIGTERM, and SIGKILL when the time is over."""
        self.engine.run("stop", "-t", str(within_seconds), self.id, within_seconds=within_seconds + 60)

    def exit_code(self, *, within_seconds: float) -> int:
        """Wait for its end."""
        return int(self.engine.run("wait", self.id, within_seconds=within_seconds))

    def log(self) -> str:
        ended = self.engine.tried("logs", self.id)
        return ended.stdout + ended.stderr

    def logged(self, message: str) -> bool:
        return any(line.get("message") == message for line in _json_lines(self.log()))

    def remove(self) -> None:
        self.engine.tried("kill", self.id)
        # With its anonymous volumes.
        self.engine.tried("rm", "--force", "--volumes", self.id)


def find() -> Engine | None:
    """The first engine that can run containers, or None."""
    for program in ("docker", "podman"):
        if shutil.which(program) is None:
            continue
        engine = Engine(program)
        if engine.tried("info", within_seconds=30).returncode == 0:
            return engine
    return None


def _json_lines(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def start(engine: Engine, arguments: Sequence[str]) -> Container:
    """Start a container in the background."""
    return Container(engine, engine.run("run", "--detach", *arguments))
