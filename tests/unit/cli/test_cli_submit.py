from __future__ import annotations

import json

import httpx
import pytest

from penstock.client.testing import REQUEST_ID, accepted, completed, problem, state

SUBMIT = ("submit", "word-count", "--data", '{"text": "a b"}')


def result_of(content: bytes, content_type: str = "application/json") -> httpx.Response:
    return httpx.Response(200, content=content, headers={"content-type": content_type})


def test_submit_prints_the_id_alone(terminal):
    terminal.serve(accepted())

    result = terminal.run(*SUBMIT)

    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{REQUEST_ID}\n", "")
    (request,) = terminal.server.requests
    assert str(request.url) == "https://penstock.test/prod/async/word-count"
    assert request.content == b'{"text": "a b"}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"]


def test_submit_tells_a_person_what_to_type_next(personal):
    personal.serve(accepted())

    result = personal.run(*SUBMIT, "--url", "https://other.test")

    assert result.stdout == f"{REQUEST_ID}\n"
    assert result.stderr == (
        f"in_queue; look at it: penstock get word-count {REQUEST_ID} --url https://other.test\n"
    )


def test_submit_passes_key_query_and_type_on(terminal):
    terminal.serve(accepted())

    terminal.run(
        *SUBMIT, "--key", "order-1", "--query", "a=b=c", "--query", "d=", "--content-type", "text/csv"
    )

    (request,) = terminal.server.requests
    assert request.headers["idempotency-key"] == "order-1"
    assert request.url.query == b"a=b%3Dc&d="
    assert request.headers["content-type"] == "text/csv"


def test_submit_sends_the_requests_own_limits(terminal):
    terminal.serve(accepted())

    terminal.run(*SUBMIT, "--run-limit", "30", "--deadline", "3600")

    (request,) = terminal.server.requests
    assert request.headers["x-timeout-seconds"] == "30"
    assert request.headers["x-deadline-seconds"] == "3600"


def test_submit_json_prints_the_servers_document(terminal):
    terminal.serve(accepted())

    result = terminal.run(*SUBMIT, "--json")

    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout)["links"]["status"] == f"/async/word-count/{REQUEST_ID}"


def test_wait_prints_the_result_and_nothing_else(terminal):
    content = bytes(range(256))
    terminal.serve(
        accepted(),
        state("in_queue", attempt=0),
        state("in_progress"),
        completed(),
        result_of(content, "application/octet-stream"),
    )

    result = terminal.run(*SUBMIT, "--wait")

    assert (result.exit_code, result.stdout_bytes) == (0, content)
    assert result.stderr.splitlines() == [
        f"{REQUEST_ID} accepted",
        "   0.0 s  in_queue",
        "   0.2 s  in_progress (attempt 1)",
        "   0.5 s  completed (queued 0.2 s, processed 1.3 s)",
    ]


def test_a_person_sees_json_indented_and_a_spinner(personal):
    personal.serve(accepted(), state("in_progress"), completed(), result_of(b'{"word":"\xc3\xa4"}'))

    result = personal.run(*SUBMIT, "--wait")

    assert result.stdout == '{\n  "word": "ä"\n}\n'
    assert "in_progress (attempt 1)" in result.stderr
    assert "\x1b[" in result.stderr


@pytest.mark.parametrize(
    ("content", "content_type", "shown"),
    [
        (b"two\nlines\n", "text/plain", "two\nlines\n"),
        (b"", "text/plain", "\n"),
        (b"{broken", "application/json", "{broken\n"),
        (b"[" * 100_000, "application/json", "[" * 100_000 + "\n"),
        (b'"\\ud800\\u009b"', "application/problem+json; charset=utf-8", '"\\ud800\\x9b"\n'),
    ],
    ids=["text", "empty", "not json", "nested", "controls"],
)
def test_a_person_sees_text_as_it_is(personal, content, content_type, shown):
    personal.serve(accepted(), completed(), result_of(content, content_type))

    result = personal.run(*SUBMIT, "--wait")

    assert (result.exit_code, result.stdout) == (0, shown)


@pytest.mark.parametrize("content", [b"\x89PNG", b"\x00", b"\x1b]0;title\x07"], ids=["png", "nul", "escape"])
def test_a_persons_terminal_gets_no_binary(personal, content):
    personal.serve(accepted(), completed(), result_of(content, "image/png"))

    result = personal.run(*SUBMIT, "--wait")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "would garble the terminal" in result.stderr
    assert f"penstock get word-count {REQUEST_ID} --output PATH" in result.stderr


def test_output_saves_the_result(terminal, tmp_path):
    terminal.serve(accepted(), completed(), result_of(b"\x89PNG", "image/png"))

    result = terminal.run(*SUBMIT, "--wait", "--output", tmp_path / "out.png")

    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "out.png").read_bytes() == b"\x89PNG"
    assert result.stderr.endswith("out.png: image/png, 4 bytes\n")


