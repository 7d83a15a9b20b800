from __future__ import annotations

import json

import pytest

from penstock.client.testing import REQUEST_ID, completed, page, problem, state

FIGURES = {
    "visible": 3,
    "in_flight": 1,
    "oldest_open_seconds": 12.4,
    "workers_desired": 2,
    "workers_running": 1,
}


def test_list_prints_a_table_and_the_figures_beside_it(terminal):
    failed = state("failed", error={"code": "timeout", "message": "m"})
    terminal.serve(page(completed(), failed, queue=FIGURES))

    result = terminal.run("list", "word-count")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ID                          STATUS     ATTEMPT  CREATED                   TOOK   ERROR",
        f"{REQUEST_ID}  completed  1        2026-10-01T12:00:00.000Z  1.3 s",
        f"{REQUEST_ID}  failed     1        2026-10-01T12:00:00.000Z         timeout",
    ]
    assert result.stderr == "3 waiting, 1 in flight; oldest open 12 s; 1 of 2 workers run\n"


def test_list_of_nothing_prints_nothing_but_the_figures(terminal):
    terminal.serve(page(queue={"visible": 0, "in_flight": 0, "unavailable": {"workers": "Not counted."}}))

    result = terminal.run("list", "word-count")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "0 waiting, 0 in flight; ? of ? workers run; Not counted\n"


def test_list_goes_over_pages_until_it_has_enough(terminal):
    terminal.serve(
        page(*[completed()] * 100, next_cursor="one", queue=FIGURES),
        page(next_cursor="two"),
        page(*[completed()] * 50, next_cursor="three"),
    )

    result = terminal.run("list", "word-count", "--limit", 150, "--status", "completed", "--json")

    assert [str(request.url.query, "ascii") for request in terminal.server.requests] == [
        "status=completed&limit=100",
        "status=completed&limit=50&cursor=one",
        "status=completed&limit=50&cursor=two",
    ]
    content = json.loads(result.stdout)
    assert len(content["requests"]) == 150
    assert content["queue"] == FIGURES


def test_a_status_that_does_not_exist_is_wrong_usage(terminal):
    assert terminal.run("list", "word-count", "--status", "done").exit_code == 2
    assert terminal.server.requests == []


def test_list_of_an_unknown_api_is_refused(terminal):
    terminal.serve(problem(404, "unknown_api"))

    assert terminal.run("list", "word-cuont").exit_code == 3


def test_get_wait_prints_the_end(terminal):
    terminal.serve(state("in_queue", attempt=0), completed())

    result = terminal.run("get", "word-count", REQUEST_ID, "--wait")

    assert result.exit_code == 0
    assert "status      completed\n" in result.stdout
    assert result.stderr.splitlines()[0] == "   0.0 s  in_queue"
    assert terminal.server.requests[1].headers["prefer"] == "wait=5"


@pytest.mark.parametrize(
    ("script", "code"), [(state("in_queue"), 5), (KeyboardInterrupt(), 130), (state("failed"), 1)]
)
def test_get_wait_ends_with_the_codes_of_a_wait(terminal, script, code):
    terminal.serve(script)

    assert terminal.run("get", "word-count", REQUEST_ID, "--wait", "--timeout", "0").exit_code == code
