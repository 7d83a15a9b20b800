from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from penstock.webhooks import signature
from penstock.webhooks.signature import InvalidSecret, NotVerified

OLD, NEW, OTHER = (signature.new_secret() for _ in range(3))


def now_ms() -> int:
    # The reference library looks at the clock itself.
    return int(datetime.now(UTC).timestamp() * 1000)


def signed(body: bytes, *secrets: str, at_ms: int | None = None) -> dict[str, str]:
    return signature.headers("evt", body, secrets=secrets, now_ms=at_ms or now_ms())


@given(st.dictionaries(st.text(), st.text()))
def test_the_reference_library_verifies_what_we_sign(content):
    body = json.dumps(content).encode()

    assert Webhook(NEW).verify(body, signed(body, NEW)) == content


@pytest.mark.parametrize("known", [OLD, NEW], ids=["new", "old"])
def test_during_a_rotation_both_secrets_verify(known):
    headers = signed(b"{}", NEW, OLD)

    assert Webhook(known).verify(b"{}", headers) == {}
    signature.verify(headers, b"{}", secret=known, now_ms=now_ms())
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(b"{}", headers)


def test_our_verifier_takes_what_the_reference_library_signs():
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(NEW).sign("msg_1", now, '{"a": "ä"}'),
    }

    signature.verify(headers, '{"a": "ä"}'.encode(), secret=NEW, now_ms=now_ms())


@given(st.binary(max_size=300))
def test_any_bytes_are_signed_and_a_changed_byte_is_noticed(body):
    headers = signed(body, NEW, at_ms=5_000_000)

    signature.verify(headers, body, secret=NEW, now_ms=5_000_000)
    with pytest.raises(NotVerified):
        signature.verify(headers, body + b"x", secret=NEW, now_ms=5_000_000)


@pytest.mark.parametrize(
    ("changes", "now_ms_"),
    [
        ({"webhook-id": "other"}, 5_000_000),
        ({"webhook-timestamp": "5001"}, 5_000_000),
        ({"webhook-timestamp": "soon"}, 5_000_000),
        ({"webhook-timestamp": "\u0665"}, 5_000_000),
        ({"webhook-signature": ""}, 5_000_000),
        ({"webhook-signature": "v1,"}, 5_000_000),
        ({}, 5_000_000 + 301_000),  # replayed later
        ({}, 5_000_000 - 301_000),
    ],
)
def test_what_is_not_as_it_was_signed_is_not_verified(changes, now_ms_):
    with pytest.raises(NotVerified):
        signature.verify(signed(b"x", NEW, at_ms=5_000_000) | changes, b"x", secret=NEW, now_ms=now_ms_)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name):
    headers = signed(b"x", NEW)
    del headers[name]

    with pytest.raises(NotVerified, match=name):
        signature.verify(headers, b"x", secret=NEW, now_ms=now_ms())


def test_without_a_secret_there_is_no_signature():
    assert signed(b"x").keys() == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "secret",
        f"whsec_{base64.b64encode(b'x' * 23).decode()}",
        f"whsec_{base64.b64encode(b'x' * 65).decode()}",
        "whsec_%%%",
        base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_a_secret_of_another_form_is_refused(secret):
    with pytest.raises(InvalidSecret):
        signature.key_of(secret)


def test_new_secrets_have_32_random_bytes():
    assert len(signature.key_of(NEW)) == 32
    assert NEW != OLD
