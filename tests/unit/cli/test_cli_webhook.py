from __future__ import annotations

import json
import time

import pytest

from penstock.cli.webhook_listen import judged, printed
from penstock.client.testing import accepted, answer, problem
from penstock.webhooks import signature

ID, OTHER = f"{'a' * 26}-api", f"{'b' * 26}-callback"
CONFIG = """\
deployment: demo
apis:
  - name: word-count
    kind: AsyncAPI
    pod: {containers: [{name: server, image: "python:3.12-slim"}]}
"""


def delivery(state="delivered", *, id_=ID, **members):
    return {
        "id": id_,
        "api": "word-count",
        "event": "request.completed",
        "event_id": id_[:26],
        "url": "https://hooks.example.com/all",
        "state": state,
        "attempt": 1,
        "replays": 0,
        "created_at": "2026-10-01T12:00:00.000Z",
        "links": {},
        **members,
    }


ATTEMPTS = [
    {"at": "2026-10-01T12:00:01.000Z", "latency_ms": 15000, "error": "timeout"},
    {"at": "2026-10-01T12:00:07.000Z", "latency_ms": 31, "status_code": 204},
]


def whole(state="delivered", attempts=ATTEMPTS, **members):
    return answer(200, delivery(state, attempts=attempts, body='{"type": "request.completed"}', **members))


def test_list_prints_a_table(terminal):
    terminal.serve(answer(200, {"deliveries": [delivery(), delivery("failed", id_=OTHER)]}))

    result = terminal.run("webhook", "list", "word-count", "--state", "failed", "--request", "r" * 26)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == [
        "DELIVERY", "STATE", "EVENT", "ATTEMPT", "CREATED", "URL",
    ]  # fmt: skip
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        [ID, "delivered"],
        [OTHER, "failed"],
    ]
    [request] = terminal.server.requests
    assert dict(request.url.params) == {"state": "failed", "request": "r" * 26, "limit": "20"}


def test_list_takes_a_job(terminal):
    terminal.serve(answer(200, {"deliveries": []}))

    terminal.run("webhook", "list", "sum-batch", "--job", "7fff000000000000")

    [request] = terminal.server.requests
    assert dict(request.url.params) == {"job": "7fff000000000000", "limit": "20"}


def test_list_goes_over_pages_and_prints_what_the_server_said(terminal):
    terminal.serve(
        answer(200, {"deliveries": [delivery()], "next_cursor": "c"}),
        answer(200, {"deliveries": [delivery(id_=OTHER)]}),
    )

    result = terminal.run("webhook", "list", "word-count", "--json")

    assert [entry["id"] for entry in json.loads(result.stdout)["deliveries"]] == [ID, OTHER]
    assert terminal.server.requests[1].url.params["cursor"] == "c"


def test_show_prints_attempts_and_event(terminal):
    terminal.serve(whole())

    result = terminal.run("webhook", "show", "word-count", ID)

    assert result.exit_code == 0
    assert "15000 ms  timeout\n" in result.stdout
    assert "31 ms     204\n" in result.stdout
    assert result.stdout.endswith('{"type": "request.completed"}\n')


def test_show_prints_what_is_sent_in_place_of_the_event(terminal):
    sent = {"X-Function-Status": "500", "Content-Type": "image/png"}
    terminal.serve(whole(answer={"headers": sent, "size_bytes": 2048}))

    result = terminal.run("webhook", "show", "word-count", OTHER)

    assert result.stdout.splitlines()[-2:] == ["Content-Type       image/png", "X-Function-Status  500"]
    assert "request.completed" not in result.stdout.splitlines()[-1]
    assert result.stderr == "The function's body has 2048 bytes.\n"


def test_replay_sends_what_is_named(terminal):
    replays = [{"id": ID, "state": "pending"}, {"id": OTHER, "error": "delivery_pending"}]
    terminal.serve(answer(202, {"replays": replays}))

    result = terminal.run("webhook", "replay", "word-count", ID, OTHER)

    assert result.exit_code == 3
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["again", "delivery_pending"]
    assert result.stderr == "1 sent again, 1 not\n"
    assert json.loads(terminal.server.requests[0].content) == {"deliveries": [ID, OTHER]}


def test_replay_of_a_state_lists_first_and_sends_fifty_at_a_time(terminal):
    ids = [f"{'abcdefghij'[number // 10] * 25}{'abcdefghij'[number % 10]}-api" for number in range(60)]
    terminal.serve(
        answer(200, {"deliveries": [delivery("failed", id_=each) for each in ids]}),
        answer(202, {"replays": [{"id": each, "state": "pending"} for each in ids[:50]]}),
        answer(202, {"replays": [{"id": each, "state": "pending"} for each in ids[50:]]}),
    )

    result = terminal.run("webhook", "replay", "word-count", "--state", "failed", "--limit", 60)

    assert (result.exit_code, result.stderr) == (0, "60 sent again, 0 not\n")
    sent = [json.loads(request.content)["deliveries"] for request in terminal.server.requests[1:]]
    assert sent == [ids[:50], ids[50:]]


