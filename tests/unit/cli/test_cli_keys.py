from __future__ import annotations

import json

import pytest
from botocore.exceptions import NoCredentialsError

from penstock.api_keys import digest_of, is_secret
from penstock.client.testing import problem, state
from penstock.ports import DependencyError
from penstock.testing import MemoryApiKeys, MemoryMeters

CONFIG = """\
deployment: shop
auth: {mode: api_key}
apis:
  - {name: word-count, kind: AsyncAPI, pod: {containers: [{name: a, image: x}]}}
  - {name: thumbnail, kind: AsyncAPI, pod: {containers: [{name: a, image: x}]}}
"""
EMULATOR = "http://127.0.0.1:4566"
SECRET = "penstock_" + "s" * 43


@pytest.fixture
def shop(terminal):
    """An operator in the folder of a configuration."""
    (terminal.folder / "penstock.yaml").write_text(CONFIG)
    return terminal


def keys(terminal, *arguments, **options):
    return terminal.run("keys", *arguments, "--config", terminal.folder / "penstock.yaml", **options)


def create(terminal, *apis, name="ci"):
    named = [part for api in apis or ["word-count"] for part in ("--api", api)]
    return keys(terminal, "create", "--name", name, *named)


def local_stack(terminal, deployment="shop"):
    (terminal.folder / ".penstock").mkdir()
    content = {"url": "http://127.0.0.1/x", "deployment": deployment, "aws_endpoint_url": EMULATOR}
    (terminal.folder / ".penstock" / "endpoint.json").write_text(json.dumps(content))


def test_a_new_key_is_printed_alone_so_that_it_can_be_piped(shop):
    result = create(shop, "word-count", "thumbnail")

    assert result.exit_code == 0
    secret = result.stdout.removesuffix("\n")
    assert is_secret(secret)
    key = shop.keys.rows[digest_of(secret)]
    assert (key.name, key.apis) == ("ci", ("thumbnail", "word-count"))
    assert "shown this once" in result.stderr
    assert key.id in result.stderr
    assert secret not in result.stderr


def test_a_new_key_as_json_has_its_id_and_its_apis(shop):
    result = keys(shop, "create", "--name", "ci", "--api", "thumbnail", "--json")

    document = json.loads(result.stdout)
    assert document["apis"] == ["thumbnail"]
    assert shop.keys.rows[digest_of(document["key"])].id == document["id"]


def test_a_list_shows_what_each_key_is_for_and_no_key(shop):
    secrets = [create(shop, name=name).stdout.strip() for name in ("zoe", "ann")]

    result = keys(shop, "list")

    assert result.exit_code == 0
    heading, first, second = result.stdout.splitlines()
    assert heading.split() == ["ID", "NAME", "CREATED", "APIS"]
    assert first.split()[1:] == ["ann", "2026-09-21T14:13:20Z", "word-count"]
    assert second.split()[1] == "zoe"
    assert not any(secret in result.stdout for secret in secrets)
    listed = json.loads(keys(shop, "list", "--json").stdout)["keys"]
    assert [entry["name"] for entry in listed] == ["ann", "zoe"]


def test_no_keys_are_an_empty_list(shop):
    assert keys(shop, "list").stdout == ""
    assert json.loads(keys(shop, "list", "--json").stdout) == {"keys": []}


def test_a_list_of_no_keys_says_so(shop):
    result = keys(shop, "list")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "shop has no API keys.\n")
    listed = keys(shop, "list", "--json")
    assert (json.loads(listed.stdout), listed.stderr) == ({"keys": []}, "")


def test_a_key_that_was_broken_off_is_listed_as_such(shop):
    key_id = shop.meters.add("half", digest="x")

    assert "broken off; revoke it" in keys(shop, "list").stdout
    assert json.loads(keys(shop, "list", "--json").stdout) == {"keys": [{"id": key_id, "name": "half"}]}


@pytest.mark.parametrize(("arguments", "stdin"), [(["--yes"], None), ([], b"y\n")])
def test_a_key_is_revoked_once_that_is_confirmed(shop, arguments, stdin):
    create(shop)
    [key_id] = shop.meters.rows

    result = keys(shop, "revoke", key_id, *arguments, stdin=stdin)

    assert result.exit_code == 0
    assert (shop.keys.rows, shop.meters.rows) == ({}, {})
    assert f"Key {key_id} is revoked." in result.stderr


@pytest.mark.parametrize("stdin", [b"n\n", b"\n", b""])
def test_without_a_yes_nothing_is_revoked(shop, stdin):
    create(shop)
    [key_id] = shop.meters.rows

    result = keys(shop, "revoke", key_id, stdin=stdin)

    assert result.exit_code == 2
    assert "nothing was changed" in result.stderr
    assert key_id in shop.meters.rows
    assert shop.keys.rows


