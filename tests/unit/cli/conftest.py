from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.cli.surroundings import Surroundings
from penstock.client import Client
from penstock.client.testing import ManualTiming, ScriptedServer

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
        self.stdin_is_terminal = False
        self.stdout_is_terminal = False
        self.stderr_is_terminal = False
        self.urls: list[str] = []

    def serve(self, *script) -> None:
        self.server = ScriptedServer(*script)

    def run(self, *arguments, stdin: bytes | None = None) -> Result:
        surroundings = Surroundings(
            connect=self._connect,
            environ=self.environ,
            folder=self.folder,
            clock=self.manual.timing.clock,
            stdin_is_terminal=self.stdin_is_terminal,
            stdout_is_terminal=self.stdout_is_terminal,
            stderr_is_terminal=self.stderr_is_terminal,
        )
        result = CliRunner().invoke(app, [str(part) for part in arguments], input=stdin, obj=surroundings)
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        assert "Traceback" not in result.stderr
        return result

    def _connect(self, url: str) -> Client:
        self.urls.append(url)
        return Client(url, transport=self.server.transport, timing=self.manual.timing)


@pytest.fixture
def terminal(tmp_path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def personal(terminal):
    """The same, with a person in front of it."""
    terminal.stdout_is_terminal = terminal.stderr_is_terminal = True
    return terminal
