"""Messages, headers, outcomes, problems, preferences, settings: the small agreements."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dequeuer.settings import Settings
from penstock import environment, errors, headers, prefer
from penstock.messages import MalformedMessage, Message
from penstock.problems import Problem
from penstock.versions import UnknownVersion
from penstock.webhooks import errors as hook_errors
from tests.examples import KEY


def test_a_message_survives_its_way():
    assert Message.decode(Message(KEY).encode()) == Message(KEY)


@given(st.text() | st.from_regex(r'\{"v": ?\d, ?"api": ?".*", ?"id": ?".*"\}'))
def test_any_other_text_is_a_malformed_message_and_nothing_worse(text):
    try:
        decoded = Message.decode(text)
    except MalformedMessage:
        return
    except UnknownVersion:
        assert '"v"' in text
        return
    assert Message.decode(decoded.encode()) == decoded


def test_deeply_nested_json_is_a_malformed_message():
    with pytest.raises(MalformedMessage):
        Message.decode("[" * 200_000)


SECRETS = [
    "authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-amz-security-token",
    "proxy-authorization",
]
HOP_BY_HOP = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host"]


@pytest.mark.parametrize("name", SECRETS + HOP_BY_HOP)
def test_credentials_cookies_and_hop_by_hop_headers_are_never_stored(name):
    assert headers.allowed({name.title(): "x"}, headers.REQUEST_HEADERS) == {}
    assert headers.allowed({name: "x"}, headers.RESPONSE_HEADERS) == {}


def test_allowed_headers_are_kept_in_lower_case_unless_they_are_huge():
    sent = {"Accept": "text/plain", "TraceParent": "00-1-2-01", "Accept-Language": "x" * 5000}
    assert headers.allowed(sent, headers.REQUEST_HEADERS) == {
        "accept": "text/plain",
        "traceparent": "00-1-2-01",
    }


@pytest.mark.parametrize("value", ["\udcfc", "ü", "a\nb", "a\x00", "x" * 2049])
def test_values_that_would_break_a_store_or_a_header_are_dropped(value):
    assert headers.usable({"Content-Type": value, "ETag": "1"}) == {"etag": "1"}


def error_classes(base=errors.PenstockError):
    return [base, *(found for child in base.__subclasses__() for found in error_classes(child))]


def test_every_error_has_a_code_of_its_own_and_a_full_problem_document():
    assert hook_errors.CallbackRefused in error_classes()
    codes = [error.code for error in error_classes()]
    assert len(set(codes)) == len(codes)
    for error in error_classes():
        document = Problem.of(error("What happened.")).document()
        assert set(document) == {"type", "title", "status", "detail", "code"}
        assert document["type"] == f"urn:penstock:problem:{error.code}"
        assert 400 <= error.status < 600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("respond-async", None),
        ("wait=10", 10),
        ("respond-async, wait=10", 10),
        ('Wait="7"; strict, handling=lenient', 7),
        ("wait=1, wait=2", 1),  # RFC 7240: the first of equals counts
        ("wait=0", 0),
    ],
)
def test_the_wait_preference_is_read(header, seconds):
    assert prefer.wait_seconds(header) == seconds


@pytest.mark.parametrize(
    "header",
    ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=1e9", "=5", "a b", ";;", "wait=99999999999"],
)
def test_a_malformed_preference_is_refused(header):
    with pytest.raises(errors.InvalidPreference):
        prefer.wait_seconds(header)


def test_a_header_made_to_be_hard_to_read_is_read_in_no_time():
    # Exponential time here would stop the gateway; these lengths would take it for ever.
    for header in ("a" + "; " * 5000 + '"', "a; ; " * 2000 + "\\", ' "' * 5001, "=" * 10_000):
        with pytest.raises(errors.InvalidPreference):
            prefer.wait_seconds(header)


@given(st.text(max_size=200) | st.text(alphabet='ab=;,"\\ \t', max_size=60))
def test_any_text_is_a_preference_or_refused(header):
    try:
        wait = prefer.wait_seconds(header)
    except errors.InvalidPreference:
        return
    assert wait is None or 0 <= wait < 10**9


GOOD = {
    "PENSTOCK_DEPLOYMENT": "shop",
    "PENSTOCK_API": "word-count",
    "PENSTOCK_TABLE": "t",
    "PENSTOCK_BUCKET": "b",
    "PENSTOCK_QUEUE_URL": "http://127.0.0.1/q",
    "PENSTOCK_DEAD_LETTER_URL": "http://127.0.0.1/dlq",
    "PENSTOCK_PORT": "8080",
    "PENSTOCK_TIMEOUT_SECONDS": "60",
    "PENSTOCK_RETENTION_SECONDS": "600",
    "PENSTOCK_READINESS_PROBES": '[{"kind": "http_get", "port": 8080, "path": "/healthz"}]',
}


def test_the_dequeuers_settings_come_from_its_environment():
    settings = environment.read(Settings, GOOD)
    assert settings.port == 8080
    assert settings.readiness_probes.probes[0].path == "/healthz"
    assert settings.lease_seconds == 30


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PENSTOCK_PORT", "http"),
        ("PENSTOCK_MAX_CONCURRENCY", "many"),
        ("PENSTOCK_READINESS_PROBES", "nonsense"),
        ("PENSTOCK_READINESS_PROBES", '[{"kind": "exec"}]'),
        ("PENSTOCK_READINESS_PROBES", "[1]"),
    ],
)
def test_an_unusable_variable_is_named_with_its_value(name, value):
    with pytest.raises(environment.SettingsError, match=name):
        environment.read(Settings, GOOD | {name: value})


def test_all_missing_variables_are_named_at_once():
    with pytest.raises(environment.SettingsError) as caught:
        environment.read(Settings, {})
    for name in set(GOOD) - {"PENSTOCK_READINESS_PROBES"}:
        assert name in str(caught.value)


def test_settings_without_a_default_are_required_and_others_are_not():
    @dataclass(frozen=True)
    class Two:
        needed: str
        spare: int = 5

    assert environment.read(Two, {"PENSTOCK_NEEDED": "x"}) == Two("x", 5)
