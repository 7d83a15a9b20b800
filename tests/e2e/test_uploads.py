"""Payloads that do not fit into a call, on the whole stack.

The emulator checks what S3 checks of an upload's link: the signature with all signed headers, so size,
type, checksum and condition; the checksum of the body; and If-None-Match. Rights it does not check here.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock.records import Status
from tests.e2e.test_requests import peak_megabytes
from tests.waiting import eventually

MEGABYTE = 1024 * 1024
LARGE_BYTES = 64 * MEGABYTE
INPUTS = "e2e-inputs"


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A file without a period, so that pieces in the wrong order would show."""
    path = tmp_path_factory.mktemp("large") / "clip.mp4"
    with path.open("wb") as file:
        for number in range(LARGE_BYTES // MEGABYTE):
            file.write(hashlib.shake_256(bytes([number])).digest(MEGABYTE))
    return path


@pytest.fixture(scope="module")
def inputs(stack) -> Any:
    """Put objects into the user's own bucket."""
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=INPUTS)
    return lambda key, body, **parts: s3.put_object(Bucket=INPUTS, Key=key, Body=body, **parts)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def invite(stack, api: str, body: bytes, **terms: Any) -> Any:
    terms = {"size_bytes": len(body), "content_type": "text/plain"} | terms
    answer = stack.http.post(f"/uploads/{api}", json=terms)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Exactly these headers: other clients would add or correct some."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def submit(stack, api: str, headers: dict[str, str], query: str = "") -> Any:
    return stack.http.post(f"/async/{api}{query}", headers=headers)


def newest(stack, api: str) -> list[str]:
    """The last request that was accepted, if any: it changes with each one."""
    listed = stack.http.get(f"/async/{api}", params={"limit": "1"}).json()["requests"]
    return [entry["id"] for entry in listed]


def payloads(stack) -> set[str]:
    return set(stack.keys("payloads/"))


def test_a_large_file_goes_through_the_client_and_comes_back_in_bounded_memory(stack, large, tmp_path):
    seen: list[tuple[int, int]] = []
    submission = stack.client.submit_file(
        "awkward-path", large, content_type="video/mp4", on_progress=lambda *told: seen.append(told)
    )
    assert seen[-1] == (LARGE_BYTES, LARGE_BYTES)
    state = stack.finished("awkward-path", submission.id)
    assert (state.status, state.result_size_bytes) == (Status.COMPLETED, LARGE_BYTES)
    stack.client.download("awkward-path", submission.id, tmp_path / "back")
    assert digest_of(tmp_path / "back") == digest_of(large)
    assert peak_megabytes(stack.dequeuer("awkward")) < 200
    eventually(
        lambda: not stack.keys(f"payloads/awkward/{submission.id}"), within_seconds=10, what="upload deleted"
    )


def test_the_command_line_uploads_what_does_not_fit_and_the_same_key_runs_it_once(stack, large):
    def run() -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("penstock"), "submit", "awkward-path", "--file", large,
             "--key", "cli-upload", "--query", "do=describe", "--wait", "--url", stack.local.url],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f'"bytes": {LARGE_BYTES}' in done.stdout
        assert '"content-type": "video/mp4"' in done.stdout
        return done.stdout

    before = payloads(stack)
    assert run() == run(), "the second answer is that of the first run"
    eventually(lambda: payloads(stack) <= before, within_seconds=10, what="both uploads deleted")


def test_an_upload_is_submitted_and_its_repetition_answered_for_the_same_request(stack):
    made = invite(stack, "word-count", b"a b c")
    assert put(made["url"], b"a b c", made["headers"]) == 200
    accepted = submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]}, "?top=1")
    assert accepted.status_code == 202, accepted.text
    request_id = accepted.json()["id"]
    assert stack.finished("word-count", request_id).result["words"] == 3
    eventually(lambda: not stack.keys(f"payloads/word-count/{request_id}"), within_seconds=10, what="deleted")
    again = submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]}, "?top=1")
    assert (again.json()["id"], again.json()["status"]) == (request_id, "completed")


@pytest.mark.embedded_only("it does not check the signatures of links, and so no terms either")
@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (b"abcd", {"Content-Length": "4"}),
        (b"ab", {"Content-Length": "2"}),
        (b"abc", {"Content-Type": "text/html"}),
        (b"abd", {}),
        (b"abd", {"x-amz-checksum-sha256": sha256(b"abd")}),
        (b"abc", {"If-None-Match": '"x"'}),
    ],
    ids=["too large", "too small", "other type", "other content", "other checksum", "other condition"],
)
def test_an_upload_against_its_terms_is_refused_and_leaves_nothing(stack, body, changes):
    before = payloads(stack)
    made = invite(stack, "word-count", b"abc", checksum_sha256=sha256(b"abc"))
    assert put(made["url"], body, made["headers"] | changes) in {400, 403, 412}
    answer = submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_missing")
    assert payloads(stack) == before


