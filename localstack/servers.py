"""The user's servers: what to run for an API in the place of its container."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from localstack.errors import CommandMissing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.config import Config


@dataclass(frozen=True, slots=True)
class LocalServer:
    """One API's server as it is started on this machine."""

    api: str
    command: tuple[str, ...]
    directory: Path
    env: Mapping[str, str]
    #: The port the container listens on in the cloud; here each process has one of its own.
    port: int

    def resolved(self) -> Self:
        """Return the server with its program found; raise CommandMissing if it is nowhere."""
        if not self.directory.is_dir():
            raise CommandMissing(f'API "{self.api}": local.directory is {self.directory}, which is no folder')
        return replace(self, command=(self._program(self.command[0]), *self.command[1:]))

    def _program(self, name: str) -> str:
        if name == "python":
            # The project's own interpreter: another one on PATH would lack the packages of the examples.
            return sys.executable
        has_folder = "/" in name
        found = shutil.which(str(self.directory / name) if has_folder else name)
        if found is None:
            place = self.directory if has_folder else "PATH"
            raise CommandMissing(f'API "{self.api}": local.command starts "{name}", which is not in {place}')
        return found


def local_servers(config: Config) -> tuple[LocalServer, ...]:
    """Return the servers of the APIs that have a ``local`` section."""
    return tuple(
        LocalServer(
            api=api.name,
            command=api.local.command,
            directory=api.local.directory,
            env=api.local.env,
            port=api.pod.port,
        )
        for api in config.apis
        if api.local is not None
    )