def test_ctrl_c_at_the_question_ends_the_command_like_any_interruption(shop, ctrl_c_as_answer):
    create(shop)

    result = keys(shop, "revoke", *shop.meters.rows)

    assert result.exit_code == 130
    assert result.stderr.endswith("\nInterrupted.\n")
    assert shop.keys.rows


def test_revoking_what_is_not_there_is_refused(shop):
    result = keys(shop, "revoke", "nope", "--yes")

    assert result.exit_code == 3
    assert "there is no key nope" in result.stderr


def test_an_unknown_api_is_answered_with_those_of_the_configuration(shop):
    result = create(shop, "word-cuont")

    assert result.exit_code == 2
    assert "no API 'word-cuont'. It has: word-count, thumbnail." in result.stderr
    assert shop.meters.rows == {}


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ü", "x" * 65])
def test_a_name_that_api_gateway_may_not_take_is_refused(shop, name):
    assert create(shop, name=name).exit_code == 2
    assert shop.meters.rows == {}


def test_without_a_usage_plan_the_remedy_is_told(shop):
    shop.meters = MemoryMeters(has_plan=False)

    result = create(shop)

    assert result.exit_code == 3
    assert "takes no API keys" in result.stderr
    assert "auth: {mode: api_key}" in result.stderr


def test_a_missing_configuration_is_told(terminal):
    result = keys(terminal, "list")

    assert result.exit_code == 2
    assert "--config" in result.stderr
    assert terminal.asked_of == []


def test_keys_are_those_of_the_cloud_unless_a_local_stack_runs(shop):
    keys(shop, "list")
    local_stack(shop)
    result = keys(shop, "list")
    keys(shop, "list", "--stage", "cloud")

    assert shop.asked_of == [("shop", None), ("shop", EMULATOR), ("shop", None)]
    assert "On the local stack" in result.stderr


def test_a_local_stack_that_does_not_run_is_no_reason_to_touch_the_cloud(shop):
    result = keys(shop, "list", "--stage", "local")

    assert result.exit_code == 2
    assert "make local" in result.stderr
    assert shop.asked_of == []


def test_a_local_stack_of_another_deployment_is_not_touched(shop):
    local_stack(shop, deployment="other")

    result = create(shop)

    assert result.exit_code == 2
    assert "the local stack is other" in result.stderr
    assert shop.asked_of == []


class Unavailable(MemoryApiKeys):
    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self._cause = cause

    def put(self, digest, key):
        raise DependencyError(f"write API key: {self._cause}") from self._cause


@pytest.mark.parametrize(("cause", "code"), [(NoCredentialsError(), 2), (RuntimeError("throttled"), 4)])
def test_a_key_that_broke_off_says_how_to_clean_up_and_shows_no_secret(shop, cause, code):
    shop.keys = Unavailable(cause)

    result = create(shop)

    assert result.exit_code == code
    assert result.stdout == ""
    assert "`penstock keys list`" in result.stderr
    assert "penstock_" not in result.stderr


def test_requests_are_sent_with_the_key_of_the_option_or_the_environment(terminal):
    terminal.environ["PENSTOCK_API_KEY"] = SECRET
    other = "penstock_" + "o" * 43
    terminal.serve(state("in_queue"), state("in_queue"))

    terminal.run("get", "word-count", "a" * 26)
    terminal.run("--api-key", other, "get", "word-count", "a" * 26)

    sent = [request.headers["authorization"] for request in terminal.server.requests]
    assert sent == [f"Bearer {SECRET}", f"Bearer {other}"]


def test_an_empty_variable_is_no_key(terminal):
    terminal.environ["PENSTOCK_API_KEY"] = ""
    terminal.serve(state("in_queue"))

    assert terminal.run("get", "word-count", "a" * 26).exit_code == 0
    assert "authorization" not in terminal.server.requests[0].headers


def test_a_refused_key_is_told_with_a_remedy_and_not_shown(terminal):
    terminal.environ["PENSTOCK_API_KEY"] = SECRET
    terminal.serve(problem(401, "unauthorized"))

    result = terminal.run("get", "word-count", "a" * 26)

    assert result.exit_code == 3
    assert "PENSTOCK_API_KEY" in result.stderr
    assert SECRET not in result.output


def test_a_key_that_cannot_be_sent_is_wrong_usage(terminal):
    result = terminal.run("--api-key", "two words", "get", "word-count", "a" * 26)

    assert result.exit_code == 2
    assert "two words" not in result.output
