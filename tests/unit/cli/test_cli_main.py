from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import __version__
from penstock.cli.exits import MEANINGS, ExitCode

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-c", "from penstock.cli.main import main; main()"]

CONFIG = """\
deployment: demo
apis:
  - name: word-count
    kind: AsyncAPI
    timeout: 90s
    networking:
      endpoint: /text
    pod:
      max_concurrency: 8
      containers:
        - name: server
          image: server:1
        - name: cache
          image: cache:1
"""


def test_version(terminal):
    assert terminal.run("--version").stdout == f"penstock {__version__}\n"


def test_help_names_every_command_and_exit_code(terminal):
    text = terminal.run("--help").stdout

    for command in ("validate", "submit", "get", "cancel", "retry", "dead-letters", "destroy"):
        assert command in text
    for code, meaning in MEANINGS.items():
        assert f"{code.value}  {meaning}" in text


def test_every_exit_code_has_a_meaning():
    assert set(MEANINGS) == set(ExitCode)


def test_the_manual_lists_the_same_exit_codes():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", (ROOT / "docs" / "cli.md").read_text(), flags=re.MULTILINE)

    assert rows == [(str(code.value), meaning) for code, meaning in MEANINGS.items()]


def test_ctrl_c_is_never_silent(terminal):
    terminal.serve(KeyboardInterrupt())
    result = terminal.run("get", "word-count", "x")

    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("arguments", [(), ("submi",), ("submit",), ("get", "x"), ("get", "x", "y", "--wat")])
def test_wrong_usage_is_exit_2(terminal, arguments):
    assert terminal.run(*arguments).exit_code == 2


def test_validate_lists_the_apis(terminal, tmp_path):
    path = tmp_path / "penstock.yaml"
    path.write_text(CONFIG)

    result = terminal.run("validate", path)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"OK {path}: deployment demo",
        "API         PATH         KIND      REPLICAS  CONCURRENCY  TIMEOUT  CONTAINERS",
        "word-count  /async/text  AsyncAPI  1-100     8            1m30s    server, cache",
    ]


def test_validate_says_that_workers_of_jobs_come_with_a_job(terminal, tmp_path):
    path = tmp_path / "penstock.yaml"
    path.write_text(
        "deployment: demo\n"
        "apis: [{name: sum, kind: BatchAPI, pod: {containers: [{name: server, image: x}]}}]\n"
    )

    result = terminal.run("validate", path)

    assert result.stdout.splitlines()[2] == (
        "sum  /batch/sum  BatchAPI  by job    1            10m      server"
    )


def test_validate_reports_every_problem(terminal, tmp_path):
    path = tmp_path / "penstock.yaml"
    path.write_text(CONFIG.replace("timeout", "timeuot").replace("max_concurrency: 8", "max_concurrency: 0"))

    result = terminal.run("validate", path)

    assert result.exit_code == 1
    assert f"{path}:5: " in result.stdout
    assert 'did you mean "timeout"?' in result.stdout
    assert "max_concurrency" in result.stdout
    assert result.stderr == f"{path}: 2 problems\n"


@pytest.mark.parametrize("content", [b"\x1b[2J: {", b"\xff\xfe", b"", b"a: b: c"])
def test_validate_survives_any_file(terminal, tmp_path, content):
    path = tmp_path / "penstock.yaml"
    path.write_bytes(content)

    result = terminal.run("validate", path)

    assert result.exit_code == 1
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("path", ["missing.yaml", "/", "x" * 300])
def test_validate_reports_a_file_that_is_none(terminal, path):
    result = terminal.run("validate", path)

    assert result.exit_code == 1
    assert result.stderr.endswith(": 1 problem\n")


def run_program(*arguments: str, **options) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments], check=False, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, **options
    )


def test_a_reader_that_leaves_early_gets_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_program("validate", stdout=writing)
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (ExitCode.CLOSED_PIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_gets_no_traceback():
    with Path("/dev/full").open("wb") as full:
        done = run_program("validate", stdout=full)

    assert done.returncode == ExitCode.BAD_INPUT
    assert done.stderr == b"Error: standard output cannot be written: No space left on device.\n"


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("penstock.cli.main", {"httpx", "botocore", "boto3", "pydantic", "yaml", "rich"}),
        ("penstock.cli.submit", {"botocore", "boto3", "pydantic", "yaml"}),
        ("penstock.cli.validate", {"httpx", "botocore", "boto3"}),
    ],
)
def test_nothing_is_imported_in_vain(module, unwanted):
    done = run_program_code(f"import sys, {module}; print(*sorted(sys.modules))")

    assert unwanted.isdisjoint(done.split())


def run_program_code(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
