"""LocalStack as our child process, with a program of ours in the place of ``docker``."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pytest_localstack.session import RunningSession

from localstack import docker
from localstack.errors import DockerMissing, EmulatorFailed, Interrupted
from localstack.localstack_container import COMPOSE_FILE, PORT, LocalStackContainer, start_localstack
from penstock.aws.emulator import REGION
from tests.local.sites import PROJECT, Site

if TYPE_CHECKING:
    from typing import Any

#: Answers as LocalStack 4.14 does: its hooks are still to run when it is asked for the first time.
DOCKER = """#!{python}
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

words = sys.argv[1:]
with open("{folder}/calls", "a") as calls:
    print(" ".join(words), file=calls)
if "up" not in words:
    sys.exit()
if os.path.exists("{folder}/port-is-taken"):
    sys.exit("driver failed programming external connectivity: port is already allocated")
print("input buckets:", os.environ["PENSTOCK_INPUT_BUCKETS"], flush=True)
states = iter(["UNKNOWN", "RUNNING"])
last = "ERROR" if os.path.exists("{folder}/hook-fails") else "SUCCESSFUL"

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        state = next(states, last)
        scripts = [{{"stage": "READY", "name": "input_buckets.py", "state": state}}]
        body = json.dumps({{"completed": state == last, "scripts": scripts}}).encode()
        self.send_response(200 if self.path == "/_localstack/init/ready" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

signal.signal(signal.SIGTERM, lambda *_: sys.exit("Gracefully stopping"))
HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


def install(folder: Path, script: str) -> dict[str, str]:
    """Put a program in the place of ``docker``; return an environment that finds it."""
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:/bin:/usr/bin"}


def refusing(first: str, second: str, sentence: str) -> str:
    return f'#!/bin/sh\n[ "$1 $2" = "{first} {second}" ] || exit 0\necho "{sentence}" >&2\nexit 1\n'


def test_a_machine_without_docker_is_told_where_to_get_it(tmp_path):
    with pytest.raises(DockerMissing, match=r"no `docker` on PATH\..*engine/install.*`make local`"):
        docker.find({"PATH": str(tmp_path)})


def test_a_docker_without_compose_is_told_where_to_get_it(tmp_path):
    environment = install(tmp_path, refusing("compose", "version", "unknown command: docker compose"))

    with pytest.raises(DockerMissing, match=r"\(unknown command: docker compose\)\..*compose/install"):
        docker.find(environment)


def test_a_docker_that_does_not_run_or_is_not_ours_is_told_how_to_start_it(tmp_path):
    environment = install(tmp_path, refusing("version", "--format", "Cannot connect to the Docker daemon"))

    with pytest.raises(DockerMissing, match=r"Cannot connect to the Docker daemon.*systemctl start docker"):
        docker.find(environment)


class Bench:
    """A place to start LocalStack in."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.folder = site.state.root.parent
        script = DOCKER.format(python=sys.executable, folder=self.folder, port=site.endpoint.port)
        self.environment = site.environment | install(self.folder, script)
        self.log = site.state.logs / "emulator.log"

    def start(self) -> LocalStackContainer:
        return start_localstack(
            PROJECT,
            self.site.spawn,
            endpoint=self.site.endpoint,
            environment=self.environment,
            log=self.log,
            input_buckets=frozenset({"scans", "photos"}),
        )

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def bench(site: Site) -> Bench:
    return Bench(site)


def test_it_is_ready_once_its_hook_has_run_and_nothing_is_left_after_it(bench: Bench):
    localstack = bench.start()
    localstack.wait_until_ready(interrupt=threading.Event(), within_seconds=20)
    localstack.check()
    localstack.stop()

    compose = f"compose --project-name penstock-localstack --file {PROJECT / COMPOSE_FILE}"
    assert bench.calls()[2:] == [
        f"{compose} up --force-recreate --remove-orphans --no-color",
        f"{compose} down --volumes --remove-orphans",
    ]
    assert "input buckets: photos scans" in bench.log.read_text()
    assert "Gracefully stopping" in bench.log.read_text()


def test_a_hook_that_fails_is_named(bench: Bench):
    (bench.folder / "hook-fails").touch()
    localstack = bench.start()
    try:
        with pytest.raises(EmulatorFailed, match=r"input_buckets\.py"):
            localstack.wait_until_ready(interrupt=threading.Event(), within_seconds=20)
    finally:
        localstack.stop()


def test_a_container_that_cannot_start_shows_the_end_of_its_log(bench: Bench):
    (bench.folder / "port-is-taken").touch()
    localstack = bench.start()
    try:
        with pytest.raises(EmulatorFailed, match=r"exit code 1[\s\S]*port is already allocated"):
            localstack.wait_until_ready(interrupt=threading.Event(), within_seconds=20)
    finally:
        localstack.stop()


def test_a_start_can_be_interrupted(bench: Bench):
    interrupt = threading.Event()
    interrupt.set()
    localstack = bench.start()
    try:
        with pytest.raises(Interrupted):
            localstack.wait_until_ready(interrupt=interrupt)
    finally:
        localstack.stop()


@pytest.fixture(scope="module")
def service() -> Any:
    return yaml.safe_load((PROJECT / COMPOSE_FILE).read_text())["services"]["localstack"]


def test_the_image_is_the_last_that_needs_no_account(service):
    assert service["image"] == "localstack/localstack:4.14.0"


def test_only_this_machine_can_reach_it(service):
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def test_it_keeps_nothing(service):
    assert service["environment"]["PERSISTENCE"] == "0"
    mounted = [volume.rpartition(":")[2 if "docker.sock" in volume else 0] for volume in service["volumes"]]
    assert mounted == ["./init:/etc/localstack/init/ready.d", "/var/run/docker.sock"]


def test_the_folder_of_hooks_holds_hooks_only():
    hooks = (PROJECT / COMPOSE_FILE).parent / "init"

    assert [file.name for file in hooks.iterdir() if file.name != "__pycache__"] == ["input_buckets.py"]


@pytest.mark.emulator
def test_the_hook_makes_the_input_buckets(site: Site):
    hook = (PROJECT / COMPOSE_FILE).parent / "init" / "input_buckets.py"
    environment = site.environment | {"PENSTOCK_INPUT_BUCKETS": "photos scans"}
    with site.emulator():
        # As LocalStack does: the text, executed in a namespace with nothing in it.
        run = f"exec(open({str(hook)!r}, 'rb').read(), {{}})"
        subprocess.run([sys.executable, "-c", run], env=environment, cwd=site.state.root, check=True)
        # The connection of the end-to-end tests to LocalStack.
        session = RunningSession("127.0.0.1", services={"s3": site.endpoint.port}, region_name=REGION)
        session.start()
        listed = session.boto3.client("s3").list_buckets()["Buckets"]

    assert [bucket["Name"] for bucket in listed] == ["photos", "scans"]
