"""Whether Docker can be used here, and what to do if not."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from localstack.errors import DockerMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWERS_WITHIN_SECONDS = 20


def find(environment: Mapping[str, str]) -> str:
    """Return the path of ``docker``; raise DockerMissing unless it, its compose and its daemon are there."""
    program = shutil.which("docker", path=environment.get("PATH"))
    if program is None:
        raise DockerMissing(
            "LocalStack runs in Docker, and there is no `docker` on PATH",
            remedy="Install Docker Engine with its compose plugin: https://docs.docker.com/engine/install/.",
        )
    refusal = _refusal(program, "compose", "version", environment=environment)
    if refusal is not None:
        raise DockerMissing(
            f"LocalStack is started with `docker compose`, and this Docker lacks it ({refusal})",
            remedy="Install the compose plugin: https://docs.docker.com/compose/install/linux/.",
        )
    refusal = _refusal(program, "version", "--format", "{{.Server.Version}}", environment=environment)
    if refusal is not None:
        raise DockerMissing(
            f"Docker does not answer ({refusal})",
            remedy="Start it (`sudo systemctl start docker`), and be a member of the group docker "
            "(`sudo usermod -aG docker $USER`, then log in anew).",
        )
    return program


def _refusal(program: str, *words: str, environment: Mapping[str, str]) -> str | None:
    """What a command said if it failed, in one line; None if it succeeded."""
    try:
        done = subprocess.run(
            (program, *words),
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_ANSWERS_WITHIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWERS_WITHIN_SECONDS} s"
    if done.returncode == 0:
        return None
    return next(iter((done.stderr or done.stdout).strip().splitlines()), f"exit code {done.returncode}")
