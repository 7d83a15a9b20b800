"""API keys through the whole stack: the real ``penstock keys``, the real authorizer, real HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from gateway_lambda.routes import ROUTES as ROUTES_SERVED
from localstack.emulator import free_port
from localstack.options import PROJECT, Options
from localstack.up import LocalStack, running
from penstock import names
from penstock.api_keys import digest_of
from penstock.aws.operator import key_ring
from penstock.aws.records import DynamoRecords
from penstock.client import ApiProblem, Client
from penstock.records import RequestKey, Status
from penstock.webhooks import own
from tests.conftest import missing
from tests.e2e import emulators
from tests.waiting import eventually

CONFIG = Path(__file__).with_name("auth.yaml")
DEPLOYMENT = "keyed"

#: What takes no key: the health check, and what the sender of webhooks calls. That one is signed in the
#: cloud (tests/cdk/test_admission.py); the emulator has nothing to sign with.
_NO_KEY = {"/healthz", own.ROUTE}

#: Every other route of an API, whatever is added to them.
ROUTES = [(route.method.value, route.path) for route in ROUTES_SERVED if route.path not in _NO_KEY]

# A deployment is made first, which takes long where other things run beside it.
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded_only("nobody has tried whether its free edition asks an authorizer"),
]


def path_of(path: str, *, api: str, request_id: str = "a" * 26) -> str:
    """A route's path with its variables filled in."""
    return re.sub(r"{\w+}", request_id, path.replace("{api}", api))


