"""Real processes: groups, logs, and what becomes of them when we are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localstack.processes import ProcessSpec, left_behind
from localstack.state import State
from tests.local.sites import PROJECT, Site
from tests.waiting import eventually

#: A shell that waits for a child of its own, as wrapper scripts do.
WRAPPER = ("sh", "-c", "sleep 1000 & echo child $!; wait")


def spec(site: Site, *command: str) -> ProcessSpec:
    return ProcessSpec(command, site.state.root, site.environment, site.state.logs / "test.log")


def is_alive(pid: int) -> bool:
    try:
        # A zombie has ended; it only waits for its parent to ask how.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def child_named_in(log: Path) -> int:
    line = eventually(
        lambda: log.exists() and log.read_text().endswith("\n") and log.read_text(),
        within_seconds=10,
        what="the wrapper names its child",
    )
    return int(str(line).split()[1])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_children_of_a_shell_end_with_it(site: Site, end: signal.Signals):
    process = site.spawn(spec(site, *WRAPPER))
    child = child_named_in(site.state.logs / "test.log")

    (process.terminate if end is signal.SIGTERM else process.kill)()

    assert process.wait(within_seconds=10)
    assert process.exit_code() == -end
    eventually(lambda: not is_alive(child), within_seconds=5, what="the shell's child ends")


def test_what_a_process_leaves_when_it_exits_by_itself_ends_too(site: Site):
    process = site.spawn(spec(site, "sh", "-c", "sleep 1000 & echo child $!"))
    child = child_named_in(site.state.logs / "test.log")

    assert process.wait(within_seconds=10)

    assert process.exit_code() == 0
    eventually(lambda: not is_alive(child), within_seconds=5, what="the child ends")


def test_a_missing_program_ends_as_in_a_shell(site: Site):
    process = site.spawn(spec(site, "/no/such/program"))

    assert process.wait(within_seconds=10)
    assert process.exit_code() == 127
    assert "not found" in (site.state.logs / "test.log").read_text()


def test_when_we_are_killed_our_processes_end_with_all_their_children(tmp_path):
    # Given a process of ours that has started a wrapper
    state = State(tmp_path / "local")
    state.create()
    script = f"""
import os, time
from pathlib import Path
from localstack.environment import Endpoint, child_environment
from localstack.guard import Guard
from localstack.processes import GroupSpawner, ProcessSpec
environment = child_environment(Endpoint(1), Path({str(state.root)!r}), outer=os.environ)
spawn = GroupSpawner(Guard(environment=environment))
spawn(ProcessSpec({WRAPPER!r}, Path("/"), environment, Path({str(state.logs / "test.log")!r})))
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT) as ours:
        child = child_named_in(state.logs / "test.log")
        assert child in left_behind(state.root)

        # When it is killed, with no chance to do anything
        os.kill(ours.pid, signal.SIGKILL)

    # Then the wrapper, its child and the guard are gone
    eventually(lambda: left_behind(state.root) == [], within_seconds=20, what="all processes end")
