"""Sends an API key with each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from penstock.client.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator


class ApiKeyAuth(httpx.Auth):
    """Adds the key as a bearer token: what passes requests on, and logs them, knows that for a secret.

    Raises InvalidInput, without the key in its text, if it cannot be a header's value.
    """

    def __init__(self, secret: str) -> None:
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise InvalidInput("The API key cannot be sent: it must be visible ASCII text without spaces.")
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See ``httpx.Auth``."""
        request.headers["authorization"] = f"Bearer {self._secret}"
        yield request
