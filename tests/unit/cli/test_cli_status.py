from __future__ import annotations

import json

from penstock.client.testing import answer, problem

ECHO = {
    "api": "echo", "kind": "AsyncAPI", "endpoint": "echo", "state": "image_pull_error",
    "problem": "CannotPullContainerError: not found", "workers_desired": 2, "workers_running": 0,
    "workers_pending": 1, "updating": True,
}  # fmt: skip
SUM = {"api": "sum", "kind": "BatchAPI", "endpoint": "sums", "state": "idle"}
WORKERS = [
    {"id": "aaa", "state": "pending", "since": "2026-10-01T12:00:00.000Z"},
    {"id": "bbb", "state": "image_pull_error", "reason": "CannotPullContainerError: not found"},
]


def said(content):
    return answer(200, content)


def test_all_apis_are_lines_of_a_table(terminal):
    terminal.serve(said({"apis": [ECHO, SUM]}))
    result = terminal.run("status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "API   KIND      STATE             WORKERS  PROBLEM",
        "echo  AsyncAPI  image_pull_error  0/2      CannotPullContainerError: not found",
        "sum   BatchAPI  idle",
    ]
    assert terminal.server.requests[0].url.path == "/prod/apis"


def test_one_api_is_told_with_its_workers_and_their_reasons(terminal):
    terminal.serve(said({**ECHO, "workers": WORKERS}))
    result = terminal.run("status", "echo")
    assert result.stdout.splitlines() == [
        "WORKER  STATE             SINCE                     REASON",
        "aaa     pending           2026-10-01T12:00:00.000Z",
        "bbb     image_pull_error                            CannotPullContainerError: not found",
    ]
    assert result.stderr == (
        "echo is image pull error; 0 of 2 workers run, an update is on its way; "
        "CannotPullContainerError: not found\n"
    )
    assert terminal.server.requests[0].url.path == "/prod/apis/echo"


def test_an_api_without_workers_prints_no_table(terminal):
    terminal.serve(said({**SUM, "workers": []}))
    result = terminal.run("status", "sums")
    assert (result.stdout, result.stderr) == ("", "sum is idle\n")


def test_programs_get_the_servers_document(terminal):
    terminal.serve(said({**SUM, "workers": []}), said({"apis": [SUM]}))
    assert json.loads(terminal.run("status", "sums", "--json").stdout) == {**SUM, "workers": []}
    assert json.loads(terminal.run("status", "--json").stdout) == {"apis": [SUM]}


def test_a_refusal_and_an_answer_of_something_else_are_told(terminal):
    terminal.serve(problem(404, "unknown_api"))
    assert terminal.run("status", "nope").exit_code == 3
    terminal.serve(said({"apis": [{"api": 5}]}))
    assert terminal.run("status").exit_code == 4
