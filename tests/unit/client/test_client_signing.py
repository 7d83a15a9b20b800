"""Signatures are checked twice: against botocore, and as API Gateway does it, from the wire alone."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from botocore.session import Session

from penstock.client import Client, MissingCredentials
from penstock.client.signing import SigV4
from penstock.client.testing import REQUEST_ID, ManualTiming, ScriptedServer, accepted, problem, state

HOST = "abc123.execute-api.eu-central-1.amazonaws.com"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token")
NOW = datetime(2026, 10, 1, 12, 0, 0, tzinfo=UTC)
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), "
    r"SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


@pytest.fixture
def fixed_date(monkeypatch):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW)


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_submission(body: bytes, **options) -> httpx.Request:
    server = ScriptedServer(accepted())
    auth = SigV4(KEYS, region="eu-central-1")
    with Client(f"https://{HOST}/prod", transport=server.transport, auth=auth) as client:
        client.submit("word-count", body, idempotency_key="order-1", **options)
    return server.requests[0]


def expected_signature(request: httpx.Request, *, secret: str) -> str:
    """Compute the signature as the receiver of the request does."""
    match = AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert match is not None
    path, _, query = request.url.raw_path.decode().partition("?")
    pairs = sorted(tuple(pair.partition("=")[::2]) for pair in query.split("&") if pair)
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{request.headers[name]}" for name in match["headers"].split(";")),
            "",
            match["headers"],
            hashlib.sha256(request.content).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], match["scope"], digest])
    key = f"AWS4{secret}".encode()
    for part in match["scope"].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.usefixtures("fixed_date")
def test_the_signature_is_botocores():
    request = signed_submission(
        b'{"text": "a"}', content_type="application/json", query=[("b", "2"), ("a", "1 x")]
    )

    theirs = AWSRequest(
        method="POST",
        url=f"https://{HOST}/prod/async/word-count?b=2&a=1%20x",
        data=b'{"text": "a"}',
        headers={"Content-Type": "application/json", "Idempotency-Key": "order-1"},
    )
    SigV4Auth(KEYS.get_frozen_credentials(), "execute-api", "eu-central-1").add_auth(theirs)
    assert request.headers["authorization"] == theirs.headers["Authorization"]
    assert request.headers["x-amz-date"] == "20261001T120000Z"
    assert request.headers["x-amz-security-token"] == "session-token"


@pytest.mark.parametrize("body", [b"", b"text", b"\x00\xff" * 70_000], ids=["empty", "text", "binary"])
@pytest.mark.parametrize(
    "query",
    [
        [],
        [("b", "2"), ("a", "1")],  # to be sorted
        [("a", "ä b+c&d=e/~*'()"), ("a", "A"), ("empty", "")],
    ],
    ids=["no query", "unsorted", "quoted"],
)
def test_the_receiver_agrees(body, query):
    request = signed_submission(body, content_type="text/plain; charset=utf-8", query=query)

    match = AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert match is not None
    assert match["headers"] == "content-type;host;idempotency-key;x-amz-date;x-amz-security-token"
    assert match["signature"] == expected_signature(request, secret=KEYS.secret_key)


def test_the_receiver_agrees_about_quoted_paths():
    server = ScriptedServer(state("in_queue"))
    auth = SigV4(KEYS, region="eu-central-1")
    with Client(f"https://{HOST}/prod", transport=server.transport, auth=auth) as client:
        client.get("a b/ä", REQUEST_ID)

    (request,) = server.requests
    match = AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert match is not None
    assert match["signature"] == expected_signature(request, secret=KEYS.secret_key)


def test_each_retry_is_signed_anew(monkeypatch):
    moments = iter([NOW, NOW.replace(minute=9)])
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: next(moments))
    server = ScriptedServer(problem(503, "unavailable"), accepted())
    dates = []

    def handler(request: httpx.Request) -> httpx.Response:
        dates.append(request.headers["x-amz-date"])
        assert len(request.headers.get_list("authorization")) == 1
        return server.transport.handle_request(request)

    with Client(
        f"https://{HOST}/prod",
        transport=httpx.MockTransport(handler),
        auth=SigV4(KEYS, region="eu-central-1"),
        timing=ManualTiming().timing,
    ) as client:
        client.submit("word-count", b"text")

    assert dates == ["20261001T120000Z", "20261001T120900Z"]


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "eu-central-1"),
        ("abc123-vpce-1.execute-api.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("abc123.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("other.amazonaws.com", "ap-south-1"),  # not in the host: the session's
    ],
)
@pytest.mark.usefixtures("no_credentials")
def test_the_region_is_the_hosts_or_the_sessions(monkeypatch, host, region):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    server = ScriptedServer(state("in_queue"))

    # Given no auth, the client finds out by itself that AWS wants a signature.
    with Client(f"https://{host}/prod", transport=server.transport) as client:
        client.get("word-count", REQUEST_ID)

    assert f"/{region}/execute-api/aws4_request" in server.requests[0].headers["authorization"]


def test_other_hosts_get_no_signature(start):
    client, server = start(state("in_queue"))

    client.get("word-count", REQUEST_ID)

    assert "authorization" not in server.requests[0].headers


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_are_told_with_a_remedy():
    with pytest.raises(MissingCredentials, match=r"no AWS credentials were found\. Set AWS_PROFILE"):
        Client(f"https://{HOST}/prod")


@pytest.mark.usefixtures("no_credentials")
def test_an_unknown_region_is_told():
    with pytest.raises(MissingCredentials, match="names no region"):
        SigV4.for_host("other.amazonaws.com")


@pytest.mark.usefixtures("no_credentials")
def test_an_unknown_profile_is_told():
    with pytest.raises(MissingCredentials, match="nobody"):
        SigV4.for_host(HOST, session=Session(profile="nobody"))


def test_credentials_that_cannot_be_renewed_are_told():
    def refresh():
        raise CredentialRetrievalError(provider="sso", error_msg="the login has ended")

    expired = RefreshableCredentials(
        "key", "secret", "token", expiry_time=NOW.replace(year=2020), refresh_using=refresh, method="sso"
    )
    server = ScriptedServer()
    auth = SigV4(expired, region="eu-central-1")

    with (
        Client(f"https://{HOST}/prod", transport=server.transport, auth=auth) as client,
        pytest.raises(MissingCredentials, match="the login has ended"),
    ):
        client.get("word-count", REQUEST_ID)

    assert server.requests == []
