"""Calls of our own API, signed as its callers sign them (N7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials

_SERVICE = "execute-api"


class OwnApi:
    """Signs with the function's own credentials, which may call the route of such calls only."""

    def __init__(self, credentials: Credentials, *, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def signed(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a POST with the signature among them."""
        request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        SigV4Auth(self._credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())
