from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.cli.surroundings import Surroundings
from penstock.client import Client
from penstock.client.testing import ManualTiming, ScriptedServer
from penstock.key_ring import KeyRing
from penstock.testing import (
    MemoryApiKeys,
    MemoryMeters,
    MemoryRegistry,
    MemoryReleases,
    MemoryRevisions,
    MemorySecrets,
)

if TYPE_CHECKING:
    from typer.testing import Result

URL = "https://penstock.test/prod"


class Terminal:
    """Runs commands against a scripted server, and fails the test on a traceback."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.server = ScriptedServer()
        self.manual = ManualTiming()
        self.environ = {"PENSTOCK_URL": URL}
        self.stdout_is_terminal = False
        self.stderr_is_terminal = False
        self.urls: list[str] = []
        self.secrets = MemorySecrets()
        #: KMS keys that secrets were asked for with.
        self.encrypted_with: list[str | None] = []
        self.keys, self.meters = MemoryApiKeys(), MemoryMeters()
        self.releases, self.registry = MemoryReleases(), MemoryRegistry()
        self.revisions = MemoryRevisions()
        #: Deployment, and the emulator's URL if there is one, that API keys were asked of.
        self.asked_of: list[tuple[str, str | None]] = []

    def serve(self, *script) -> None:
        self.server = ScriptedServer(*script)

    def run(self, *arguments, stdin: bytes | None = None) -> Result:
        surroundings = Surroundings(
            connect=self._connect,
            key_ring=self._key_ring,
            signing_secrets=self._signing_secrets,
            releases=lambda _deployment, _emulator_url: self.releases,
            registry=lambda _emulator_url: self.registry,
            revisions=lambda _emulator_url: self.revisions,
            environ=self.environ,
            folder=self.folder,
            clock=self.manual.timing.clock,
            sleep=self.manual.timing.sleep,
            stdout_is_terminal=self.stdout_is_terminal,
            stderr_is_terminal=self.stderr_is_terminal,
        )
        result = CliRunner().invoke(app, [str(part) for part in arguments], input=stdin, obj=surroundings)
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        assert "Traceback" not in result.stderr
        return result

    def _connect(self, url: str, api_key: str | None) -> Client:
        self.urls.append(url)
        return Client(url, transport=self.server.transport, api_key=api_key, timing=self.manual.timing)

    def _signing_secrets(
        self, _deployment: str, _emulator_url: str | None, key_id: str | None
    ) -> MemorySecrets:
        self.encrypted_with.append(key_id)
        return self.secrets

    def _key_ring(self, deployment: str, emulator_url: str | None) -> KeyRing:
        self.asked_of.append((deployment, emulator_url))
        return KeyRing(keys=self.keys, meters=self.meters, clock=lambda: 1_790_000_000_000)


@pytest.fixture
def terminal(tmp_path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def personal(terminal):
    """The same, with a person in front of it."""
    terminal.stdout_is_terminal = terminal.stderr_is_terminal = True
    return terminal


class _CtrlC(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise KeyboardInterrupt


@pytest.fixture
def ctrl_c_as_answer(monkeypatch) -> None:
    """Ctrl-C at whatever the command asks."""
    monkeypatch.setattr("typer.testing.make_input_stream", lambda *_: io.BufferedReader(_CtrlC()))
