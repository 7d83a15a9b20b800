from __future__ import annotations

import json

import httpx
import pytest

from penstock.client.testing import REQUEST_ID, completed, problem, state


def test_get_prints_the_state_and_a_small_result(terminal):
    terminal.serve(completed())

    result = terminal.run("get", "word-count", REQUEST_ID)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"id          {REQUEST_ID}\n"
        "api         word-count\n"
        "status      completed\n"
        "attempt     1\n"
        "created     2026-10-01T12:00:00.000Z\n"
        "started     2026-10-01T12:00:00.210Z (queued 0.210 s)\n"
        "finished    2026-10-01T12:00:01.510Z\n"
        "processing  1.300 s\n"
        "result      application/json, 11 bytes\n"
        '{\n  "words": 2\n}\n'
    )


def test_get_of_an_unfinished_request_is_no_error(terminal):
    terminal.serve(state("in_queue", attempt=0))

    result = terminal.run("get", "word-count", REQUEST_ID)

    assert result.exit_code == 0
    assert "status   in_queue\n" in result.stdout


def test_get_tells_a_failure_and_its_exit_code(terminal):
    terminal.serve(state("failed", error={"code": "timeout", "message": "No answer\nwithin 5m."}))

    result = terminal.run("get", "word-count", REQUEST_ID)

    assert result.exit_code == 1
    assert "error    timeout: No answer\\nwithin 5m.\n" in result.stdout


def test_get_json_is_one_line_for_scripts_and_indented_for_people(terminal):
    terminal.serve(completed(later_member="ä"), completed(later_member="ä"))

    piped = terminal.run("get", "word-count", REQUEST_ID, "--json")
    terminal.stdout_is_terminal = True
    shown = terminal.run("get", "word-count", REQUEST_ID, "--json")

    assert piped.stdout.count("\n") == 1
    assert json.loads(piped.stdout) == json.loads(shown.stdout)
    assert '\n  "later_member": "ä"\n' in shown.stdout


def test_get_output_saves_the_result(terminal, tmp_path):
    stored = httpx.Response(200, content=b"\x89PNG", headers={"content-type": "image/png"})
    terminal.serve(completed(), stored)

    result = terminal.run("get", "word-count", REQUEST_ID, "--output", tmp_path / "out.png")

    assert result.exit_code == 0
    assert (tmp_path / "out.png").read_bytes() == b"\x89PNG"
    assert "out.png: image/png, 4 bytes" in result.stderr


def test_get_output_before_the_end_is_refused_by_the_server(terminal, tmp_path):
    terminal.serve(state("in_queue"), problem(409, "not_finished"))

    result = terminal.run("get", "word-count", REQUEST_ID, "--output", tmp_path / "out")

    assert result.exit_code == 3
    assert "Ask again later" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_saved_is_not_lost(terminal, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    terminal.serve(completed(), httpx.Response(200, content=b"x"))

    result = terminal.run("get", "word-count", REQUEST_ID, "--output", tmp_path / "loop")

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert f"The result is kept: `penstock get word-count {REQUEST_ID} --output PATH`" in result.stderr


def test_cancel_prints_the_state(terminal):
    terminal.serve(state("cancelled", attempt=0))

    result = terminal.run("cancel", "word-count", REQUEST_ID)

    assert result.exit_code == 0
    assert "status   cancelled\n" in result.stdout


def test_cancel_json_prints_the_document(terminal):
    terminal.serve(state("cancelled"))

    assert (
        json.loads(terminal.run("cancel", "word-count", REQUEST_ID, "--json").stdout)["status"] == "cancelled"
    )


@pytest.mark.parametrize("command", ["get", "cancel"])
@pytest.mark.parametrize(
    ("script", "code"),
    [
        # refused
        ([problem(404, "unknown_request")], 3),
        ([problem(409, "already_finished")], 3),
        ([httpx.Response(403, json={"message": "Forbidden"})], 3),
        # unavailable
        ([httpx.Response(500, text="oops")], 4),
        ([problem(503, "unavailable", {"retry-after": "60"})], 4),
        ([problem(429, "too_many_requests", {"retry-after": "60"})], 4),
        # no server, or another one
        ([httpx.ConnectError("refused")] * 5, 4),
        ([httpx.Response(200, text="<html>")], 4),
        ([httpx.Response(200, json={"status": "on_hold"})], 4),
        ([httpx.Response(302, headers={"location": "https://login.test"})], 4),
    ],
)
def test_exit_codes(terminal, command, script, code):
    terminal.serve(*script)

    result = terminal.run(command, "word-count", REQUEST_ID)

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) <= 2
