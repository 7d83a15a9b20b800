"""Sends a file straight to the storage, in pieces, with a link that the server has made for it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from penstock.client.addresses import shown, web_address
from penstock.client.documents import Malformed
from penstock.client.errors import ApiProblem, InvalidInput, ServerUnreachable, UnexpectedAnswer
from penstock.client.exchange import translated
from penstock.client.retry import MAX_RETRIES, RETRIED, Timing, backoff_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from penstock.client.documents import Document

#: The server takes bodies up to this size; larger payloads are uploaded.
INLINE_BYTES = 4_500_000

_PIECE_BYTES = 256 * 1024

#: S3's word for a failing internal part of its own, besides the statuses that stand for that anyway.
_RETRIED = RETRIED | {httpx.codes.INTERNAL_SERVER_ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file as it was when its checksum was taken."""

    path: Path
    size_bytes: int
    content_type: str
    checksum_sha256: str

    @classmethod
    def of(cls, path: Path, *, content_type: str) -> LocalFile:
        """Read the file once, in pieces; raises OSError."""
        digest, size_bytes = hashlib.sha256(), 0
        for piece in _pieces(path):
            digest.update(piece)
            size_bytes += len(piece)
        return cls(
            path=path,
            size_bytes=size_bytes,
            content_type=content_type,
            checksum_sha256=base64.b64encode(digest.digest()).decode(),
        )

    def pieces(self, on_progress: Callable[[int, int], None] | None) -> Iterator[bytes]:
        """The content again; raises InvalidInput as soon as it has another size."""
        sent_bytes = 0
        for piece in _pieces(self.path):
            sent_bytes += len(piece)
            if sent_bytes > self.size_bytes:
                break
            yield piece
            if on_progress is not None:
                on_progress(sent_bytes, self.size_bytes)
        if sent_bytes != self.size_bytes:
            raise InvalidInput(f"{self.path} changed while it was sent. Send it again once it is complete.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Where and how the server wants the file to be put."""

    upload_id: str
    url: httpx.URL
    headers: Mapping[str, str]

    @classmethod
    def of(cls, document: Document) -> Invitation:
        """Read the server's answer; raises Malformed."""
        headers: dict[str, Any] = document.required("headers", dict)
        if not all(isinstance(value, str) for value in headers.values()):
            raise Malformed('"headers" holds something else than text')
        try:
            url = web_address(document.required("url", str))
        except ValueError as error:
            raise Malformed('"url" is no web address') from error
        return cls(upload_id=document.required("upload_id", str), url=url, headers=headers)


def invitation_request(http: httpx.Client, url: httpx.URL, file: LocalFile, *, key: str) -> httpx.Request:
    """The call that asks where the file may be put.

    Under the key of the submission to come: who does all of it again gets the same upload.
    """
    terms = {
        "size_bytes": file.size_bytes,
        "content_type": file.content_type,
        "checksum_sha256": file.checksum_sha256,
    }
    return http.build_request("POST", url, json=terms, headers={"idempotency-key": key})


def send(
    http: httpx.Client,
    invitation: Invitation,
    file: LocalFile,
    *,
    timing: Timing,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Put the file; a broken connection makes it start again, from the beginning.

    Raises InvalidInput if the file changed, ApiProblem if the storage refuses it, ServerUnreachable,
    and OSError if the file cannot be read.
    """
    for retry in range(MAX_RETRIES):
        try:
            response = _put(http, invitation, file, on_progress)
        except ServerUnreachable:
            response = None
        if response is not None and response.status_code not in _RETRIED:
            break
        timing.sleep(backoff_seconds(retry, chance=timing.random()))
    else:
        response = _put(http, invitation, file, on_progress)
    # A put object is never replaced, so 412 means that an earlier try has come through.
    if not response.is_success and response.status_code != httpx.codes.PRECONDITION_FAILED:
        raise _refusal(response)


def _put(
    http: httpx.Client,
    invitation: Invitation,
    file: LocalFile,
    on_progress: Callable[[int, int], None] | None,
) -> httpx.Response:
    # The link is its own permission, and what is not signed with it may be refused.
    request = httpx.Request(
        "PUT", invitation.url, headers=dict(invitation.headers), content=file.pieces(on_progress)
    )
    with translated(invitation.url):
        return http.send(request, auth=None)


def _refusal(response: httpx.Response) -> ApiProblem | UnexpectedAnswer:
    if not response.is_error:
        reason = f"the link for the upload was answered with status {response.status_code}"
        return UnexpectedAnswer(shown(response.url), reason=reason)
    found = re.search(r"<Code>([A-Za-z]+)</Code>", response.text)
    return ApiProblem(
        code=f"http_{response.status_code}",
        status=response.status_code,
        title="The storage refused the upload",
        detail=found[1] if found else "",
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