@dataclass(frozen=True)
class Key:
    id: str
    secret: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Accept": "*/*"}


@dataclass(frozen=True)
class Keyed:
    """A deployment that takes API keys, and its operator's command line."""

    local: LocalStack
    http: httpx.Client

    def penstock(self, *arguments: str, secret: str | None = None) -> subprocess.CompletedProcess[str]:
        # In the folder whose endpoint file names the running stack. Credentials for the emulator are
        # the command's own business.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        if secret is not None:
            environment["PENSTOCK_API_KEY"] = secret
        return subprocess.run(
            [sys.executable, "-c", "from penstock.cli.main import main; main()", *arguments],
            cwd=self.local.state.root.parents[1],
            env=environment | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def operate(self, *arguments: str) -> Any:
        ended = self.penstock("keys", *arguments, "--config", str(CONFIG))
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def key(self, name: str, api: str) -> Key:
        key, secret = key_ring(DEPLOYMENT, emulator_url=self.local.aws_endpoint_url).create(name, apis=[api])
        return Key(key.id, secret)

    def client(self, key: Key) -> Client:
        return Client(self.local.url, api_key=key.secret)

    def aws(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.local.aws_endpoint_url)  # type: ignore[call-overload]

    def caller(self, api: str, request_id: str) -> str:
        records = DynamoRecords(self.aws("dynamodb"), names.table(DEPLOYMENT))
        record = records.get(RequestKey(api=api, id=request_id))
        assert record is not None
        return record.caller


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Keyed]:
    for needed in (".venv-emulator/bin/python", "node_modules/.bin/cdk"):
        if not (PROJECT / needed).exists():
            missing(f"{needed} is not installed; run `make setup`")
    state_dir = tmp_path_factory.mktemp("keyed") / ".penstock" / "local"
    with (
        running(
            CONFIG,
            Options(emulator=emulators.kind(pytestconfig), state_dir=state_dir, port=free_port()),
        ) as local,
        httpx.Client(base_url=local.url, timeout=60, trust_env=False) as http,
    ):
        yield Keyed(local, http)


@pytest.fixture(scope="module")
def alice(keyed: Keyed) -> Key:
    made = json.loads(keyed.operate("create", "--name", "alice", "--api", "word-count", "--json"))
    return Key(made["id"], made["key"])


@pytest.fixture(scope="module")
def bob(keyed: Keyed) -> Key:
    return keyed.key("bob", "word-count")


@pytest.fixture(scope="module")
def carol(keyed: Keyed) -> Key:
    return keyed.key("carol", "unserved")


def test_a_key_runs_a_request_of_its_api_from_submission_to_result(keyed, alice):
    with keyed.client(alice) as client:
        accepted = client.submit("words", b"one two two", content_type="text/plain")
        state = client.wait("words", accepted.id, timeout_seconds=60)
        assert state.status is Status.COMPLETED
        assert json.loads(client.result("words", accepted.id).content)["words"] == 3
    assert keyed.caller("word-count", accepted.id) == f"key:{alice.id}"


def test_the_command_line_sends_the_key_and_does_not_show_it(keyed, alice):
    ended = keyed.penstock("submit", "words", "--data", "a b", "--wait", secret=alice.secret)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["words"] == 2
    assert alice.secret not in ended.stdout + ended.stderr


@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key"])
def test_a_key_may_come_in_either_header(keyed, alice, header):
    value = f"bearer {alice.secret}" if header == "Authorization" else alice.secret
    assert keyed.http.get("/async/words", headers={header: value}).status_code == 200


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal; the answer to HEAD has no body, so its code must be taken on trust."""
    if answer.request.method == "HEAD":
        assert answer.content == b""
        return answer.status_code, {401: "unauthorized", 403: "access_denied"}[answer.status_code]
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_is_open_without_a_key(keyed, method, path):
    answer = keyed.http.request(method, path_of(path, api="words"))
    assert refusal(answer) == (401, "unauthorized")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_health_check_needs_no_key(keyed):
    assert keyed.http.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("secret", ["penstock_" + "a" * 43, "nonsense", "Bearer"])
def test_a_key_that_was_never_made_is_refused(keyed, secret):
    for headers in ({"Authorization": f"Bearer {secret}"}, {"X-Api-Key": secret}):
        assert keyed.http.get("/async/words", headers=headers).status_code == 401


def test_what_is_kept_of_a_key_does_not_open_anything(keyed, alice):
    for headers in (
        {"Authorization": f"Bearer {digest_of(alice.secret)}"},
        {"X-Api-Key": digest_of(alice.secret)},
        {"X-Api-Key": alice.id},
    ):
        assert keyed.http.get("/async/words", headers=headers).status_code == 401


def test_the_secret_is_nowhere_at_rest(keyed, alice):
    items = keyed.aws("dynamodb").scan(TableName=names.table(DEPLOYMENT))["Items"]
    entries = keyed.aws("apigateway").get_api_keys(includeValues=True)["items"]
    logs = "".join(path.read_text(errors="replace") for path in keyed.local.state.logs.rglob("*.log"))
    assert any(item["pk"]["S"] == f"KEY#{digest_of(alice.secret)}" for item in items)
    assert any(entry["id"] == alice.id for entry in entries)
    assert alice.secret not in json.dumps([items, entries], default=str) + logs


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_key_for_one_api_gets_nothing_of_another(keyed, alice, carol, method, path):
    with keyed.client(alice) as client:
        made = client.submit("words", b"secret words", content_type="text/plain")
    answer = keyed.http.request(method, path_of(path, api="words", request_id=made.id), headers=carol.bearer)
    assert refusal(answer) == (403, "access_denied")
    assert "secret" not in answer.text
    with keyed.client(alice) as client:
        assert client.get("words", made.id).status is not Status.CANCELLED


def test_an_api_that_does_not_exist_looks_like_one_that_is_not_allowed(keyed, carol):
    answers = [
        keyed.http.get(f"/async/{api}/{'a' * 26}", headers=carol.bearer).json() for api in ("words", "nope")
    ]
    assert answers[0] == answers[1]


def test_the_same_idempotency_key_of_two_keys_is_two_requests(keyed, alice, bob):
    def submit(key: Key, body: bytes) -> str:
        with keyed.client(key) as client:
            return client.submit("words", body, content_type="text/plain", idempotency_key="order-1").id

    mine = submit(alice, b"a")
    assert submit(bob, b"b") != mine
    assert submit(alice, b"a") == mine


def test_an_upload_belongs_to_the_key_that_asked_for_it(keyed, alice, bob):
    invited = keyed.http.post("/uploads/words", headers=alice.bearer, json={"size_bytes": 1}).json()
    put = httpx.put(invited["url"], headers=invited["headers"], content=b"x", trust_env=False)
    assert put.is_success
    upload = {"X-Upload-Id": invited["upload_id"]}
    stolen = keyed.http.post("/async/words", headers=bob.bearer | upload)
    assert (stolen.status_code, stolen.json()["code"]) == (404, "upload_missing")
    assert keyed.http.post("/async/words", headers=alice.bearer | upload).status_code == 202


def test_a_revoked_key_is_refused_from_the_next_call_on(keyed):
    key = keyed.key("leaver", "word-count")
    assert keyed.http.get("/async/words", headers=key.bearer).status_code == 200
    assert key.id in keyed.operate("list")

    keyed.operate("revoke", key.id, "--yes")

    assert keyed.http.get("/async/words", headers=key.bearer).status_code == 401
    assert key.id not in keyed.operate("list")
    with keyed.client(key) as client, pytest.raises(ApiProblem, match="unauthorized"):
        client.get("words", "a" * 26)


def test_calls_over_a_keys_limit_are_refused_until_later(keyed, alice):
    # AWS counts by what the authorizer says; the emulator by the X-Api-Key header alone. So this shows
    # that the key is in the plan, the plan's limits, and the refusal; the template shows the rest.
    counted = alice.bearer | {"X-Api-Key": digest_of(alice.secret)}
    answers = [keyed.http.get("/async/words", headers=counted) for _ in range(10)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refused[0].json()["code"] == "throttled"
    assert refused[0].headers["retry-after"] == "1"


def test_one_api_hands_its_result_to_the_next_without_a_key(keyed, alice):
    next_key = keyed.key("next", "unserved")
    with keyed.client(next_key) as client:
        assert not client.page("unserved").requests
        submitted = keyed.http.post(
            "/async/words",
            content=b"one two",
            headers=alice.bearer | {"X-Callback-Url": "/async/unserved", "Content-Type": "text/plain"},
        )
        assert submitted.status_code == 202, submitted.text
        eventually(lambda: client.page("unserved").requests, within_seconds=60, what="the next request")
        [handed] = client.page("unserved").requests
    # Whoever may call the next API sees it; who called the first needs no right to the second.
    assert keyed.caller("unserved", handed.id) != f"key:{alice.id}"
    hers = keyed.http.get(f"/async/unserved/{handed.id}", headers=alice.bearer)
    assert (hers.status_code, hers.json()["code"]) == (403, "access_denied")
