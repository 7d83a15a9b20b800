from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localstack.errors import CommandMissing
from localstack.servers import LocalServer, local_servers
from penstock.config import load


def server(folder: Path, *command: str) -> LocalServer:
    return LocalServer("echo", command, folder, {}, 8080)


def test_python_means_the_interpreter_of_the_project(tmp_path):
    assert server(tmp_path, "python", "server.py").resolved().command == (sys.executable, "server.py")


def test_another_program_is_looked_up_on_path(tmp_path):
    assert Path(server(tmp_path, "sh", "-c", "true").resolved().command[0]).is_absolute()


def test_a_program_with_a_folder_is_relative_to_the_servers_own(tmp_path):
    script = tmp_path / "bin" / "serve"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    assert server(tmp_path, "bin/serve").resolved().command == (str(script),)


def test_a_missing_program_is_named_with_its_api(tmp_path):
    with pytest.raises(CommandMissing, match=r'API "echo": local\.command starts "no-such-program"'):
        server(tmp_path, "no-such-program").resolved()


def test_a_missing_folder_is_named_with_its_api(tmp_path):
    with pytest.raises(CommandMissing, match=r'API "echo": local\.directory'):
        server(tmp_path / "nowhere", "sh").resolved()


def test_servers_come_from_the_apis_that_have_a_local_section(tmp_path):
    (tmp_path / "model").mkdir()
    file = tmp_path / "penstock.yaml"
    file.write_text(
        """
deployment: demo
apis:
  - name: with-local
    kind: AsyncAPI
    pod: &pod {port: 9000, containers: [{name: server, image: x}]}
    local: {command: python server.py, directory: model, env: {A: "1"}}
  - name: without
    kind: AsyncAPI
    pod: *pod
"""
    )

    assert local_servers(load(file)) == (
        LocalServer("with-local", ("python", "server.py"), tmp_path / "model", {"A": "1"}, 9000),
    )