def test_a_second_upload_is_refused_and_the_first_counts(stack):
    made = invite(stack, "word-count", b"a b")
    assert put(made["url"], b"a b", made["headers"]) == 200
    assert put(made["url"], b"abc", made["headers"]) == 412
    request_id = submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]}).json()["id"]
    assert stack.finished("word-count", request_id).result["words"] == 2


def test_an_upload_that_was_never_made_is_missing_and_leaves_nothing(stack):
    before = payloads(stack), newest(stack, "word-count")
    made = invite(stack, "word-count", b"abc")
    answer = submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_missing")
    unknown = stack.http.get(f"/async/word-count/{made['upload_id']}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_request")
    assert payloads(stack) <= before[0]
    assert newest(stack, "word-count") == before[1]


def test_a_link_for_an_upload_is_good_for_an_hour_at_the_most(stack):
    made = invite(stack, "word-count", b"abc")
    (lifetime,) = parse_qs(urlsplit(made["url"]).query)["X-Amz-Expires"]
    assert 0 < int(lifetime) <= 3600


def test_an_upload_over_the_limit_is_refused_before_it_begins(stack):
    answer = stack.http.post("/uploads/word-count", json={"size_bytes": 5_000_000_001})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_another_apis_upload_is_missing_and_stays(stack):
    made = invite(stack, "word-count", b"x")
    assert put(made["url"], b"x", made["headers"]) == 200
    before = payloads(stack)
    answer = submit(stack, "single", {"X-Upload-Id": made["upload_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_missing")
    # Payloads of earlier tests may still be on their way out.
    assert payloads(stack) <= before
    assert submit(stack, "word-count", {"X-Upload-Id": made["upload_id"]}).status_code == 202


def test_an_object_of_an_input_bucket_is_the_payload_and_stays_there(stack, inputs):
    inputs("folder/a b.txt", b"12345", ContentType="text/plain")
    submission = stack.client.submit_url(
        "awkward-path", f"s3://{INPUTS}/folder/a b.txt", query=[("do", "describe")]
    )
    told = stack.finished("awkward-path", submission.id).result
    assert (told["bytes"], told["headers"]["content-type"]) == (5, "text/plain")
    body = stack.aws("s3").get_object(Bucket=INPUTS, Key="folder/a b.txt")["Body"].read()
    assert body == b"12345"


@pytest.mark.parametrize(
    ("api", "url", "status", "code"),
    [
        ("word-count", f"s3://{INPUTS}/x", 403, "payload_url_not_allowed"),
        ("single", "s3://elsewhere/x", 403, "payload_url_not_allowed"),
        ("single", f"s3://{INPUTS}/none", 404, "payload_url_unreadable"),
        ("single", f"https://{INPUTS}/none", 400, "invalid_payload_url"),
    ],
)
def test_an_object_that_may_not_be_the_payload_is_a_clear_problem_and_no_request(
    stack, inputs, api, url, status, code
):
    inputs("x", b"x")
    before = newest(stack, api)
    answer = submit(stack, api, {"X-Payload-Url": url})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert newest(stack, api) == before


@pytest.mark.parametrize(("change", "code"), [("replaced", "payload_changed"), ("gone", "payload_missing")])
def test_an_object_that_changes_between_submission_and_run_fails_the_request(stack, inputs, change, code):
    inputs("changing", b"as submitted")
    running = stack.submit("single", query={"do": "describe", "delay": "3"})
    stack.until("single", running, "in_progress")
    waiting = stack.client.submit_url("single", f"s3://{INPUTS}/changing").id
    if change == "replaced":
        inputs("changing", b"as replaced")
    else:
        stack.aws("s3").delete_object(Bucket=INPUTS, Key="changing")
    assert stack.finished("single", running).status == Status.COMPLETED
    state = stack.finished("single", waiting)
    assert (state.status, state.error.code) == (Status.FAILED, code)
    assert waiting not in stack.local.pairs("single")[0].server_log.read_text()
    assert stack.keys(f"results/single/{waiting}") == []


def test_a_part_of_a_result_comes_from_the_gateway_and_from_the_link(stack):
    body = bytes(range(256)) * 4
    request_id = stack.submit("awkward-path", body, content_type="application/octet-stream")
    state = stack.finished("awkward-path", request_id)
    path = f"/async/awkward-path/{request_id}/result"
    part = stack.http.get(path, headers={"Range": "bytes=250-259"})
    assert (part.status_code, part.content) == (206, body[250:260])
    assert part.headers["content-range"] == "bytes 250-259/1024"
    assert stack.http.get(path).headers["accept-ranges"] == "bytes"
    behind = stack.http.get(path, headers={"Range": "bytes=1024-"})
    assert (behind.status_code, behind.json()["code"]) == (416, "range_not_satisfiable")
    assert behind.headers["content-range"] == "bytes */1024"
    linked = stack.http.get(state.result_url, headers={"Range": "bytes=-10"})
    assert (linked.status_code, linked.content) == (206, body[-10:])
