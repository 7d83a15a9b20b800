from __future__ import annotations

import json

import pytest

from penstock.client.testing import REQUEST_ID, accepted, answer, problem, state
from tests.unit.client.test_client_dead_letters import ANOTHER, bodies, purged, redriven

DEAD = {"error": {"code": "timeout", "message": "Too slow."}}
OVER = {"id": "x" * 26, "code": "payload_gone", "detail": "The payload was removed."}


def listed(*entries, **members):
    return answer(200, {"dead_letters": [entry.json() for entry in entries], **members})


def test_retry_prints_the_new_requests_id(terminal):
    terminal.serve(accepted())
    result = terminal.run("retry", "word-count", ANOTHER)
    assert (result.exit_code, result.stdout) == (0, f"{REQUEST_ID}\n")
    terminal.serve(accepted())
    assert json.loads(terminal.run("retry", "word-count", ANOTHER, "--json").stdout)["id"] == REQUEST_ID


@pytest.mark.parametrize(("status", "code"), [(409, "not_retryable"), (410, "payload_gone"), (404, "x")])
def test_a_retry_that_is_refused_is_exit_code_3(terminal, status, code):
    terminal.serve(problem(status, code))
    result = terminal.run("retry", "word-count", ANOTHER)
    assert (result.exit_code, result.stdout) == (3, "")
    assert code in result.stderr


def test_list_prints_a_table_with_errors_and_retries(terminal):
    terminal.serve(listed(state("failed", **DEAD, retried_as=ANOTHER), state("failed", **DEAD)))
    result = terminal.run("dead-letters", "list", "word-count", "--error", "timeout")
    assert result.exit_code == 0
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["ID", "ATTEMPT", "CREATED", "ERROR", "RETRIED", "AS"]
    assert first.split()[-2:] == ["timeout", ANOTHER]
    assert second.split()[-1] == "timeout"
    assert dict(terminal.server.requests[0].url.params) == {"error": "timeout", "limit": "20"}


def test_list_takes_as_many_pages_as_it_needs_and_no_more(terminal):
    one = state("failed", **DEAD)
    terminal.serve(listed(one, next_cursor="a"), listed(one, one, next_cursor="b"))
    result = terminal.run("dead-letters", "list", "word-count", "--limit", "3", "--json")
    assert len(json.loads(result.stdout)["dead_letters"]) == 3
    assert terminal.server.exhausted


def test_an_empty_list_says_so_beside_the_data(terminal):
    terminal.serve(listed())
    result = terminal.run("dead-letters", "list", "word-count")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No dead letters.\n")


def test_show_prints_why_it_failed_and_what_runs_it_again(terminal):
    terminal.serve(state("failed", **DEAD, retried_as=ANOTHER))
    result = terminal.run("dead-letters", "show", "word-count", REQUEST_ID)
    assert result.exit_code == 0
    assert "error       timeout: Too slow." in result.stdout
    assert f"retried as  {ANOTHER}" in result.stdout


def test_redrive_prints_old_and_new_ids_and_a_summary_beside_them(terminal):
    terminal.serve(redriven(("a", "b"), ("c", "d"), next_cursor="x"), redriven(("e", "f"), already=1))
    result = terminal.run("dead-letters", "redrive", "word-count", "--all")
    assert (result.exit_code, result.stdout) == (0, "a b\nc d\ne f\n")
    assert result.stderr == "2 redriven, 1 already before.\n"
    assert bodies(terminal.server) == [{"all": True}, {"all": True, "cursor": "x"}]


def test_redrive_takes_ids_or_filters(terminal):
    terminal.serve(redriven())
    terminal.run("dead-letters", "redrive", "word-count", "a", "b")
    assert bodies(terminal.server) == [{"ids": ["a", "b"]}]
    terminal.serve(redriven())
    moments = ("--created-after", "2026-10-01T12:00:00Z", "--created-before", "2026-10-02T00:00:00+02:00")
    terminal.run("dead-letters", "redrive", "word-count", "--error", "timeout", *moments)
    assert bodies(terminal.server) == [
        {
            "filter": {
                "error": "timeout",
                "created_after": "2026-10-01T12:00:00+00:00",
                "created_before": "2026-10-01T22:00:00+00:00",
            }
        }
    ]


def test_those_that_were_passed_over_are_named_and_make_exit_code_1(terminal):
    terminal.serve(redriven(("a", "b"), failures=[OVER]))
    result = terminal.run("dead-letters", "redrive", "word-count", "--all")
    assert (result.exit_code, result.stdout) == (1, "a b\n")
    assert f"{OVER['id']}: The payload was removed. (payload_gone)" in result.stderr
    assert "1 passed over." in result.stderr


def test_a_thousand_failures_do_not_hide_the_summary(terminal):
    terminal.serve(redriven(failures=[OVER] * 1000))
    lines = terminal.run("dead-letters", "redrive", "word-count", "--all").stderr.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "1000 passed over, 980 more than shown."


def test_ctrl_c_says_how_far_it_came_and_that_it_can_go_on(terminal):
    terminal.serve(redriven(("a", "b"), next_cursor="x"), KeyboardInterrupt())
    result = terminal.run("dead-letters", "redrive", "word-count", "--all")
    assert (result.exit_code, result.stdout) == (130, "a b\n")
    assert result.stderr == (
        "Interrupted: 1 redriven. The same command goes on: nothing is redriven twice.\n"
    )


def test_a_server_that_fails_midway_leaves_what_was_done_on_the_screen(terminal):
    terminal.serve(redriven(("a", "b"), next_cursor="x"), *[problem(500, "internal_error")] * 5)
    result = terminal.run("dead-letters", "redrive", "word-count", "--all")
    assert (result.exit_code, result.stdout) == (4, "a b\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a", "--all"],
        ["--all", "--error", "timeout"],
        ["--created-after", "yesterday"],
        ["--created-after", "2026-10-01T12:00:00"],
    ],
)
@pytest.mark.parametrize("command", ["redrive", "purge"])
def test_a_choice_that_cannot_be_followed_is_exit_code_2_and_nothing_is_sent(terminal, command, arguments):
    result = terminal.run("dead-letters", command, "word-count", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert terminal.server.requests == []


def test_a_purge_in_a_script_needs_yes(terminal):
    result = terminal.run("dead-letters", "purge", "word-count", "--all", stdin=b"")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert terminal.server.requests == []
    terminal.serve(purged(7))
    result = terminal.run("dead-letters", "purge", "word-count", "--all", "--yes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "7 purged.\n")
    assert bodies(terminal.server) == [{"all": True, "confirm": "word-count"}]


@pytest.mark.parametrize(("typed", "code", "calls"), [(b"n\n", 2, 0), (b"\n", 2, 0), (b"y\n", 0, 1)])
def test_a_purge_asks_a_person_first(terminal, typed, code, calls):
    terminal.serve(purged(2))
    result = terminal.run("dead-letters", "purge", "word-count", "a", "b", stdin=typed)
    assert result.exit_code == code
    assert "Delete 2 dead letters of word-count for good" in result.stderr
    assert len(terminal.server.requests) == calls


def test_a_person_sees_a_bar_and_the_data_stays_clean(personal):
    personal.serve(redriven(("a", "b"), next_cursor="x"), redriven(("c", "d")))
    result = personal.run("dead-letters", "redrive", "word-count", "--all")
    assert (result.exit_code, result.stdout) == (0, "a b\nc d\n")
    assert "redriving" in result.stderr
