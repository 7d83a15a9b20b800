"""Signs requests to API Gateway with AWS credentials (Signature Version 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from penstock.client.errors import MissingCredentials

if TYPE_CHECKING:
    from collections.abc import Generator

    from botocore.credentials import Credentials

_SERVICE = "execute-api"
_REGION = re.compile(rf"(?:^|\.){_SERVICE}\.([a-z0-9-]+)\.")

#: A proxy may change any other header on the way, which would void the signature.
_SIGNED_HEADERS = ("content-type", "idempotency-key")
_SIGNATURE_HEADERS = ("authorization", "x-amz-date", "x-amz-security-token")


class SigV4(httpx.Auth):
    """Signs each request anew, so retries and rotated credentials are no matter."""

    #: The body is part of the signature.
    requires_request_body = True

    def __init__(self, credentials: Credentials, *, region: str) -> None:
        self._credentials = credentials
        self._region = region

    @classmethod
    def for_host(cls, host: str, *, session: Session | None = None) -> SigV4:
        """A signer with the session's credentials; raises MissingCredentials.

        The region is the host's, or the session's if the host does not name one.
        """
        session = session or Session()
        match = _REGION.search(host)
        try:
            region = match[1] if match else session.get_config_variable("region")
            credentials = session.get_credentials()
        except BotoCoreError as error:
            raise MissingCredentials(_reason(error)) from error
        if not region:
            raise MissingCredentials(f"{host} names no region and AWS_DEFAULT_REGION is not set")
        if credentials is None:
            raise MissingCredentials("no AWS credentials were found")
        return cls(credentials, region=region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See ``httpx.Auth``; raises MissingCredentials if they ended and cannot be renewed."""
        try:
            frozen = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise MissingCredentials(_reason(error)) from error
        signed = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={name: request.headers[name] for name in _SIGNED_HEADERS if name in request.headers},
        )
        SigV4Auth(frozen, _SERVICE, self._region).add_auth(signed)
        for name in _SIGNATURE_HEADERS:
            if name in signed.headers:
                request.headers[name] = signed.headers[name]
        yield request


def _reason(error: BotoCoreError) -> str:
    return str(error).rstrip(".")