def test_an_api_with_another_endpoint_is_asked_at_its_endpoint(terminal):
    terminal.serve(accepted(), completed(), result_of(b"{}"))

    # The document names the API word-count, whose path nobody serves.
    result = terminal.run("submit", "text", "--data", "x", "--wait")

    assert result.exit_code == 0
    assert [request.url.path for request in terminal.server.requests] == [
        "/prod/async/text",
        f"/prod/async/text/{REQUEST_ID}",
        f"/prod/async/text/{REQUEST_ID}/result",
    ]


def test_wait_json_prints_the_last_state(terminal):
    terminal.serve(accepted(), completed())

    result = terminal.run(*SUBMIT, "--wait", "--json")

    assert json.loads(result.stdout)["result"] == {"words": 2}


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_a_request_that_ends_badly_is_exit_1(terminal, status):
    terminal.serve(accepted(), state(status))

    result = terminal.run(*SUBMIT, "--wait")

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: request {REQUEST_ID} ended as {status}." in result.stderr


def test_a_failure_tells_its_reason_and_where_the_answer_is(terminal):
    error = {"code": "container_error", "message": "HTTP 500\x1b[2J"}
    terminal.serve(accepted(), state("failed", error=error, result_size_bytes=9))

    result = terminal.run(*SUBMIT, "--wait", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == "failed"
    # What a container wrote must not steer the terminal.
    assert "ended as failed: HTTP 500\\x1b[2J (container_error)." in result.stderr
    assert f"penstock get word-count {REQUEST_ID} --output PATH" in result.stderr


def test_a_wait_that_times_out_tells_how_to_go_on(terminal):
    terminal.serve(accepted(), state("in_progress"))

    result = terminal.run(*SUBMIT, "--wait", "--timeout", "0")

    assert (result.exit_code, result.stdout) == (5, "")
    assert "still in_progress after 0 s" in result.stderr
    assert f"Look at it: penstock get word-count {REQUEST_ID}\n" in result.stderr


def test_ctrl_c_while_waiting_leaves_the_request_alone(terminal):
    terminal.serve(accepted(), state("in_progress"), KeyboardInterrupt())

    result = terminal.run(*SUBMIT, "--wait")

    assert result.exit_code == 130
    assert "The request goes on." in result.stderr
    assert f"penstock cancel word-count {REQUEST_ID}" in result.stderr
    assert [request.method for request in terminal.server.requests] == ["POST", "GET", "GET"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), httpx.ReadTimeout("too slow")])
def test_an_open_submission_tells_the_key_to_repeat_it_with(terminal, interruption):
    terminal.serve(*[interruption] * 5)

    result = terminal.run(*SUBMIT)

    assert result.exit_code == (130 if isinstance(interruption, KeyboardInterrupt) else 4)
    key = terminal.server.requests[0].headers["idempotency-key"]
    assert f"--key {key} cannot start it twice" in result.stderr


def test_a_server_that_goes_away_during_the_wait_loses_nothing(terminal):
    terminal.serve(accepted(), *[httpx.ConnectError("refused")] * 5)

    result = terminal.run(*SUBMIT, "--wait")

    assert result.exit_code == 4
    assert f"Look at it: penstock get word-count {REQUEST_ID}\n" in result.stderr


def test_a_refused_submission_names_no_key(terminal):
    terminal.serve(problem(404, "unknown_api"))

    result = terminal.run(*SUBMIT)

    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "Error: Title of unknown_api: Detail of unknown_api. (unknown_api, HTTP 404)",
        "`penstock validate` lists the APIs of your configuration; is this one deployed?",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--output", "x"), "only with --wait"),
        (("--wait", "--output", "{folder}"), "it is a folder"),
        (("--wait", "--output", "{folder}/missing/x"), "no such folder"),
        (("--wait", "--output", "{folder}/" + "x" * 5000), "cannot be written"),
        (("--query", "novalue"), "name=value"),
        (("--query", "=b"), "name=value"),
        (("--key", ""), "idempotency key"),
        (("--key", "ключ"), "idempotency key"),
        (("--content-type", "a\nb"), "content type"),
        (("--timeout", "-1"), "greater than or equal to 0"),
        (("--timeout", "nan"), "--timeout"),
        (("--file", "also"), "either --file"),
        (("--url", "localhost"), "no usable URL"),
    ],
)
def test_bad_options_are_refused_before_anything_is_sent(terminal, tmp_path, arguments, complaint):
    result = terminal.run(*SUBMIT, *(part.format(folder=tmp_path) for part in arguments))

    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert terminal.server.requests == []
