"""What can go wrong between this client and a Penstock server, as one tree.

ClientError
├── InvalidInput          an argument cannot be sent as it is; nothing was sent
│   └── InvalidUrl
├── MissingCredentials    the URL asks for a signature and there is nothing to sign with
├── ApiProblem            the server answered with an error status
├── ServerUnreachable     no complete answer came
├── UnexpectedAnswer      an answer came that no Penstock server gives
└── WaitTimeout           the request or job had not ended in time; it goes on

Catching ``ClientError`` catches all of them. Errors of the caller's own files are ``OSError``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.client.job_states import JobState
    from penstock.client.states import RequestState


class ClientError(Exception):
    """Base of all errors of this client; the text tells the cause and what to do."""


class InvalidInput(ClientError):
    """An argument cannot be put into a request. Correct it: sending was not tried."""


class InvalidUrl(InvalidInput):
    """The base URL is no http or https address."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(
            f'"{url}" is no usable URL: {reason}. Give one such as http://127.0.0.1:4566/live '
            "or https://abc123.execute-api.eu-central-1.amazonaws.com/live."
        )
        self.url = url


class MissingCredentials(ClientError):
    """Requests to API Gateway are signed, and no usable AWS credentials or region were found."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The request cannot be signed for AWS: {reason}. "
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`."
        )


class ApiProblem(ClientError):
    """The server understood us and refused, or failed in a way it could still tell.

    ``code`` is the stable member of a problem document. An error that is no problem document,
    from API Gateway or a proxy, has the code ``http_<status>``.
    """

    def __init__(self, *, code: str, status: int, title: str, detail: str) -> None:
        text = title if detail in {"", title} else f"{title}: {detail}"
        super().__init__(f"{text} ({code}, HTTP {status})")
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class ServerUnreachable(ClientError):
    """The connection failed, broke or took too long, also when tried again where that is safe."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(f"No answer from {url}: {reason}. Check the URL, and that the server is running.")
        self.url = url


class UnexpectedAnswer(ClientError):
    """What answered is no Penstock server, or one that this version does not understand."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(
            f"{url} did not answer as Penstock does: {reason}. "
            "Check the URL, and that client and server have the same version."
        )
        self.url = url


class WaitTimeout(ClientError):
    """The request or job had not ended when the caller's patience did. Nothing happened to it."""

    def __init__(self, what: str, state: RequestState | JobState, *, timeout_seconds: float) -> None:
        super().__init__(
            f"{what} {state.id} is still {state.status.value} after {timeout_seconds:g} s. "
            "It goes on: ask for it again later, or wait longer."
        )
        self.state = state
        self.timeout_seconds = timeout_seconds