def test_what_was_sent_again_is_told_though_the_next_call_fails(terminal):
    ids = [f"{'abcdefghij'[number // 10] * 25}{'abcdefghij'[number % 10]}-api" for number in range(51)]
    terminal.serve(
        answer(202, {"replays": [{"id": each, "state": "pending"} for each in ids[:50]]}),
        problem(503, "unavailable"),
    )

    result = terminal.run("webhook", "replay", "word-count", *ids)

    assert result.exit_code == 4
    assert [line.split()[0] for line in result.stdout.splitlines()] == ids[:50]


@pytest.mark.parametrize("arguments", [(), (ID, "--state", "failed")])
def test_replay_takes_names_or_a_state(terminal, arguments):
    assert terminal.run("webhook", "replay", "word-count", *arguments).exit_code == 2
    assert terminal.server.requests == []


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (whole("delivered", ATTEMPTS[1:]), 0),
        (whole("pending", ATTEMPTS[:1]), 1),
        (whole("failed", [], reason="callback_loop"), 1),
        (whole("pending", []), 5),
    ],
)
def test_test_says_what_the_receiver_answered(terminal, end, code):
    terminal.serve(whole("pending", []), end)

    result = terminal.run("webhook", "test", "word-count", "--timeout", 0)

    assert result.exit_code == code
    assert f"{ID} to https://hooks.example.com/all" in result.stderr
    assert terminal.server.requests[0].url.path.endswith("/webhooks/word-count/test")


def test_test_waits_for_an_answer_that_takes_its_time(terminal):
    terminal.serve(whole("pending", []), whole("pending", []), whole("pending", []), whole())

    assert terminal.run("webhook", "test", "word-count").exit_code == 0
    assert terminal.manual.sleeps_seconds == [0.5, 0.5]


def test_an_api_without_a_webhook_is_told(terminal):
    terminal.serve(problem(404, "no_webhook"))

    assert terminal.run("webhook", "test", "word-count").exit_code == 3


def test_submit_asks_for_a_callback(terminal):
    terminal.serve(accepted())

    terminal.run("submit", "word-count", "--data", "x", "--callback", "https://hooks.example.com/")

    assert terminal.server.requests[0].headers["x-callback-url"] == "https://hooks.example.com/"


# Secrets.


@pytest.fixture
def configured(terminal, tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG)

    def run(*arguments):
        return terminal.run("webhook", "secret", *arguments, "--config", tmp_path / "penstock.yaml")

    return run


@pytest.mark.parametrize(
    ("encryption", "key"), [("", None), ("encryption: {kms_key: create}\n", "alias/penstock-demo")]
)
def test_a_secret_is_encrypted_as_the_deployment_is(terminal, configured, tmp_path, encryption, key):
    file = tmp_path / "penstock.yaml"
    file.write_text(f"{encryption}{CONFIG}")

    assert configured("create", "word-count").exit_code == 0

    assert terminal.encrypted_with == [key]


def test_a_secret_is_printed_alone_and_rotated(terminal, configured):
    first = configured("create", "word-count")
    second = configured("rotate", "word-count")

    assert (first.exit_code, second.exit_code) == (0, 0)
    printed_secrets = (second.stdout.strip(), first.stdout.strip())
    assert terminal.secrets.known == {"word-count": printed_secrets}
    for secret in printed_secrets:
        signature.key_of(secret)


def test_a_second_secret_is_refused_and_so_is_a_rotation_without_a_first(terminal, configured):
    rotated = configured("rotate", "word-count")
    assert (rotated.exit_code, rotated.stdout) == (3, "")
    assert "penstock webhook secret create word-count" in rotated.stderr
    configured("create", "word-count")
    created = configured("create", "word-count")
    assert (created.exit_code, created.stdout) == (3, "")
    assert "penstock webhook secret rotate word-count" in created.stderr


def test_a_secret_of_an_api_that_is_not_configured_is_refused(terminal, configured):
    assert configured("create", "word-cuont").exit_code == 2
    assert terminal.secrets.known == {}


# The local receiver.

SECRET = signature.new_secret()


def test_listening_verifies_and_answers_401_to_what_is_not_signed():
    headers = signature.headers("evt", b"{}", secrets=[SECRET], now_ms=time.time_ns() // 1_000_000)

    assert judged(headers, b"{}", secret=SECRET, answer=202) == ("verified", 202)
    verdict, code = judged(headers, b"{} ", secret=SECRET, answer=202)
    assert (verdict.startswith("NOT VERIFIED"), code) == (True, 401)
    assert judged({}, b"{}", secret=None, answer=202) == ("not verified", 202)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"a": {"b": 1}}', '{\n  "a": {\n    "b": 1\n  }\n}'),
        (b"plain\x1b[31m", "plain\\x1b[31m"),
        (b"\xff\xfe", "2 bytes that are no text"),
        (b"", ""),
    ],
)
def test_what_is_received_is_printed_for_people(body, text):
    assert printed(body) == text


def test_a_secret_that_is_none_is_refused_before_anything_listens(terminal):
    terminal.environ["PENSTOCK_WEBHOOK_SECRET"] = "wrong"

    assert terminal.run("webhook", "listen").exit_code == 2
